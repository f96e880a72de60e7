//! `trust.toml`.

use super::words::{AgeRecipient, Edition, Id, Line, Moment, PathRule, People, PublicKey};
use schemars::JsonSchema;

/// Whose word counts. A commit is judged by the list of its parents, never by its own.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Trust {
    /// The edition of the format, always 1.
    pub schema: Edition,
    /// Keys that may sign commits.
    #[schemars(length(min = 1))]
    pub signer: Vec<Signer>,
    /// Roles of the list's own, beside owner, operator and reconciler.
    pub role: Option<Vec<Role>>,
    /// How many people an effect needs; without it one.
    pub thresholds: Option<Thresholds>,
    /// Who can read the estate's secrets.
    pub recipients: Recipients,
}

/// One key of a person or a machine.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Signer {
    /// Unique in the list; for messages.
    pub name: Line,
    /// Whose key it is; thresholds count people, not keys. The name without it.
    pub person: Option<Line>,
    /// What it may sign: owner (everything), operator (everything but trust.toml and estate.toml), reconciler (its records), or a role of the list's own.
    pub role: Id,
    /// The line of its .pub file.
    pub key: PublicKey,
    /// Not before this time.
    pub from: Option<Moment>,
    /// Not after this time.
    pub until: Option<Moment>,
    /// No longer at all.
    pub revoked: Option<Revocation>,
}

/// A key whose word no longer counts.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Revocation {
    /// When it was lost or its holder left.
    pub at: Moment,
    /// Why, in words.
    pub reason: Line,
}

/// What signers of a role may change.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Role {
    /// As signers name it.
    pub name: Id,
    /// Files, or folders with / at their end. Never trust.toml.
    pub may: Option<Vec<PathRule>>,
    /// Short for the files of these stacks.
    pub stacks: Option<Vec<Id>>,
}

/// How many people an effect needs, who signed the commit included.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Thresholds {
    /// Steps that disturb nobody.
    pub safe: Option<Threshold>,
    /// Steps that users notice.
    pub disruptive: Option<Threshold>,
    /// Steps that end something.
    pub destructive: Option<Threshold>,
    /// Changes of trust.toml; only owners count.
    pub trust: Option<Threshold>,
}

/// So many different people, each in one of these roles.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Threshold {
    /// How many.
    pub signers: People,
    /// In which roles; any that may change what is asked for without it.
    pub roles: Option<Vec<Id>>,
}

/// Who can read the estate's secrets; every one is sealed for all of these.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Recipients {
    /// The reconciler's public key.
    pub reconciler: AgeRecipient,
    /// Keys kept where no server of the estate can reach.
    #[schemars(length(min = 1))]
    pub escrow: Vec<AgeRecipient>,
}

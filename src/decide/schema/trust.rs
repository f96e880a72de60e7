//! `trust.toml`.

use super::words::{AgeRecipient, Edition, Line, PublicKey, SignerRole};
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
    /// Who can read the estate's secrets.
    pub recipients: Recipients,
}

/// One key of a person or a machine.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Signer {
    /// Unique in the list; for messages.
    pub name: Line,
    /// What it may sign.
    pub role: SignerRole,
    /// The line of its .pub file.
    pub key: PublicKey,
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

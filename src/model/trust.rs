//! Whose word counts for what: the signers, roles and thresholds that a
//! commit's `trust.toml` names.

use jiff::Timestamp;
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{HashAlg, PublicKey};
use std::collections::BTreeMap;
use std::fmt;

/// Who may sign children of the commit this was read from, and for what.
#[derive(Debug, Clone)]
pub struct Trust {
    /// At least one.
    pub signers: Vec<Signer>,
    /// Built-in roles and the list's own, by name.
    pub roles: BTreeMap<String, Role>,
    /// How many people an effect needs.
    pub thresholds: Thresholds,
    /// Who can read the estate's secrets.
    pub recipients: Recipients,
}

/// One key of a person or machine that signs.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Unique in the list; for messages.
    pub name: String,
    /// Whose key it is. Thresholds count people, not keys; `name` where nothing is said.
    pub person: String,
    /// What it may do: a key of [`Trust::roles`].
    pub role: String,
    /// The public key.
    pub key: PublicKey,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Not after this time.
    pub until: Option<Timestamp>,
    /// No longer at all.
    pub revoked: Option<Revocation>,
}

impl Signer {
    /// Neither revoked nor outside its validity at this time.
    pub fn counts_at(&self, at: Timestamp) -> bool {
        self.revoked.is_none()
            && self.from.is_none_or(|from| from <= at)
            && self.until.is_none_or(|until| at <= until)
    }
}

/// A key whose word no longer counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// When it was lost or its holder left, as the list says.
    pub at: Timestamp,
    /// Why, in words.
    pub reason: String,
}

/// What a role may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// As signers name it.
    pub name: String,
    /// Files that it may change.
    pub may: Vec<PathRule>,
}

/// Which files of the estate a rule covers. Paths are those inside the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathRule {
    /// `*`: every file.
    Everything,
    /// `*` without these: what the built-in role `operator` may change.
    EverythingBut(&'static [&'static str]),
    /// `blueprints/`: every file below this folder, written with the final `/`.
    Below(String),
    /// `stacks/acme.toml`: this file alone.
    File(String),
}

/// How many people an effect needs, who signed the commit included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thresholds {
    /// Steps with effect safe.
    pub safe: Threshold,
    /// Steps with effect disruptive.
    pub disruptive: Threshold,
    /// Steps with effect destructive that a changed intent asks for.
    pub destructive: Threshold,
    /// A commit that changes `trust.toml`.
    pub trust: Threshold,
}

/// So many different people, each in one of these roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold {
    /// At least 1.
    pub signers: u8,
    /// Names of roles; empty means every role that may change what is asked for.
    pub roles: Vec<String>,
}

impl Threshold {
    /// Does this signer's word count for it?
    pub fn counts(&self, signer: &Signer) -> bool {
        self.roles.is_empty() || self.roles.contains(&signer.role)
    }

    /// People of whom none may be lost, or too few are left: there are just enough, and they
    /// have one key each. Nobody, where somebody could stand in.
    pub fn irreplaceable<'s>(&self, signers: impl IntoIterator<Item = &'s Signer>) -> Vec<String> {
        let mut keys: BTreeMap<&str, usize> = BTreeMap::new();
        for signer in signers {
            if self.counts(signer) {
                *keys.entry(&signer.person).or_default() += 1;
            }
        }
        if keys.len() > usize::from(self.signers) {
            return Vec::new();
        }
        let single = keys.into_iter().filter(|(_, count)| *count == 1);
        single.map(|(person, _)| person.to_owned()).collect()
    }
}

/// Public age keys (`age1…`) that every secret is encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The reconciler's.
    pub reconciler: String,
    /// Kept where no server of the estate can reach; at least one.
    pub escrow: Vec<String>,
}

/// Who signed a commit, as a list names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The signer's name.
    pub name: String,
    /// Whose key it is.
    pub person: String,
    /// The role.
    pub role: String,
    /// `SHA256:…`
    pub fingerprint: String,
}

impl Signed {
    /// What a list says of its signer.
    pub fn by(signer: &Signer) -> Self {
        Self {
            name: signer.name.clone(),
            person: signer.person.clone(),
            role: signer.role.clone(),
            fingerprint: fingerprint(signer.key.key_data()),
        }
    }
}

impl Trust {
    /// Whose key it is, valid or not.
    pub fn signer(&self, key: &KeyData) -> Option<&Signer> {
        self.signers
            .iter()
            .find(|signer| signer.key.key_data() == key)
    }
}

/// The file with the list, in the estate's root folder.
pub const FILE: &str = "trust.toml";

/// The role that may change everything, `trust.toml` included.
pub const OWNER: &str = "owner";
/// The role that may change everything but `trust.toml` and `estate.toml`.
pub const OPERATOR: &str = "operator";
/// The role that may change only `records/`.
pub const RECONCILER: &str = "reconciler";

impl PathRule {
    /// Does it cover this file?
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::EverythingBut(files) => !files.contains(&path),
            Self::Below(folder) => path.starts_with(folder.as_str()),
            Self::File(file) => path == file,
        }
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => write!(f, "everything"),
            Self::EverythingBut(files) => write!(f, "everything but {}", files.join(" and ")),
            Self::Below(path) | Self::File(path) => write!(f, "{path}"),
        }
    }
}

impl Role {
    /// Owner, operator and reconciler.
    pub fn built_in() -> BTreeMap<String, Self> {
        let role = |name: &str, rule| Self {
            name: name.to_owned(),
            may: vec![rule],
        };
        [
            role(OWNER, PathRule::Everything),
            role(
                OPERATOR,
                PathRule::EverythingBut(&["trust.toml", "estate.toml"]),
            ),
            role(RECONCILER, PathRule::Below("records/".to_owned())),
        ]
        .into_iter()
        .map(|role| (role.name.clone(), role))
        .collect()
    }

    /// May it change this file?
    pub fn may_change(&self, path: &str) -> bool {
        self.may.iter().any(|rule| rule.covers(path))
    }
}

impl Default for Thresholds {
    /// One person for everything; who has only one key has no other choice.
    fn default() -> Self {
        let one = |roles: &[&str]| Threshold {
            signers: 1,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
        };
        Self {
            safe: one(&[]),
            disruptive: one(&[]),
            destructive: one(&[]),
            trust: one(&[OWNER]),
        }
    }
}

/// Why a key may not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// Broken by today's means.
    #[error("RSA with {bits} bits is too short; 3072 is the least")]
    ShortRsa {
        /// Size of the modulus.
        bits: usize,
    },
    /// DSA, certificates and what we do not know.
    #[error("keys of type {algorithm} are not accepted")]
    Algorithm {
        /// As OpenSSH names it.
        algorithm: String,
    },
}

/// Ed25519, ECDSA, both with hardware (`sk-`), and RSA from 3072 bits.
pub fn acceptable(key: &KeyData) -> Result<(), KeyRefusal> {
    match key {
        KeyData::Ed25519(_)
        | KeyData::SkEd25519(_)
        | KeyData::SkEcdsaSha2NistP256(_)
        | KeyData::Ecdsa(
            EcdsaPublicKey::NistP256(_) | EcdsaPublicKey::NistP384(_) | EcdsaPublicKey::NistP521(_),
        ) => Ok(()),
        KeyData::Rsa(rsa) => {
            let bits = rsa.n.as_positive_bytes().map_or(0, |bytes| {
                let zeros = bytes.first().map_or(0, |b| b.leading_zeros() as usize);
                bytes.len() * 8 - zeros
            });
            if bits < 3072 {
                return Err(KeyRefusal::ShortRsa { bits });
            }
            Ok(())
        }
        other => Err(KeyRefusal::Algorithm {
            algorithm: other.algorithm().to_string(),
        }),
    }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

//! Whose word counts: the signers that a commit's `trust.toml` names.

use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{HashAlg, PublicKey};

/// The keys that may sign children of the commit this was read from.
#[derive(Debug, Clone)]
pub struct Trust {
    /// At least one.
    pub signers: Vec<Signer>,
    /// Who can read the estate's secrets.
    pub recipients: Recipients,
}

/// A person or machine that signs.
#[derive(Debug, Clone)]
pub struct Signer {
    /// For messages.
    pub name: String,
    /// The public key.
    pub key: PublicKey,
}

/// Public age keys (`age1…`) that every secret is encrypted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// The reconciler's.
    pub reconciler: String,
    /// Kept where no server of the estate can reach; at least one.
    pub escrow: Vec<String>,
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

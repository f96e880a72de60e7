//! An SSH signature (PROTOCOL.sshsig) and whether it is one that counts.

use crate::model::trust::{KeyRefusal, acceptable, fingerprint};
use ssh_key::public::KeyData;
use ssh_key::{PublicKey, SshSig};

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// `-----BEGIN PGP SIGNATURE-----`.
    #[error("it is signed with OpenPGP, which is not supported")]
    OpenPgp,
    /// Neither.
    #[error("its signature cannot be read")]
    Unreadable,
    /// Made for something else: a file, an e-mail.
    #[error("its signature was made for {namespace:?}, not for {wanted:?}")]
    Namespace {
        /// As signed.
        namespace: String,
        /// As it must be.
        wanted: &'static str,
    },
    /// Of a kind that may not sign.
    #[error("its key may not sign")]
    Key(#[source] KeyRefusal),
    /// The content is not what was signed.
    #[error("its signature does not fit its content")]
    Wrong,
    /// A hardware key that nobody touched.
    #[error("its hardware key signed without being touched")]
    NotTouched,
}

impl Unsound {
    /// Stable; a script may rely on it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OpenPgp => "HF0213",
            Self::Unreadable => "HF0214",
            Self::Namespace { .. } => "HF0215",
            Self::Key(_) => "HF0216",
            Self::Wrong => "HF0217",
            Self::NotTouched => "HF0218",
        }
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::OpenPgp => "sign with SSH: git config gpg.format ssh",
            Self::Key(_) => "sign with an Ed25519 key: ssh-keygen -t ed25519",
            Self::Unreadable => "make it again, with ssh-keygen or with git (gpg.format ssh)",
            Self::Wrong => "it was changed after it was signed; find out by whom",
            Self::Namespace { .. } => {
                "sign commits with git itself (gpg.format ssh), approvals with `holdfast approve`"
            }
            Self::NotTouched => "use a hardware key that demands a touch",
        }
    }
}

/// A signature that was read and names its key.
pub(super) struct Signature {
    sig: SshSig,
    key: PublicKey,
}

impl Signature {
    pub fn parse(text: &[u8]) -> Result<Self, Unsound> {
        if text.starts_with(b"-----BEGIN PGP") {
            return Err(Unsound::OpenPgp);
        }
        let sig = SshSig::from_pem(text).map_err(|_| Unsound::Unreadable)?;
        let key = PublicKey::from(sig.public_key().clone());
        Ok(Self { sig, key })
    }

    /// `SHA256:…`
    pub fn fingerprint(&self) -> String {
        fingerprint(self.key.key_data())
    }

    /// Is this a sound signature of these bytes, whoever made it?
    pub fn check(&self, namespace: &'static str, payload: &[u8]) -> Result<(), Unsound> {
        if self.sig.namespace() != namespace {
            return Err(Unsound::Namespace {
                namespace: self.sig.namespace().chars().take(40).collect(),
                wanted: namespace,
            });
        }
        acceptable(self.key.key_data()).map_err(Unsound::Key)?;
        self.key
            .verify(namespace, payload, &self.sig)
            .map_err(|_| Unsound::Wrong)?;
        self.check_touch()
    }

    /// Whose it claims to be.
    pub fn key(&self) -> &KeyData {
        self.key.key_data()
    }

    /// A FIDO signature ends with a byte of flags (0x01: a person was there)
    /// and a counter of four bytes (PROTOCOL.u2f).
    fn check_touch(&self) -> Result<(), Unsound> {
        let hardware = matches!(
            self.key.key_data(),
            KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_)
        );
        let flags = self.sig.signature_bytes().iter().rev().nth(4);
        if hardware && flags.is_none_or(|flags| flags & 1 == 0) {
            return Err(Unsound::NotTouched);
        }
        Ok(())
    }
}

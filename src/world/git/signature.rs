//! An SSH signature (PROTOCOL.sshsig) and whether it is one that counts.

use super::commit::NAMESPACE;
use crate::model::trust::{KeyRefusal, Signer, acceptable, fingerprint};
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
    #[error("its signature was made for {namespace:?}, not for {NAMESPACE:?}")]
    Namespace {
        /// As signed.
        namespace: String,
    },
    /// Of a kind that may not sign.
    #[error("its key may not sign")]
    Key(#[source] KeyRefusal),
    /// Nobody's that the parent knows.
    #[error("its key is not in trust.toml of its parent")]
    UnknownKey,
    /// The content is not what was signed.
    #[error("its signature does not fit its content")]
    Wrong,
    /// A hardware key that nobody touched.
    #[error("its hardware key signed without being touched")]
    NotTouched,
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
    pub fn check(&self, payload: &[u8]) -> Result<(), Unsound> {
        if self.sig.namespace() != NAMESPACE {
            return Err(Unsound::Namespace {
                namespace: self.sig.namespace().chars().take(40).collect(),
            });
        }
        acceptable(self.key.key_data()).map_err(Unsound::Key)?;
        self.key
            .verify(NAMESPACE, payload, &self.sig)
            .map_err(|_| Unsound::Wrong)?;
        self.check_touch()
    }

    /// Is its key among these signers? Then whose it is.
    pub fn made_by<'s>(&self, signers: &'s [Signer]) -> Result<&'s Signer, Unsound> {
        signers
            .iter()
            .find(|signer| signer.key.key_data() == self.key.key_data())
            .ok_or(Unsound::UnknownKey)
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

//! An SSH signature (PROTOCOL.sshsig) and whether it is one that counts.

use crate::model::trust::{KeyRefusal, acceptable, fingerprint};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh_key::public::KeyData;
use ssh_key::{PublicKey, SshSig};

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// `-----BEGIN PGP SIGNATURE-----`, or `SIGNED MESSAGE` for X.509.
    #[error("it is signed with OpenPGP or X.509, which are not supported")]
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
        if text.starts_with(b"-----BEGIN PGP") || text.starts_with(b"-----BEGIN SIGNED MESSAGE") {
            return Err(Unsound::OpenPgp);
        }
        let sig = SshSig::from_pem(text).map_err(|_| unread(text))?;
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

/// The library reads only the kinds that may sign. Of others the kind is told, where the
/// envelope (PROTOCOL.sshsig) can be followed that far.
fn unread(text: &[u8]) -> Unsound {
    let algorithm = match kinds(text) {
        Some((_, signature)) if signature == "ssh-rsa" => "ssh-rsa with SHA-1".to_owned(),
        Some((key, _)) if key == "ssh-dss" || key.contains("-cert-") => key,
        _ => return Unsound::Unreadable,
    };
    Unsound::Key(KeyRefusal::Algorithm { algorithm })
}

/// Kind of key and kind of signature, as the envelope names them.
fn kinds(text: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.strip_prefix("-----BEGIN SSH SIGNATURE-----")?;
    let text = text.strip_suffix("-----END SSH SIGNATURE-----")?;
    let bytes = STANDARD.decode(text.lines().collect::<String>()).ok()?;
    let mut rest = bytes.strip_prefix(b"SSHSIG\0\0\0\x01")?;
    let mut next = || string(&mut rest);
    let (mut key, _namespace, _reserved, _hash, mut signature) =
        (next()?, next()?, next()?, next()?, next()?);
    let kind = |bytes: &mut &[u8]| String::from_utf8(string(bytes)?.to_vec()).ok();
    Some((kind(&mut key)?, kind(&mut signature)?))
}

/// Four bytes of length, then as many bytes (RFC 4251 §5).
fn string<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
    *bytes = rest;
    Some(string)
}

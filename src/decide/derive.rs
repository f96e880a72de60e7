//! Every generated secret, computed from the one key of the estate.
//!
//! HKDF-SHA256 (RFC 5869) over a 32-byte estate key. The same key and context
//! give the same bytes for ever, so Git and one age identity bring everything
//! back, a crash loses no key, and a second run makes no second password.
//! Nothing here is stored; changing an encoding below changes every secret of
//! every estate, which the goldens in the tests refuse.

use crate::model::ids::{EstateName, MachineName, StackId};
use crate::model::repository::RepositoryKeys;
use crate::model::secret::Secret;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey, KeypairBytes};
use hkdf::Hkdf;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use std::net::IpAddr;
use zeroize::Zeroizing;

/// Bytes of an estate key.
pub const ESTATE_KEY_LENGTH: usize = 32;

/// Separates our use of HKDF from any other; the number changes with the encoding.
const SALT: &[u8] = b"holdfast/1";

/// Characters of a generated password; the largest multiple of 62 below 256 is 248.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const TEXT_LENGTH: usize = 32;

/// Why bytes are no estate key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeriveError {
    /// Another length than 32 bytes.
    #[error("the estate key has {found} bytes instead of {ESTATE_KEY_LENGTH}")]
    Length {
        /// Bytes given.
        found: usize,
    },
}

/// The one secret that all others derive from.
#[derive(Debug, Clone)]
pub struct EstateKey(Secret);

impl EstateKey {
    /// Takes exactly 32 bytes.
    pub fn new(bytes: Secret) -> Result<Self, DeriveError> {
        match bytes.expose().len() {
            ESTATE_KEY_LENGTH => Ok(Self(bytes)),
            found => Err(DeriveError::Length { found }),
        }
    }

    /// A key of nothing, where no secret is at hand: all that derives from it differs from what
    /// is real, and is the same on both sides of a comparison.
    pub fn placeholder() -> Self {
        Self(Secret::new(vec![0; ESTATE_KEY_LENGTH]))
    }

    /// One 32-byte block for this context; `counter` tells blocks of one context apart.
    fn block(&self, purpose: &str, context: &[&str], counter: u32) -> Zeroizing<[u8; 32]> {
        // Each part carries its length, so ["ab","c"] and ["a","bc"] differ.
        let mut info = Vec::new();
        for part in std::iter::once(&purpose).chain(context) {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        info.extend_from_slice(&counter.to_be_bytes());
        let mut out = Zeroizing::new([0; 32]);
        #[expect(
            clippy::expect_used,
            reason = "RFC 5869 §2.3 allows 255 * 32 bytes; this asks for 32"
        )]
        Hkdf::<Sha256>::new(Some(SALT), self.0.expose())
            .expand(&info, out.as_mut())
            .expect("32 bytes are within HKDF's bound");
        out
    }
}

/// A password of 32 characters `[A-Za-z0-9]` (190 bits), unbiased.
pub fn text(key: &EstateKey, context: &[&str]) -> Secret {
    let mut out = Vec::with_capacity(TEXT_LENGTH);
    for counter in 0.. {
        for byte in *key.block("text", context, counter) {
            // Bytes from 248 up would make the first letters likelier.
            if byte < 248 && out.len() < TEXT_LENGTH {
                out.push(ALPHABET[usize::from(byte % 62)]);
            }
        }
        if out.len() == TEXT_LENGTH {
            break;
        }
    }
    Secret::new(out)
}

/// The passwords of a stack's repository on one backup machine.
///
/// Production's is the one that repositories had when they had only one.
pub fn repository_keys(key: &EstateKey, stack: &StackId, backup: &MachineName) -> RepositoryKeys {
    let of = |purpose| text(key, &[purpose, stack.as_str(), backup.as_str()]);
    RepositoryKeys {
        production: of("repository"),
        maintenance: of("repository-maintenance"),
        escrow: of("repository-escrow"),
    }
}

/// The estate's name with a mark of its key: what our machines are labelled with.
///
/// Another estate may have the same name, never the same key; its machines are not ours (S7).
pub fn kin(key: &EstateKey, name: &EstateName) -> EstateName {
    let mark = Sha256::digest(text(key, &["kin"]).expose());
    EstateName::new(format!("{name}-{}", hex::encode(&mark[..4])))
}

/// An Ed25519 SSH key.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// OpenSSH private key format, unencrypted, with a final line break.
    pub private_openssh: Secret,
    /// `ssh-ed25519 AAAA…`, no comment.
    pub public: String,
}

/// The SSH host key of a machine that we create (never of an ordered one: those bring their own).
pub fn host_key(key: &EstateKey, machine: &MachineName) -> KeyPair {
    ssh_key_pair(&key.block("ssh-host-key", &[machine.as_str()], 0))
}

/// The key by which the reconciler signs what it remembers of itself; no machine lets it in.
pub fn anchor_key(key: &EstateKey) -> KeyPair {
    ssh_key_pair(&key.block("anchor-key", &[], 0))
}

/// The key by which the reconciler signs evidence; no machine lets it in.
pub fn evidence_key(key: &EstateKey) -> KeyPair {
    ssh_key_pair(&key.block("evidence-key", &[], 0))
}

/// The reconciler's own SSH key, accepted by all machines.
pub fn client_key(key: &EstateKey) -> KeyPair {
    ssh_key_pair(&key.block("ssh-client-key", &[], 0))
}

#[expect(
    clippy::expect_used,
    reason = "encoding an Ed25519 key of fixed size into memory has no failing case"
)]
fn ssh_key_pair(seed: &[u8; 32]) -> KeyPair {
    // `checkint` of an unencrypted key comes from the key itself: same seed, same bytes.
    let private = ssh_key::PrivateKey::new(
        KeypairData::Ed25519(Ed25519Keypair::from_seed(seed)),
        String::new(),
    )
    .expect("a plain key pair is accepted");
    let text = private
        .to_openssh(ssh_key::LineEnding::LF)
        .expect("a plain key encodes");
    let public = private
        .public_key()
        .to_openssh()
        .expect("a plain public key encodes");
    KeyPair {
        private_openssh: Secret::new(text.as_bytes()),
        public: public.trim_end().to_owned(),
    }
}

/// The first day of this year is the first on which our certificates hold.
const TLS_FROM: i32 = 2026;
/// The first day of this year is the first on which they no longer do.
pub const TLS_UNTIL: i32 = 2076;

/// A machine's self-signed TLS identity.
#[derive(Debug, Clone)]
pub struct TlsIdentity {
    /// The certificate; pinned by those who call the machine (restic `--cacert`).
    pub certificate_pem: String,
    /// PKCS #8.
    pub private_key_pem: Secret,
}

/// The TLS identity of a machine that answers at `address`.
///
/// Ed25519, whose signatures need no randomness: the certificate is the same
/// bytes each time and so no drift on the machine. It is its own authority
/// because Go's verifier (restic) takes a pinned leaf only from its root pool.
/// The dates are fixed and wide: trust comes from pinning, not from age.
#[expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a fixed-size key and these fixed parameters have no failing case; the golden test runs them"
)]
pub fn tls_identity(key: &EstateKey, machine: &MachineName, address: IpAddr) -> TlsIdentity {
    let seed = key.block("tls", &[machine.as_str()], 0);
    // PKCS #8 version 1, without the public half: OpenSSL 3 cannot read version 2.
    let private_key_pem = KeypairBytes {
        secret_key: *seed,
        public_key: None,
    }
    .to_pkcs8_pem(LineEnding::LF)
    .expect("a 32-byte seed encodes");
    let signer =
        rcgen::KeyPair::from_pkcs8_pem_and_sign_algo(&private_key_pem, &rcgen::PKCS_ED25519)
            .expect("our own PKCS #8 reads back");
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(TLS_FROM, 1, 1);
    params.not_after = date_time_ymd(TLS_UNTIL, 1, 1);
    params
        .distinguished_name
        .push(DnType::CommonName, machine.as_str());
    params.subject_alt_names = vec![SanType::IpAddress(address)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
    ];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params
        .self_signed(&signer)
        .expect("Ed25519 signs these parameters");
    TlsIdentity {
        certificate_pem: certificate.pem(),
        private_key_pem: Secret::new(private_key_pem.as_bytes()),
    }
}

//! Who may wake the loop: whoever knows the secret that the forge signs its webhooks with.
//!
//! A push only wakes it. What it says is never read, so one that is sent again does no more
//! than the timer does anyway.

use crate::model::secret::Secret;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::fmt;

/// `sha256=` and the digest in hex, over the body: GitHub, and Forgejo and Gitea beside their own.
pub const GITHUB: &str = "x-hub-signature-256";
/// The digest in hex, over the body.
pub const GITEA: &str = "x-gitea-signature";
/// The same.
pub const FORGEJO: &str = "x-forgejo-signature";
/// The secret itself.
pub const GITLAB: &str = "x-gitlab-token";

/// All of them.
pub const HEADERS: [&str; 4] = [GITHUB, GITEA, FORGEJO, GITLAB];

/// Why a push does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// None of the headers is there.
    #[error("it is not signed")]
    Missing,
    /// A header that is no signature, or is there twice.
    #[error("{0} is no signature")]
    Malformed(&'static str),
    /// Another secret, or another body.
    #[error("{0} is not what this secret gives")]
    Wrong(&'static str),
}

/// The least a secret must hold; fewer bytes can be guessed.
pub const LEAST: usize = 16;

/// Why a secret is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it holds {0} bytes, and less than {LEAST} can be guessed; `openssl rand -hex 32` makes a good one"
)]
pub struct Weak(usize);

/// What pushes are held against.
#[derive(Clone)]
pub struct PushKey {
    mac: Hmac<Sha256>,
    /// The secret's own digest under itself: comparing digests tells nothing of its length.
    token: Vec<u8>,
}

impl fmt::Debug for PushKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PushKey(…)")
    }
}

impl PushKey {
    /// Takes the secret as it stands at the forge; refuses one that can be guessed.
    pub fn new(secret: &Secret) -> Result<Self, Weak> {
        let bytes = secret.expose();
        let mac = Hmac::new_from_slice(bytes).map_err(|_| Weak(bytes.len()))?;
        if bytes.len() < LEAST {
            return Err(Weak(bytes.len()));
        }
        let token = over(&mac, bytes).finalize().into_bytes().to_vec();
        Ok(Self { mac, token })
    }

    /// Accepts a body if every signature that came with it is right, and there is one. Takes
    /// the same time wherever the first difference is.
    pub fn accepts<'h>(
        &self,
        headers: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        body: &[u8],
    ) -> Result<(), Unsigned> {
        let mut found: [Option<&[u8]>; HEADERS.len()] = [None; HEADERS.len()];
        for (name, value) in headers {
            let known = HEADERS.iter().zip(&mut found);
            for (header, place) in known.filter(|(h, _)| h.eq_ignore_ascii_case(name)) {
                if place.replace(value).is_some() {
                    return Err(Unsigned::Malformed(header));
                }
            }
        }
        let there = HEADERS.into_iter().zip(found);
        let mut right = Err(Unsigned::Missing);
        for (header, value) in there.filter_map(|(h, value)| Some((h, value?))) {
            self.judge(header, value, body)?;
            right = Ok(());
        }
        right
    }

    fn judge(&self, header: &'static str, value: &[u8], body: &[u8]) -> Result<(), Unsigned> {
        let wrong = |_| Unsigned::Wrong(header);
        let digest = match header {
            GITLAB => {
                return over(&self.mac, value)
                    .verify_slice(&self.token)
                    .map_err(wrong);
            }
            GITHUB => value.strip_prefix(b"sha256="),
            _ => Some(value),
        };
        let digest = digest
            .and_then(|digest| hex::decode(digest).ok())
            .filter(|digest| digest.len() == 32)
            .ok_or(Unsigned::Malformed(header))?;
        over(&self.mac, body).verify_slice(&digest).map_err(wrong)
    }
}

fn over(mac: &Hmac<Sha256>, bytes: &[u8]) -> Hmac<Sha256> {
    mac.clone().chain_update(bytes)
}

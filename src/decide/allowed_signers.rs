//! Who may sign evidence: lines of `allowed_signers`, read as `ssh-keygen -Y verify` reads them.

use super::evidence::{NAMESPACE, open};
use crate::model::evidence::{Evidence, SealedEvidence};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::{HashAlg, PublicKey};

/// A key, and what it may be used for.
#[derive(Debug, Clone)]
pub struct Signer {
    key: PublicKey,
    /// `None`: a public key alone, which says nothing of whose it is.
    limits: Option<Limits>,
}

/// What stands before the key in a line of `allowed_signers`.
#[derive(Debug, Clone, Default)]
struct Limits {
    principals: String,
    authority: bool,
    namespaces: Option<String>,
    after: Option<Timestamp>,
    before: Option<Timestamp>,
}

/// Why a document is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No line has the key.
    #[error("it is not what was signed, or another key signed it")]
    Unsigned,
    /// The line is another's.
    #[error(
        "it speaks of the estate {estate:?}, and the key that signed it is that of {principals:?}"
    )]
    Principal {
        /// As the document names it.
        estate: String,
        /// As the line names them.
        principals: String,
    },
    /// The line names an authority.
    #[error("the key that signed it is listed as cert-authority, which signs certificates alone")]
    Authority,
    /// The line is for something else.
    #[error("the key that signed it is for namespaces={0:?}, and not for {NAMESPACE}")]
    Namespace(String),
    /// Not yet.
    #[error("the key that signed it is valid only after {0}")]
    NotYet(Timestamp),
    /// No longer.
    #[error("the key that signed it was valid before {0}")]
    Expired(Timestamp),
}

impl Signer {
    /// A public key alone.
    pub fn bare(key: PublicKey) -> Self {
        Self { key, limits: None }
    }

    /// Who signed what this signer was believed of: the principal, or the key where none is named.
    pub fn name(&self, evidence: &Evidence) -> String {
        match self.limits {
            Some(_) => evidence.estate.to_string(),
            None => format!("the key {}", self.key.fingerprint(HashAlg::Sha256)),
        }
    }
}

impl Limits {
    fn refuse(&self, estate: &str, now: Timestamp) -> Option<Refusal> {
        if !listed(estate, &self.principals) {
            return Some(Refusal::Principal {
                estate: estate.to_owned(),
                principals: self.principals.clone(),
            });
        }
        if self.authority {
            return Some(Refusal::Authority);
        }
        if let Some(spaces) = &self.namespaces
            && !listed(NAMESPACE, spaces)
        {
            return Some(Refusal::Namespace(spaces.clone()));
        }
        if let Some(after) = self.after.filter(|after| now < *after) {
            return Some(Refusal::NotYet(after));
        }
        let before = self.before.filter(|before| now > *before);
        before.map(Refusal::Expired)
    }
}

/// What a document says, and who signed it, if a signer may sign for the estate that it names.
pub fn verify<'a>(
    signers: &'a [Signer],
    sealed: &SealedEvidence,
    now: Timestamp,
) -> Result<(Evidence, &'a Signer), Refusal> {
    let mut refused = Refusal::Unsigned;
    for signer in signers {
        let Some(evidence) = open(&signer.key, sealed) else {
            continue;
        };
        let limits = signer.limits.as_ref();
        match limits.and_then(|limits| limits.refuse(evidence.estate.as_str(), now)) {
            None => return Ok((evidence, signer)),
            Some(why) => refused = why,
        }
    }
    Err(refused)
}

/// The signers in lines of `allowed_signers`. A line that OpenSSH would not read names nobody.
/// Moments without a zone are in `zone`.
pub fn signers_in(text: &str, zone: &TimeZone) -> Vec<Signer> {
    let lines = text.lines().map(str::trim);
    lines.filter_map(|line| signer(line, zone)).collect()
}

/// The same, with lines that are public keys alone.
pub fn signers_or_keys_in(text: &str, zone: &TimeZone) -> Vec<Signer> {
    let lines = text.lines().map(str::trim);
    lines
        .filter_map(|line| key(line).map(Signer::bare).or_else(|| signer(line, zone)))
        .collect()
}

fn signer(line: &str, zone: &TimeZone) -> Option<Signer> {
    if line.starts_with('#') {
        return None;
    }
    let (principals, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => line.split_once([' ', '\t'])?,
    };
    if principals.contains('"') {
        return None;
    }
    let rest = rest.trim_start();
    let mut limits = Limits::default();
    let key = if let Some(key) = key(rest) {
        key
    } else {
        let (options, rest) = rest.split_at(end_of_options(rest)?);
        limits = self::options(options, zone)?;
        key(rest.trim_start())?
    };
    principals.clone_into(&mut limits.principals);
    Some(Signer {
        key,
        limits: Some(limits),
    })
}

/// The key that a text begins with; a comment may follow.
fn key(text: &str) -> Option<PublicKey> {
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    PublicKey::from_openssh(&words.join(" ")).ok()
}

fn end_of_options(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some(at),
            _ => {}
        }
        escaped = character == '\\' && !escaped;
    }
    None
}

fn options(mut text: &str, zone: &TimeZone) -> Option<Limits> {
    let mut limits = Limits::default();
    loop {
        let end = text.find(['=', ',']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = name.to_ascii_lowercase();
        let rest = if name == "cert-authority" {
            limits.authority = true;
            rest
        } else {
            let (value, rest) = quoted(rest.strip_prefix('=')?)?;
            let twice = match name.as_str() {
                "namespaces" => limits.namespaces.replace(value).is_some(),
                "valid-after" => limits.after.replace(moment(&value, zone)?).is_some(),
                "valid-before" => limits.before.replace(moment(&value, zone)?).is_some(),
                _ => return None,
            };
            if twice {
                return None;
            }
            rest
        };
        if rest.is_empty() {
            break;
        }
        text = rest.strip_prefix(',')?;
    }
    match (limits.after, limits.before) {
        (Some(after), Some(before)) if before <= after => None,
        _ => Some(limits),
    }
}

/// A text in quotes, in which `\"` stands for one; and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let end = rest.find('"')?;
        let (before, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if let Some(before) = before.strip_suffix('\\') {
            value.push_str(before);
            value.push('"');
        } else {
            value.push_str(before);
            return Some((value, rest));
        }
    }
}

/// `YYYYMMDD[HHMM[SS]][Z]`.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (digits, zone) = match text.strip_suffix('Z') {
        Some(digits) => (digits, &TimeZone::UTC),
        None => (text, zone),
    };
    if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let all = format!("{digits:0<14}");
    let two = |at: usize| all[at..at + 2].parse::<i8>().ok();
    let year = all[..4].parse().ok()?;
    let civil = DateTime::new(year, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?, 0).ok()?;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp())
}

/// Whether a name is in a list of patterns; one with `!` before it that matches says no.
fn listed(name: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(never) if matches(name.as_bytes(), never.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches(name.as_bytes(), pattern.as_bytes()),
        }
    }
    found
}

/// `*` stands for anything, `?` for one character.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star = None;
    while at < name.len() {
        match pattern.get(of) {
            Some(b'*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(&expected) if expected == b'?' || expected == name[at] => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((star_of, star_at)) => {
                    star = Some((star_of, star_at + 1));
                    (at, of) = (star_at + 1, star_of + 1);
                }
                None => return false,
            },
        }
    }
    pattern[of..].iter().all(|&rest| rest == b'*')
}

//! A commit object, read by ourselves: what the signature covers must be the
//! very bytes that we act on. Grafts, replace refs and the commit graph, which
//! a library would mix in, have no say.

use super::id::{Format, ObjectId};
use jiff::Timestamp;

/// The namespace of Git's SSH signatures (`gpg-interface.c`).
pub const NAMESPACE: &str = "git";
/// Most parents of one commit.
const PARENTS: usize = 16;

/// What of a commit matters to trust.
#[derive(Debug)]
pub(super) struct RawCommit {
    pub tree: ObjectId,
    pub parents: Vec<ObjectId>,
    /// The committer's date, as the commit says.
    pub dated: Timestamp,
    pub signatures: Vec<Vec<u8>>,
    /// The object without its signature headers: what was signed.
    pub payload: Vec<u8>,
    /// Signature headers of another kind.
    pub foreign_signature: Option<&'static str>,
}

/// Why an object is no commit that we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A header that is not there or not where it belongs.
    #[error("its header {header} is missing, repeated or out of order")]
    Header {
        /// Which.
        header: &'static str,
    },
    /// More branches than anybody merges at once.
    #[error("it has more than {PARENTS} parents")]
    Parents,
    /// A NUL or another surprise.
    #[error("its header holds bytes that do not belong there")]
    Bytes,
}

impl RawCommit {
    /// Reads `tree`, `parent`…, `author`, `committer`, in this order, as Git
    /// writes them, then further headers with continuation lines.
    pub fn parse(format: Format, object: &[u8]) -> Result<Self, Malformed> {
        let end = find(object, b"\n\n").ok_or(Malformed::Header { header: "end" })?;
        let (head, message) = object.split_at(end + 1);
        if head.contains(&0) {
            return Err(Malformed::Bytes);
        }
        let headers = headers(head)?;
        let mut rest = headers.iter().peekable();
        let tree = rest
            .next()
            .filter(|(name, _, _)| name == b"tree")
            .and_then(|(_, value, _)| ObjectId::from_hex(format, value))
            .ok_or(Malformed::Header { header: "tree" })?;
        let mut parents = Vec::new();
        while let Some((_, value, _)) = rest.next_if(|(name, _, _)| name == b"parent") {
            let parent = ObjectId::from_hex(format, value);
            parents.push(parent.ok_or(Malformed::Header { header: "parent" })?);
        }
        if parents.len() > PARENTS {
            return Err(Malformed::Parents);
        }
        let mut dated = None;
        for header in ["author", "committer"] {
            let person = rest.next().filter(|(name, _, _)| name == header.as_bytes());
            dated = person.and_then(|(_, value, _)| date(value));
            if dated.is_none() {
                return Err(Malformed::Header { header });
            }
        }
        let dated = dated.ok_or(Malformed::Header {
            header: "committer",
        })?;
        let signature = format.signature_header();
        let mut signatures = Vec::new();
        let mut foreign_signature = None;
        for (name, value, _) in rest {
            match name.as_slice() {
                b"tree" => return Err(Malformed::Header { header: "tree" }),
                b"parent" => return Err(Malformed::Header { header: "parent" }),
                b"author" => return Err(Malformed::Header { header: "author" }),
                b"committer" => {
                    return Err(Malformed::Header {
                        header: "committer",
                    });
                }
                own if own == signature.as_bytes() => signatures.push(value.clone()),
                b"gpgsig" => foreign_signature = Some("gpgsig"),
                b"gpgsig-sha256" => foreign_signature = Some("gpgsig-sha256"),
                _ => {}
            }
        }
        let mut payload = Vec::with_capacity(object.len());
        for (name, _, raw) in &headers {
            if name != signature.as_bytes() {
                payload.extend_from_slice(raw);
            }
        }
        payload.extend_from_slice(message);
        Ok(Self {
            tree,
            parents,
            dated,
            signatures,
            payload,
            foreign_signature,
        })
    }
}

/// Name, value with continuation lines joined, and the bytes as they stand.
type Header = (Vec<u8>, Vec<u8>, Vec<u8>);

fn headers(head: &[u8]) -> Result<Vec<Header>, Malformed> {
    let mut headers: Vec<Header> = Vec::new();
    for line in head.split_inclusive(|&b| b == b'\n') {
        let bare = line.strip_suffix(b"\n").ok_or(Malformed::Bytes)?;
        if let Some(more) = bare.strip_prefix(b" ") {
            let (_, value, raw) = headers.last_mut().ok_or(Malformed::Bytes)?;
            value.push(b'\n');
            value.extend_from_slice(more);
            raw.extend_from_slice(line);
            continue;
        }
        let at = bare
            .iter()
            .position(|&b| b == b' ')
            .ok_or(Malformed::Bytes)?;
        let (name, value) = bare.split_at(at);
        headers.push((
            name.to_vec(),
            value.get(1..).unwrap_or_default().to_vec(),
            line.to_vec(),
        ));
    }
    Ok(headers)
}

/// `Name <address> 1790000000 +0100`: the seconds.
fn date(person: &[u8]) -> Option<Timestamp> {
    let at = person.iter().rposition(|&b| b == b'>')?;
    let text = std::str::from_utf8(person.get(at + 1..)?).ok()?;
    let (seconds, zone) = text.strip_prefix(' ')?.split_once(' ')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(seconds) || !digits(zone.strip_prefix(['+', '-'])?) {
        return None;
    }
    Timestamp::from_second(seconds.parse().ok()?).ok()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

//! What an object is, and its name: its digest, SHA-1 or SHA-256, by the repository's format.

use std::fmt;

/// How a repository names its objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// 20 bytes.
    Sha1,
    /// 32 bytes.
    Sha256,
}

impl Format {
    /// Bytes of an id.
    pub fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
    /// The header of a commit that holds the signature
    /// (`gitformat-signature`: each format has its own).
    pub fn signature_header(self) -> &'static str {
        match self {
            Self::Sha1 => "gpgsig",
            Self::Sha256 => "gpgsig-sha256",
        }
    }
}

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Commit,
    Tree,
    Blob,
}

impl Kind {
    /// As Git writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

/// What reading gave.
pub(super) enum Object {
    /// Its bytes.
    Content(Vec<u8>),
    /// It is larger than was asked for.
    TooLarge,
    /// It is there and something else.
    OtherKind,
}

/// An id of either format. Those of one repository all have the same length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ObjectId {
    bytes: [u8; 32],
    format_bytes: u8,
}

impl ObjectId {
    /// From as many bytes as the format has.
    pub fn from_bytes(format: Format, from: &[u8]) -> Option<Self> {
        if from.len() != format.bytes() {
            return None;
        }
        let mut bytes = [0; 32];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        let format_bytes = u8::try_from(from.len()).ok()?;
        Some(Self {
            bytes,
            format_bytes,
        })
    }

    /// As many lower-case hexadecimal digits as the format has, nothing shorter.
    pub fn from_hex(format: Format, text: &[u8]) -> Option<Self> {
        let right = text.len() == format.bytes() * 2
            && text
                .iter()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
        let mut bytes = [0; 32];
        let into = bytes.get_mut(..format.bytes())?;
        if !right || hex::decode_to_slice(text, into).is_err() {
            return None;
        }
        Self::from_bytes(format, into)
    }

    /// The digest.
    pub fn bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.format_bytes))
            .unwrap_or(&self.bytes)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.bytes()))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

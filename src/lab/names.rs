//! The names of everything a lab makes on this computer.
//!
//! All of them follow from the lab's name alone, so that whatever a crash left
//! behind can be found and removed without any state file.

use super::LabError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The name of a lab: 1 to 24 of `a-z`, `0-9` and inner hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LabName(String);

impl LabName {
    /// Checks the name.
    ///
    /// # Errors
    /// [`LabError::BadName`] when it is empty, too long or has other characters.
    pub fn new(name: impl Into<String>) -> Result<Self, LabError> {
        let name = name.into();
        if is_label(&name, 24) {
            Ok(Self(name))
        } else {
            Err(LabError::BadName { name })
        }
    }

    /// The name as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Six hexadecimal digits from the name's digest: interface names have room
    /// for 15 characters only, and tags, unlike names, are never prefixes of each other.
    pub fn tag(&self) -> String {
        hex::encode(&Sha256::digest(self.0.as_bytes())[..3])
    }

    /// The beginning of the names of all its network interfaces, and the label of its disks.
    pub fn link_prefix(&self) -> String {
        format!("hf{}", self.tag())
    }

    /// The bridge of a hoster's subnet.
    pub fn bridge(&self, hoster: u8) -> String {
        format!("{}b{hoster}", self.link_prefix())
    }

    /// The outer end of a machine's cable.
    pub fn cable(&self, hoster: u8, host: u8) -> String {
        format!("{}v{hoster}x{host}", self.link_prefix())
    }

    /// A machine's Ethernet address. It follows from its IP address, so that no
    /// neighbour table on this computer is ever stale when an address is used again.
    pub fn ethernet(&self, hoster: u8, host: u8) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        format!(
            "02:{:02x}:{:02x}:{:02x}:{hoster:02x}:{host:02x}",
            digest[0], digest[1], digest[2]
        )
    }

    /// A machine's network namespace, and its name for systemd-nspawn.
    pub fn namespace(&self, machine: &str) -> String {
        format!("{}-{machine}", self.link_prefix())
    }

    /// The beginning of the names of all its network namespaces.
    pub fn namespace_prefix(&self) -> String {
        self.namespace("")
    }

    /// Its nftables table. Injective: names have no underscores.
    pub fn table(&self) -> String {
        format!("{TABLE_PREFIX}{}", self.0.replace('-', "_"))
    }
}

/// How the nftables tables of all labs begin.
pub const TABLE_PREFIX: &str = "holdfast_lab_";

/// Whether `text` is a DNS label of at most `longest` characters, lower case.
pub fn is_label(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

impl fmt::Display for LabName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for LabName {
    type Error = LabError;
    fn try_from(name: String) -> Result<Self, LabError> {
        Self::new(name)
    }
}

impl From<LabName> for String {
    fn from(name: LabName) -> Self {
        name.0
    }
}

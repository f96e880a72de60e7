//! How a machine says whose it is: the text of `/etc/holdfast/identity`.
//!
//! `KEY='value'` lines, readable by a shell. Written at the first contact and
//! when an ordered machine is taken; read back by hosters without labels.

use super::ids::{Epoch, EstateName, MachineName, StackId};
use super::machine::Role;
use super::operation::OwnerLabel;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where the file is.
pub const IDENTITY_PATH: &str = "/etc/holdfast/identity";

/// Whose a machine is, and what we call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Whose.
    pub owner: OwnerLabel,
    /// Our name for it.
    pub machine: MachineName,
}

/// Why a text is no identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Not `KEY='value'`.
    #[error("line {line} is not KEY='value'")]
    Line {
        /// 1-based.
        line: usize,
    },
    /// A key that must be there, or its value, cannot be used.
    #[error("{key} is missing or unknown")]
    Key {
        /// Which.
        key: &'static str,
    },
}

impl Identity {
    /// The file's text; the same identity gives the same bytes.
    pub fn to_text(&self) -> String {
        let owner = &self.owner;
        let epoch = owner.epoch.0.to_string();
        let lines = [
            ("ESTATE", owner.estate.as_str()),
            ("STACK", owner.stack.as_ref().map_or("", StackId::as_str)),
            ("ROLE", owner.role.word()),
            ("EPOCH", epoch.as_str()),
            ("MACHINE", self.machine.as_str()),
        ];
        let mut text = String::new();
        for (key, value) in lines {
            let quoted = value.replace('\'', r"'\''");
            let _ = writeln!(text, "{key}='{quoted}'"); // a String takes everything
        }
        text
    }

    /// Reads the file's text; unknown keys are left to newer versions.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let mut values = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let (key, value) = line
                .split_once('=')
                .and_then(|(key, rest)| {
                    let value = rest.strip_prefix('\'')?.strip_suffix('\'')?;
                    Some((key, value.replace(r"'\''", "'")))
                })
                .ok_or(IdentityError::Line { line: index + 1 })?;
            values.insert(key, value);
        }
        let get = |key: &'static str| {
            let value = values.get(key).filter(|value| !value.is_empty());
            value.ok_or(IdentityError::Key { key })
        };
        let role = Role::from_word(get("ROLE")?).ok_or(IdentityError::Key { key: "ROLE" })?;
        let stack = match role {
            Role::Production | Role::Drill => Some(StackId::new(get("STACK")?.as_str())),
            Role::Backup => get("STACK").ok().map(|stack| StackId::new(stack.as_str())),
        };
        let epoch = get("EPOCH")?.parse();
        Ok(Self {
            owner: OwnerLabel {
                estate: EstateName::new(get("ESTATE")?.as_str()),
                role,
                stack,
                epoch: Epoch(epoch.map_err(|_| IdentityError::Key { key: "EPOCH" })?),
            },
            machine: MachineName::new(get("MACHINE")?.as_str()),
        })
    }
}

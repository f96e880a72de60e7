//! A Linux machine over SSH.
//!
//! What runs there is a fixed POSIX `sh` script that ships with Holdfast; its
//! data comes on standard input, its answer is JSON lines. Nothing of the
//! customer's is ever pasted into a command line (S13).

pub mod drill;
pub mod rescue;
pub mod ssh;
pub mod verbs;
mod wire;

use crate::model::gap::{Gap, GapKind};
use crate::model::ids::MachineName;
use crate::model::secret::Secret;
use async_trait::async_trait;
use serde_json::Value;
use std::net::IpAddr;

/// Whom to call, and by which key we know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// For messages.
    pub machine: MachineName,
    /// Where SSH answers.
    pub address: IpAddr,
    /// SSH port.
    pub port: u16,
    /// The host key we made or pinned: `ssh-ed25519 AAAA…`, no comment.
    pub host_key: String,
}

/// A fixed script that ships with Holdfast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Script {
    /// For logs: `facts`, `install`.
    pub name: &'static str,
    /// POSIX sh.
    pub text: &'static str,
}

/// Why a script gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// No connection; certainly nothing was run.
    #[error("{machine} does not answer on SSH: {detail}")]
    Unreachable {
        /// Which.
        machine: MachineName,
        /// What ssh said.
        detail: String,
    },
    /// This process may not act any more; certainly nothing was run.
    #[error("{machine} was not called: {detail}")]
    Withheld {
        /// Which.
        machine: MachineName,
        /// Why.
        detail: String,
    },
    /// It answers but does not let us in; certainly nothing was run.
    #[error("{machine} rejects our SSH key: {detail}")]
    Denied {
        /// Which.
        machine: MachineName,
        /// What ssh said.
        detail: String,
    },
    /// Another host key than ours: everything stops for this machine.
    #[error("{machine} presents another host key than the one we know")]
    ForeignHostKey {
        /// Which.
        machine: MachineName,
    },
    /// The script ran and said no.
    #[error("{machine}, {script}: {message}")]
    Refused {
        /// Which.
        machine: MachineName,
        /// Script name.
        script: &'static str,
        /// Code from the script's last `{"error":{"code","message"}}` line.
        code: String,
        /// Its words.
        message: String,
    },
    /// The connection ended before the script did: look again.
    #[error("{machine}: the connection ended during {script}: {detail}")]
    Lost {
        /// Which.
        machine: MachineName,
        /// Script name.
        script: &'static str,
        /// What was seen.
        detail: String,
    },
    /// The answer could not be read.
    #[error("{machine}: {script} answered what cannot be read: {detail}")]
    Unreadable {
        /// Which.
        machine: MachineName,
        /// Script name.
        script: &'static str,
        /// What was wrong.
        detail: String,
    },
}

impl MachineError {
    /// The machine it is about.
    pub fn machine(&self) -> &MachineName {
        match self {
            Self::Unreachable { machine, .. }
            | Self::Withheld { machine, .. }
            | Self::Denied { machine, .. }
            | Self::ForeignHostKey { machine }
            | Self::Refused { machine, .. }
            | Self::Lost { machine, .. }
            | Self::Unreadable { machine, .. } => machine,
        }
    }

    /// What it means for an observation (S1): not seen, never absent.
    pub fn gap(&self) -> Gap {
        let kind = match self {
            Self::Unreachable { .. } | Self::Withheld { .. } | Self::Lost { .. } => {
                GapKind::Unreachable
            }
            Self::Denied { .. } => GapKind::Denied,
            Self::ForeignHostKey { .. } => GapKind::ForeignHostKey,
            Self::Refused { .. } | Self::Unreadable { .. } => GapKind::Unreadable,
        };
        Gap::new(
            kind,
            format!("machine {}", self.machine()),
            self.to_string(),
        )
    }
}

/// A script's JSON lines, or why there are none.
pub type Answered = Result<Vec<Value>, MachineError>;

/// A way to run fixed scripts on machines.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Runs `script` with `input` on standard input; returns its JSON lines.
    /// A line `{"error":{"code":…,"message":…}}` with a non-zero exit is [`MachineError::Refused`].
    async fn run(&self, contact: &Contact, script: Script, input: &Secret) -> Answered;

    /// The Ed25519 host key that whoever answers there shows now, whether or not it is the machine's:
    /// `ssh-ed25519 AAAA…`. It proves nothing.
    async fn host_key(&self, contact: &Contact) -> Result<String, MachineError> {
        Err(MachineError::Unreachable {
            machine: contact.machine.clone(),
            detail: "nobody looked for its host key".to_owned(),
        })
    }
}

//! Whether this computer can carry a lab, and if not, what is missing.

use super::cgroup;
use std::fs;
use std::path::Path;

/// A tool and the Debian package it comes in.
const TOOLS: [(&str, &str); 9] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("knotd", "knot"),
    ("knotc", "knot"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    ("ssh", "openssh-client"),
];

/// What is missing. An empty list means that a lab can run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// Sentences on what no package can mend.
    pub conditions: Vec<String>,
    /// Tools that were not found.
    pub tools: Vec<String>,
    /// The packages they come in, sorted, each once.
    pub packages: Vec<String>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty() && self.tools.is_empty()
    }

    /// The command that installs what is missing.
    pub fn command(&self) -> Option<String> {
        (!self.packages.is_empty()).then(|| {
            format!(
                "apt-get install --yes --no-install-recommends {}",
                self.packages.join(" ")
            )
        })
    }
}

impl std::fmt::Display for Missing {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut parts = self.conditions.clone();
        if !self.tools.is_empty() {
            parts.push(format!("not found: {}", self.tools.join(", ")));
        }
        if let Some(command) = self.command() {
            parts.push(format!("install with: {command}"));
        }
        out.write_str(&parts.join("; "))
    }
}

/// Looks at this computer.
pub fn check() -> Missing {
    let mut conditions = Vec::new();
    if std::env::consts::OS != "linux" {
        conditions.push(
            "the lab needs Linux: its machines are namespaces of the Linux kernel".to_owned(),
        );
        return Missing {
            conditions,
            ..Missing::default()
        };
    }
    if !is_root() {
        conditions.push("the lab must be run as root (try: sudo holdfast lab …)".to_owned());
    }
    if cgroup::hierarchy().is_none() {
        conditions.push(
            "version 2 of control groups is not mounted (mount -t cgroup2 none /sys/fs/cgroup)"
                .to_owned(),
        );
    }
    for namespace in ["net", "pid", "mnt", "uts", "ipc"] {
        if !Path::new("/proc/self/ns").join(namespace).exists() {
            conditions.push(format!("the kernel has no {namespace} namespaces"));
        }
    }
    if !knows_overlay() {
        conditions.push("the kernel has no overlay file system (try: modprobe overlay)".to_owned());
    }
    missing_tools(conditions, |tool| {
        // Fixed, as `su` without a login shell leaves the sbin directories out of PATH.
        [
            "/usr/sbin",
            "/usr/bin",
            "/sbin",
            "/bin",
            "/usr/local/sbin",
            "/usr/local/bin",
        ]
        .iter()
        .any(|folder| Path::new(folder).join(tool).exists())
    })
}

/// The missing tools and their packages, given what is `there`.
pub fn missing_tools(conditions: Vec<String>, there: impl Fn(&str) -> bool) -> Missing {
    let absent: Vec<_> = TOOLS.iter().filter(|(tool, _)| !there(tool)).collect();
    let mut packages: Vec<String> = absent
        .iter()
        .map(|(_, package)| (*package).to_owned())
        .collect();
    packages.sort();
    packages.dedup();
    Missing {
        conditions,
        tools: absent.iter().map(|(tool, _)| (*tool).to_owned()).collect(),
        packages,
    }
}

/// Effective user id 0, by the kernel's own word.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("Uid:"))
        .and_then(|ids| ids.split_whitespace().nth(1))
        .is_some_and(|effective| effective == "0")
}

fn knows_overlay() -> bool {
    let listed = || {
        fs::read_to_string("/proc/filesystems")
            .unwrap_or_default()
            .contains("overlay")
    };
    // Asking for the module does no harm where it is built in.
    listed() || (super::command::run("modprobe", &["overlay"]).is_ok() && listed())
}

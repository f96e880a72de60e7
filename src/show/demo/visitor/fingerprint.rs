//! What a site holds, as names and digests that can be compared later.

use super::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Names of pages and files with the digest of each, in the order of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint {
    entries: BTreeMap<String, String>,
}

/// One name on which two fingerprints disagree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Difference {
    /// Only in the first.
    Lost {
        /// Name of page or file.
        name: String,
    },
    /// Only in the second.
    New {
        /// Name of page or file.
        name: String,
    },
    /// In both, with other content.
    Changed {
        /// Name of page or file.
        name: String,
        /// Digest in the first.
        before: String,
        /// Digest in the second.
        after: String,
    },
}

impl Fingerprint {
    /// Adds a name; a name stands once, the later digest counts.
    pub fn insert(&mut self, name: impl Into<String>, digest: impl Into<String>) {
        self.entries.insert(name.into(), digest.into());
    }

    /// Names and digests in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(n, d)| (n.as_str(), d.as_str()))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name at all. Two empty fingerprints are equal and prove nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// SHA-256 over everything, to be shown to people.
    pub fn digest(&self) -> String {
        let mut lines = String::new();
        for (name, digest) in &self.entries {
            lines.push_str(name);
            lines.push('\t');
            lines.push_str(digest);
            lines.push('\n');
        }
        sha256(lines.as_bytes())
    }

    /// On which names `later` disagrees, in the order of the names; empty if equal.
    pub fn diff(&self, later: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, before) in &self.entries {
            match later.entries.get(name) {
                None => found.push(Difference::Lost { name: name.clone() }),
                Some(after) if after != before => found.push(Difference::Changed {
                    name: name.clone(),
                    before: before.clone(),
                    after: after.clone(),
                }),
                Some(_) => {}
            }
        }
        for name in later.entries.keys() {
            if !self.entries.contains_key(name) {
                found.push(Difference::New { name: name.clone() });
            }
        }
        found.sort_by(|a, b| a.name().cmp(b.name()));
        found
    }
}

impl Difference {
    /// The name in question.
    pub fn name(&self) -> &str {
        match self {
            Self::Lost { name } | Self::New { name } | Self::Changed { name, .. } => name,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { name } => write!(f, "lost: {name}"),
            Self::New { name } => write!(f, "new: {name}"),
            Self::Changed {
                name,
                before,
                after,
            } => write!(f, "changed: {name} (was {before}, is {after})"),
        }
    }
}

/// All revisions of one page, from which its digest is made.
#[derive(Debug, Default)]
pub(super) struct Record {
    revisions: BTreeMap<(String, u64), String>,
}

impl Record {
    /// Notes one revision: when, its number, who and why, and its text.
    pub(super) fn note(&mut self, at: &str, number: u64, about: &str, text: &str) {
        let line = format!("{at} {number} {about} {}\n", sha256(text.as_bytes()));
        self.revisions.insert((at.to_owned(), number), line);
    }

    /// The page's digest, given the text that readers see now.
    pub(super) fn digest(&self, current: &str) -> String {
        let lines: String = self.revisions.values().map(String::as_str).collect();
        let last = self.revisions.keys().next_back();
        format!(
            "text sha256:{} history sha256:{} revisions {} last {}",
            sha256(current.as_bytes()),
            sha256(lines.as_bytes()),
            self.revisions.len(),
            last.map_or("never", |(at, _)| at.as_str()),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(entries: &[(&str, &str)]) -> Fingerprint {
        let mut print = Fingerprint::default();
        for (name, digest) in entries {
            print.insert(*name, *digest);
        }
        print
    }

    #[test]
    fn a_difference_is_named_once_and_in_order() {
        let before = print(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let after = print(&[("a", "1"), ("aa", "1"), ("c", "2")]);
        let said: Vec<String> = before
            .diff(&after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(said, ["new: aa", "lost: b", "changed: c (was 1, is 2)"]);
        assert!(before.diff(&before.clone()).is_empty());
        assert_ne!(before.digest(), after.digest());
    }

    #[test]
    fn an_old_revision_counts_although_the_page_looks_the_same() {
        let (mut whole, mut altered) = (Record::default(), Record::default());
        whole.note("2025-01-01", 1, "", "first");
        altered.note("2025-01-01", 1, "", "tampered");
        for record in [&mut whole, &mut altered] {
            record.note("2025-01-02", 2, "", "second");
        }
        assert_ne!(whole.digest("second"), altered.digest("second"));
    }
}

//! `HF0200` to `HF0299`: why a commit is not accepted.

use super::entry::{Entry, Example};

/// Not accepted, for whatever reason.
pub const NOT_ACCEPTED: &str = "HF0200";
/// A stack's own file that leads out of the commit or is too large; verification has the same code.
pub const REFUSED_FILE: &str = "HF0233";

pub(super) const ENTRIES: &[Entry] = &[Entry {
    id: NOT_ACCEPTED,
    title: "the commit is not accepted",
    explanation: "A commit counts when it descends from the trusted root and carries one sound \
SSH signature by somebody whom trust.toml of its parents lets change what it changes. The list in the \
commit itself is never asked, or anybody could add a key and sign with it.\n\n\
The message names the commit, the key and what is missing. While the newest commit is not accepted \
nothing of it is done.",
    example: Example::Commands {
        wrong: "git commit -q --no-gpg-sign --allow-empty -m 'Not signed'",
        right: "git commit -q -S --allow-empty -m 'Signed'",
    },
}];

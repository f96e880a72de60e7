//! Every code that a finding or a refusal can have, and what it means.
//!
//! A code is a promise to scripts: it keeps its meaning and is never given
//! again. One file for each range; a new code is a constant and an [`Entry`] in
//! its file, and a test demands both, with an example that really provokes it.
//!
//! * `HF0001` to `HF0029`: a file by itself ([`files`]).
//! * `HF0030` to `HF0059`: policies ([`policy`]).
//! * `HF0201` to `HF0299`: whose word counts ([`trust`]).

mod entry;
pub mod files;
pub mod policy;
pub mod trust;

pub use entry::{Entry, Example};
pub use files::*;
pub use policy::*;

/// All codes, in order.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    [files::ENTRIES, policy::ENTRIES, trust::ENTRIES]
        .into_iter()
        .flatten()
}

/// What a code means; `hf3`, `3` and `HF0003` are the same one.
pub fn find(code: &str) -> Option<&'static Entry> {
    let upper = code.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix("HF").unwrap_or(&upper);
    let right = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u32 = digits.parse().ok().filter(|_| right)?;
    let id = format!("HF{number:04}");
    all().find(|entry| entry.id == id)
}

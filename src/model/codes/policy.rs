//! `HF0030` to `HF0059`: files that are sound, and an estate that must not be so all the same.

use super::entry::Entry;

pub(super) const ENTRIES: &[Entry] = &[];

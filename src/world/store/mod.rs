//! What Holdfast remembers: the journal, and who may write it.
//!
//! Everything else is derived from the journal each time; nothing is stored beside it.

mod chain;
mod documents;
mod journal;
mod lock;

pub use chain::BrokenChain;
pub use documents::Documents;
pub use journal::{Journal, StoreError, read_entries, seals};

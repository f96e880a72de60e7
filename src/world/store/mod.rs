//! What Holdfast remembers: the journal, and who may write it.
//!
//! Everything else is derived from the journal each time. Beside it lie copies, of evidence and
//! of what was seen last, that may be lost.

mod cache;
mod chain;
mod documents;
mod journal;
mod lock;
mod requests;

pub use cache::{remember, remembered, remembered_in_full};
pub use chain::BrokenChain;
pub use documents::Documents;
pub use journal::{Journal, Ledger, StoreError, read_entries, seals};
pub use requests::{Request, Requests};

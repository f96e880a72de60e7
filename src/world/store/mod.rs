//! What Holdfast remembers: the journal, and who may write it.
//!
//! Everything else is derived from the journal each time. Beside it lie copies, of evidence and
//! of what was seen last, that may be lost.

mod cache;
mod chain;
mod documents;
mod error;
mod journal;
mod lease;
mod lock;
mod place;
mod requests;

pub use cache::{remember, remembered, remembered_in_full};
pub use chain::{BrokenChain, Tip};
pub use documents::Documents;
pub use error::StoreError;
pub use journal::{Entries, Journal, Ledger, carry_over, read_entries, seals};
pub use lease::{Hold, holder_of};
pub use place::{Place, prepare};
pub use requests::{Request, Requests};

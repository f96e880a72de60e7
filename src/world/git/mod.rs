//! The estate's repository. Read from objects only, never from the work tree.
//!
//! What stays outside: what the files mean.

mod commit;
mod error;
pub mod fetch;
mod history;
pub mod lineage;
mod signature;
mod tree;
mod trust;
mod verify;
pub mod write;

pub use commit::NAMESPACE;
pub use error::TrustError;
pub use trust::parse as trust_list;
pub use verify::{Signed, VerifiedCommit, is_descendant, verify};

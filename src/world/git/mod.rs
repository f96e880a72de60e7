//! The estate's repository. What is acted on is read from objects only, never from the work tree.
//!
//! What stays outside: what the files mean, and the rules of who may do what,
//! which are handed in.

mod approval;
mod commit;
pub mod compare;
mod error;
mod explain;
pub mod fetch;
mod history;
mod id;
mod judge;
mod known;
pub mod lineage;
mod links;
mod lists;
pub mod lock;
mod loose;
mod objects;
mod parting;
mod program;
pub mod sign;
mod signature;
pub mod steps;
mod tree;
mod verify;
pub mod work_tree;
pub mod write;

pub use approval::{APPROVAL_NAMESPACE, APPROVALS, Flaw, approval_name};
pub use commit::NAMESPACE;
pub use error::{Refusal, TrustError};
pub use explain::{Considered, Explained, Fault, Judged, explain};
pub use known::{Known, KnownError};
pub use signature::Unsound;
pub use verify::{
    AcceptedCommit, Approval, Question, VerifiedCommit, accept, is_descendant, resolve, verify,
};

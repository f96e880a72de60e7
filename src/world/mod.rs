//! What we touch: one room per kind of outside thing, each a small trait and its implementations.

pub mod backup;
pub mod catalogue;
pub mod clock;
pub mod dns;
pub mod git;
pub mod hoster;
pub mod machine;
pub mod probe;
pub mod secrets;
pub mod store;
pub mod supervisor;

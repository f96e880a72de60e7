//! What we do: observe, apply, back up, verify, reconcile. Decisions and world put together.

pub mod adopt;
pub mod anchor;
pub mod apply;
pub mod approve;
pub mod back_up;
pub mod before;
pub mod config;
pub mod entry;
pub mod estate;
pub mod exactly;
pub mod fence;
mod head;
pub mod init;
pub mod lay_out;
pub mod new_stack;
pub mod observe;
pub mod offline;
pub mod open;
pub mod origins;
pub mod plan_file;
pub mod points;
pub mod reconcile;
pub mod schemas;
pub mod session;
pub mod signers;
pub mod standing;
pub mod verify;

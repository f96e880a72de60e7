//! What we do: observe, apply, back up, verify, reconcile. Decisions and world put together.

pub mod apply;
pub mod fence;
pub mod observe;
pub mod open;
pub mod reconcile;
pub mod session;

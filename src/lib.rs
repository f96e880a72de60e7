//! Holdfast: a declarative infrastructure reconciler in the GitOps style.
//!
//! The map of the house. Imports run one way, and a test enforces it:
//!
//! ```text
//! main → show → flow → { decide, world } → model          lab → nothing of ours
//! ```
//!
//! * [`model`]: what we talk about. Plain data.
//! * [`decide`]: what we think. Pure functions from data to data.
//! * [`world`]: what we touch. One room per kind of outside thing.
//! * [`flow`]: what we do. Decisions and world put together.
//! * [`show`]: what people see.
//! * [`lab`]: hosters with real machines on this computer; nothing else knows that it exists.

#[deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]
pub mod decide;
#[allow(clippy::disallowed_methods, reason = "measures how long things take")]
pub mod flow;
#[allow(clippy::disallowed_methods, reason = "runs machines on this computer")]
pub mod lab;
#[deny(clippy::disallowed_methods, clippy::print_stdout, clippy::print_stderr)]
pub mod model;
#[allow(
    clippy::disallowed_methods,
    reason = "arguments, terminal, elapsed time"
)]
pub mod show;
#[allow(
    clippy::disallowed_methods,
    reason = "the place where the outside is touched"
)]
pub mod world;

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

pub mod decide;
pub mod flow;
pub mod lab;
pub mod model;
pub mod show;
pub mod world;

//! Drills: when one is due, where it goes, what it is done with, and what came of it.
//!
//! How one is done stands in its plan ([`drill_now`](crate::decide::plan::drill_now)): the same
//! steps as a rebuild, on a machine that nobody is ever let in to and that is destroyed.

mod equal;
mod place;
mod point;
mod when;

pub use equal::{AppVerified, differences};
pub use place::{Place, at, places};
pub use point::{NoPoint, choose};
pub(crate) use when::remedy;
pub use when::{ESCROW_EVERY, EVERY, RULE, Standing, Trouble, due, every, gates, standing};

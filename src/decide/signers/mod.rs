//! The list of who signs, as people look at it and change it.

mod edit;
mod overview;

pub use edit::{EditError, NewSigner, add, lines_changed, revoke};
pub use overview::{
    Arrival, Key, Overview, RoleRow, State, Tally, ThresholdRow, arrival, has_say, overview, tally,
};

//! The whole story on the terminal, on real machines of the lab: a signed commit
//! becomes a running customer, the server is lost and rebuilt, the customer moves
//! to another hoster, and the data is compared each time.

mod content;
mod story;
pub mod visitor;

pub use story::{Ending, Listener, Options, Scene, StoryError, tell};

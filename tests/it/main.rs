//! The one integration binary.

mod derive;

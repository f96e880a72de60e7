//! What we talk about: plain data. Imports nothing of ours.

pub mod anchor;
pub mod authority;
pub mod blueprint;
pub mod causes;
pub mod codes;
pub mod desired;
pub mod diagnostic;
pub mod evidence;
pub mod forecast;
pub mod gap;
pub mod identity;
pub mod ids;
pub mod journal;
pub mod listed;
pub mod machine;
pub mod observed;
pub mod operation;
pub mod plan;
pub mod point;
pub mod policy;
pub mod remembered;
pub mod secrecy;
pub mod secret;
pub mod trust;
pub mod units;
pub mod visible;

//! What `holdfast run` shows of itself: its log, its health, its metrics, one line for systemd.

pub mod board;
pub mod http;
pub mod log;
pub mod meters;

pub use board::Board;

//! Hosters with real machines on this computer. Knows nothing of the other rooms; speaks only the hosters' interfaces.

pub mod fleet;
pub mod hetzner;

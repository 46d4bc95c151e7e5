//! The engine room.

pub mod anatomy;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod warm_start;

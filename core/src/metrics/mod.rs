//! What is measured: metric rows, statistics over seeds, alarms, verdicts, and the digest that makes a run replayable.

pub mod alarms;
pub mod claims;
pub mod columns;
pub mod curves;
pub mod gap;
mod moment;
#[cfg(test)]
mod noise_tests;
pub mod power;
pub mod statistics;
pub mod student;
pub mod verdict;
pub mod wilson;

pub use crate::math::digest;
pub use columns::{COLUMNS, Column};
pub use curves::Curves;

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

pub use columns::{COLUMNS, Column};
pub use curves::Curves;

/// A 64-bit digest of numbers, bit for bit: equal digests mean equal runs (FNV-1a over the words, NaN made one).
pub fn digest(values: &[f32]) -> u64 {
    values.iter().fold(0xcbf2_9ce4_8422_2325, |hash, x| {
        let bits = if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() };
        bits.to_le_bytes().iter().fold(hash, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
    })
}

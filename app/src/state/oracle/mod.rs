//! Exact answers about the rewards, asked of the oracle in a worker of its own.

pub mod known;
mod ranges;
mod reports;

//! The reward language: a typed subset of Python, compiled to WGSL and to a CPU evaluator.

pub mod schema;

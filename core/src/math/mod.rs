//! Arithmetic that gives the same bits on every machine: own transcendental functions, no fused multiply-add, summation
//! orders that do not depend on the width of a vector.
//!
//! `elementary` has the scalar functions, `rows` what is done to a batch of logits, `gemm` and `activation` the kernels of
//! the policies, `simd` the instruction sets they run on.

pub mod activation;
mod digest;
pub mod elementary;
pub mod gemm;
pub mod rng;
pub mod rows;
pub mod simd;

pub use elementary::{exp, log, sigmoid, tanh};
pub use rows::{entropy, entropy_rows, exp_all, log_softmax_rows, sample_row};

pub use digest::digest;

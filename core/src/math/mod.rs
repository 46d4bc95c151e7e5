//! Arithmetic that gives the same bits on every machine: own transcendental functions, no fused multiply-add, summation
//! orders that do not depend on the width of a vector.

pub mod rng;

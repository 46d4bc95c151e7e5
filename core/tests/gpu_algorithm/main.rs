//! The stages advantage, loss and optimize on a WebGPU device, against the functions of `algorithm` from identical
//! buffers and against TRL's golden vectors. Tolerance, unless a test says otherwise: 1e-4 relative plus 2e-5 of the
//! largest number of the buffer (at least 1).
#![cfg(feature = "gpu")]

mod advantage;
mod batch;
#[path = "../common/mod.rs"]
mod common;
mod golden;
mod loss;
mod optimize;

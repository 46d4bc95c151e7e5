//! The engine at work: its buffers and compiled stages, submits, edits, checkpoints.

mod checkpoint;
mod edits;
mod engine;
mod kernel;
mod past_samples;
mod reward_models;
mod slow_loop;
mod stage;
mod submit;
mod watched;

pub use edits::Prepared;
pub use engine::GpuEngine;
pub use kernel::{Binding, bindings};

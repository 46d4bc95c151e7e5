//! The WebGPU engine: the only place that imports wgpu. Every lane of every arm goes through the same dispatch, a
//! rollout is one dispatch whatever the horizon, many updates go into one submit, and metrics come back rarely.
//!
//! The stages carry the names of `shaders/` and of the CPU engine. What a shader sees is said in `shaders/README.md`.

mod buffers;
mod device;
mod edits;
mod engine;
mod memory;
mod network;
mod outer;
mod pipelines;
mod readback;
mod refill;
mod reward_models;
mod score_programs;
mod setup;
mod shape;
mod sources;
mod stages;
mod state;
mod update;
mod wake;

pub use device::{GpuContext, GpuError, find_adapter, request_device};
pub use edits::Prepared;
pub use engine::GpuEngine;
pub use network::Network;
pub use pipelines::{Binding, bindings};
pub use readback::Rows;
pub use score_programs::score_programs;
pub use setup::stage_texts;
pub use shape::Shape;

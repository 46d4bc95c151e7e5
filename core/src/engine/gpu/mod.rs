//! The WebGPU engine: the only place that imports wgpu. Every lane of every arm goes through the same dispatch, a
//! rollout is one dispatch whatever the horizon, many updates go into one submit, and metrics come back rarely.
//!
//! `text` makes the shaders' texts of a plan, `memory` the buffers, `run` trains with them. The stages carry the names of
//! `shaders/` and of the CPU engine. What a shader sees is said in `shaders/README.md`.

mod device;
mod memory;
mod run;
mod score_programs;
mod text;
mod wake;

pub use device::{GpuContext, GpuError, find_adapter, request_device};
pub use memory::Rows;
pub use run::{Binding, GpuEngine, Prepared, bindings};
pub use score_programs::score_programs;
pub use text::{Network, Sizes, stage_texts};

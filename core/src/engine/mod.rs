//! What trains policies. `cpu` and `gpu` are two engines with the same stages; what both share stands beside them.

pub mod adapter;
pub mod anatomy;
pub mod bases;
pub mod checkpoint;
pub mod corrupt;
pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod lanes;
pub mod packed;
pub mod probe;
pub mod reward_models;
pub mod training;
pub mod update;
pub mod value_head;
pub mod warm_start;
pub mod watched;

pub use adapter::{Adapter, EngineKind};
pub use bases::{BasePolicy, Bases};
pub use checkpoint::{Checkpoint, LaneState};
pub use corrupt::Written;
pub use cpu::CpuEngine;
#[cfg(feature = "gpu")]
pub use gpu::GpuEngine;
pub use lanes::{LaneId, lanes_of};
pub use training::{Engine, Host};
pub use watched::WatchedBatch;

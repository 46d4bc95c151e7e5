//! The CPU engine: the stages of an update, one file a stage under the names of the shaders, lane after lane.
//!
//! It is a product path, not a debugging aid: it runs in every browser and is bit-exact, natively and in WebAssembly,
//! whatever the width of vectors and the number of workers. One engine serves some lanes on one thread; lanes never talk
//! to each other, so a run is split by giving each worker some of them. Nothing is allocated in an update once the
//! buffers have their sizes.

mod advantage;
mod appraise;
mod backward;
mod calibrate;
mod combine;
mod engine;
mod explore;
mod forward;
mod loss;
mod measure;
mod optimize;
mod outer;
mod refill;
mod remember;
mod reward_models;
mod rollout;
mod score;
mod update;
mod work;

pub use engine::CpuEngine;
pub use reward_models::answers;
pub use work::{Lane, Work};

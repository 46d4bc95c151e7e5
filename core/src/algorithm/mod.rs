//! Advantages, losses, KL, optimisers and schedules: pure functions over the flat buffers of one lane.
//!
//! Shapes: n samples in groups of G, T steps. A per-step buffer is [n][T], sample-major; a step t of sample i is valid
//! when t < lengths[i]. A reward of NaN means "no reward" (not applicable, or an error in the reward program): such a
//! sample takes no part in its group's statistics and its advantage is 0. A sample that is not active (its reward
//! program failed) takes no part in the loss either, the KL and the entropy bonus included.

pub mod advantage;
pub mod buffer;
mod conflicts;
pub mod entropy;
pub mod filters;
mod flag;
pub mod inference;
pub mod kl;
pub mod loss;
pub mod minibatch;
pub mod noise;
pub mod optimizer;
pub mod outer;
pub mod schedule;
pub mod settings;
pub mod shader;
mod sum;
pub mod value;

pub use advantage::{Batch, GroupStats, estimate, is_group_relative, normalises_components};
pub use conflicts::conflict;
pub use entropy::{EntropyControl, adapt_entropy};
pub use filters::filter_samples;
pub(crate) use flag::flag;
pub use kl::kl_into_rewards;
pub use loss::{LossInput, LossStats, coefficients};
pub use minibatch::{minibatch_of, minibatch_place, minibatch_samples};
pub use noise::noise_into_rewards;
pub use optimizer::{clip_gradients, optimize};
pub use schedule::learning_rate;
pub use settings::Settings;
pub use value::{ValueInput, value_coefficients};

/// Buffers that the functions of this module reuse between calls, so that an update allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct BatchScratch {
    /// One number a sample.
    pub(crate) samples: Vec<f32>,
    /// One number a valid step, for quantiles.
    pub(crate) steps: Vec<f32>,
}

/// The size that an advantage must exceed at some step for its sample to have one: above the rounding of what should be
/// 0.
pub const NO_ADVANTAGE: f32 = 1e-6;

/// Where the draws of a batch come from: never the arm, so that all arms of a seed draw alike.
#[derive(Clone, Copy, Debug)]
pub struct BatchKey {
    pub seed: u32,
    pub update: u32,
    /// Samples of a group.
    pub group: usize,
}

//! Advantages, losses, KL, optimisers and schedules: pure functions over the flat buffers of one lane.
//!
//! Shapes: n samples in groups of G, T steps. A per-step buffer is [n][T], sample-major; a step t of sample i is valid
//! when t < lengths[i]. A reward of NaN means "no reward" (not applicable, or an error in the reward program): such a
//! sample takes no part in its group's statistics and its advantage is 0.

pub mod settings;

pub use settings::Settings;

//! Learned reward models: what an experiment may ask for, the fields that they add to an episode, their scores on the
//! CPU, and what they are trained on. The training itself needs automatic differentiation and lives elsewhere: a `Job`
//! goes out as plain data, weights come back.
//!
//! A lane owns its models: [count][ModelShape::n_params()] weights.

mod data;
mod job;
mod models;
mod params;
mod report;
mod shape;

pub use crate::algorithm::settings::FreshPairs;
pub use data::{Answers, Examples};
pub use job::{Job, ModelJob};
pub use models::{FIELDS, MAX_WIDTH, RewardModels};
pub use params::{Diversity, Encoder, Hardened, Labels, Objective, RewardModelParams};
pub use report::{BINS, Bin, Calibration, TrainingReport, agreement, report};
pub use shape::{Field, ModelShape, Scorer};

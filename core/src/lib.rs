//! The engine of Goodhart: experiments as plain data, the reward language, tasks, policies, algorithms, and the two
//! engines that train them.
//!
//! No DOM, no clock and no global randomness live here. ARCHITECTURE.md at the root of the repository is the map.

pub mod algorithm;
pub mod engine;
pub mod episode_fields;
pub mod experiment;
pub mod layout;
pub mod link;
pub mod linter;
pub mod math;
pub mod metrics;
pub mod oracle;
pub mod params;
pub mod plan;
pub mod policy;
pub mod protocol;
pub mod reward;
pub mod reward_models;
pub mod spelling;
pub mod tasks;

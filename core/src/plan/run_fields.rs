//! What reward programs see of the run.

use crate::choice;
use crate::reward::schema::RunSchema;

choice! {
    /// The numbers that reward programs see as `run.<name>`: where the run stands, and what the last update measured.
    /// None of them tells anything of the true score. `RunField::X as usize` is a number's place among them.
    pub enum RunField {
        Step = "step",
        Updates = "updates",
        Progress = "progress",
        Reward = "reward",
        RewardStd = "reward_std",
        Entropy = "entropy",
        MeanLength = "mean_length",
        Kl = "kl",
        FracRewardZeroStd = "frac_reward_zero_std",
    }
}

/// The names of the numbers that reward programs see as `run.<name>`, in their order.
pub const RUN_FIELDS: &[&str] = RunField::NAMES;

/// The names of `RUN_FIELDS` as the compiler wants them.
pub fn run_schema() -> RunSchema {
    RunSchema { names: RUN_FIELDS.iter().map(|s| (*s).to_string()).collect() }
}

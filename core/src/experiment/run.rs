//! The shape of a run: the same for all arms, so that their lanes make one batch.

use crate::params;

params! {
    /// How long, how wide and over how many seeds an experiment runs.
    pub struct RunParams {
        updates: u32 = 200, 1 ..= 100000, "updates", "Length of a run.";
        seeds: u32 = 4, 1 ..= 64, "", "Repetitions of every arm; all arms share the random numbers of a seed.";
        first_seed: u32 = 0, 0 ..= 1000000, "", "The first seed.";
        groups: u32 = 8, 1 ..= 4096, "prompts", "Groups (prompts or start states) an update.";
        num_generations: u32 = 8, 1 ..= 1024, "samples", "Samples of a group (G).", source "TRL GRPOConfig.num_generations";
    }
}

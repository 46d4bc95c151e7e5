//! The shape of a run: the same for all arms, so that their lanes make one batch.

use crate::params;

params! {
    /// How long, how wide and over how many seeds an experiment runs.
    pub struct RunParams {
        updates: u32 = 200, 1 ..= 100000, "updates", "Length of a run.", also "max_steps, total_training_steps, num_train_epochs, total_epochs, num_episodes, total_timesteps, steps, epochs";
        seeds: u32 = 4, 1 ..= 64, "", "Repetitions of every arm; all arms share the random numbers of a seed.", also "repetitions, num_seeds";
        first_seed: u32 = 0, 0 ..= 1000000, "", "The first seed.", also "seed, data_seed";
        instances: u32 = 0, 0 ..= 64, "instances", "Instances of the task (tables, maps, what the base policy knows) that the seeds are dealt among: 0 gives every seed its own, 1 gives all seeds the same one.", also "table_seed, env seed";
        groups: u32 = 8, 1 ..= 4096, "prompts", "Groups (prompts or start states) an update.", also "batch size, train_batch_size, rollout_batch_size, per_device_train_batch_size, generation_batch_size, num_envs, prompts";
        num_generations: u32 = 8, 1 ..= 1024, "samples", "Samples of a group (G).", source "TRL GRPOConfig.num_generations", also "group size, G, rollout.n, n_samples_per_prompt, batch size, rollouts, samples per prompt";
    }
}

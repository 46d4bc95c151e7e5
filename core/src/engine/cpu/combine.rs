//! Stage `combine`: from what the program pays to the reward that the update uses: noise is put into it and the KL to
//! the reference is taken out of it, where the settings say so.

use super::work::Work;
use crate::algorithm::settings::RewardNoise;
use crate::algorithm::{self, BatchKey, Settings};
use crate::plan::Plan;

/// Changes the rewards and step rewards of `scores` in place; notes the mean of what the program paid.
pub fn combine(plan: &Plan, settings: &Settings, seed: u32, update: u32, work: &mut Work) {
    work.paid.clone_from(&work.scores.reward);
    let paid = work.paid.iter().filter(|r| !r.is_nan());
    let (sum, count) = paid.fold((0.0f32, 0u32), |(s, c), r| (s + r, c + 1));
    work.proxy = if count == 0 { f32::NAN } else { sum / count as f32 };
    if settings.reward_noise != RewardNoise::None {
        let scores = &mut work.scores;
        algorithm::noise_into_rewards(
            settings,
            BatchKey { seed, update, group: plan.group() },
            work.steps,
            &work.batch.lengths,
            &mut scores.reward,
            &mut scores.step_reward,
        );
    }
    if settings.kl_in_reward > 0.0 {
        let scores = &mut work.scores;
        algorithm::kl_into_rewards(
            settings,
            work.steps,
            &work.batch.lengths,
            &work.batch.active,
            &work.batch.logp_old,
            &work.batch.logp_ref,
            &mut scores.reward,
            &mut scores.step_reward,
        );
    }
}

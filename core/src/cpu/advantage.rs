//! Stage `advantage`: rewards become advantages, group by group, and filters choose which of them count.

use super::work::Work;
use crate::algorithm::{self, Batch, BatchKey, Settings};
use crate::plan::Plan;
use crate::reward::Program;

/// Fills advantages, returns and group_stats of `work`.
pub fn advantage(plan: &Plan, settings: &Settings, program: &Program, seed: u32, update: u32, work: &mut Work) {
    work.weights.clear();
    work.weights.extend(program.components.iter().map(|c| c.weight));
    let batch = Batch {
        n: work.n,
        group: plan.group(),
        steps: work.steps,
        lengths: &work.lengths,
        active: &work.active,
        rewards: &work.scores.reward,
        components: &work.scores.components,
        weights: &work.weights,
        step_rewards: &work.scores.step_reward,
        values: if plan.interface.critic { &work.values_old } else { &[] },
    };
    work.group_stats =
        algorithm::estimate(settings, &batch, &mut work.scratch, &mut work.advantages, &mut work.returns);
    let key = BatchKey { seed, update, group: plan.group() };
    algorithm::filter_samples(settings, key, &batch, &mut work.scratch, &mut work.advantages);
}

//! Stage `advantage`: rewards become advantages, group by group, and filters choose which of them count.

use super::work::Work;
use crate::algorithm::{self, Batch, BatchKey, Settings, filters};
use crate::plan::Plan;
use crate::reward::Program;

/// Fills advantages, returns, group_stats and filter_r2 of `work`.
pub fn advantage(plan: &Plan, settings: &Settings, program: &Program, seed: u32, update: u32, work: &mut Work) {
    work.weights.clear();
    work.weights.extend(program.components.iter().map(|c| c.weight));
    let batch = Batch {
        n: work.n,
        group: plan.group(),
        steps: work.steps,
        lengths: &work.batch.lengths,
        active: &work.batch.active,
        rewards: &work.scores.reward,
        components: &work.scores.components,
        weights: &work.weights,
        step_rewards: &work.scores.step_reward,
        values: if plan.interface.critic { &work.batch.values_old } else { &[] },
        end_values: &work.end_values,
    };
    // Only gae has returns; those of the lane before this one must not get into the buffer of past samples.
    work.batch.returns.fill(0.0);
    work.group_stats =
        algorithm::estimate(settings, &batch, &mut work.scratch, &mut work.batch.advantages, &mut work.batch.returns);
    let key = BatchKey { seed, update, group: plan.group() };
    algorithm::filter_samples(settings, key, &batch, &mut work.scratch, &mut work.batch.advantages);
    let learned = (0..work.n).filter(|i| work.has_advantage(*i));
    work.filter_r2 = filters::r2(learned.map(|i| (work.scores.reward[i], work.true_scores[i])));
}

//! Stage `advantage`: rewards become advantages, group by group.

use super::work::Work;
use crate::algorithm::{self, Batch, Settings};
use crate::plan::Plan;
use crate::reward::Program;

/// Fills advantages, returns and group_stats of `work`.
pub fn advantage(plan: &Plan, settings: &Settings, program: &Program, work: &mut Work) {
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
}

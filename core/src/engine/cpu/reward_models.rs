//! What the engine has to do with the training of reward models: answers and jobs out, weights in.

use super::engine::CpuEngine;
use super::rollout;
use super::work::Work;
use crate::engine::{Bases, LaneId, Written, bases};
use crate::plan::{self, Plan};
use crate::reward_models::{Answers, Job, RewardModels};

/// Answers of the base policy: `batches` batches of seed `seed` (an index), drawn as updates `first_update` and on would
/// be. `bases` have the seed's, else it has the seed's initial parameters. Held-out answers are all of them; those that are
/// trained on are chosen and truncated as the models have it.
///
/// Errors: a base policy that is not at hand, or of another policy.
pub fn answers(
    plan: &Plan,
    models: &RewardModels,
    seed: usize,
    bases: Option<&Bases>,
    first_update: u32,
    batches: usize,
    held_out: bool,
) -> Result<Answers, String> {
    let policy = plan.policy.build(&plan.policy_params, &plan.interface);
    let mut policy = policy.map_err(|e| plan::join(&e))?;
    policy.keep_activations(false);
    let params = bases::start(plan, policy.as_ref(), bases, seed)?;
    let seed = plan.seed(seed);
    let mut work = Work::new(plan, 0);
    let mut found = Answers::new(models, plan.group());
    let width = plan.steps();
    for k in 0..batches as u32 {
        let update = first_update.wrapping_add(k);
        rollout::rollout(plan, policy.as_mut(), &params, seed, update, false, &mut work);
        let (actions, lengths) = (&work.batch.actions, &work.batch.lengths);
        let written = Written { seed, update, actions, width, lengths };
        if held_out {
            found.add(models, &work.records, plan.task.schema.stride, &work.true_scores);
        } else {
            found.add_first(plan, models, &work.records, &work.true_scores, &written);
        }
    }
    Ok(found)
}

impl CpuEngine {
    /// Trainings that are due before the next update; their weights go to `set_reward_models`.
    pub fn reward_model_jobs(&self) -> Vec<(LaneId, Job)> {
        let Some(models) = &self.plan.reward_models else { return Vec::new() };
        let job = |lane: &super::work::Lane| {
            let answers = lane.answers.clone()?;
            let (settings, seed) = (&self.arms[lane.id.arm].settings, self.plan.seed(lane.id.seed));
            Some((lane.id, Job::again(models, settings, answers, &lane.reward_models, seed, self.update)))
        };
        self.lanes.iter().filter_map(job).collect()
    }

    /// Uses these weights [count][ModelShape::n_params()] for a lane's reward models from the next update on.
    ///
    /// Errors: another number of weights than the plan's models have.
    pub fn set_reward_models(&mut self, lane: LaneId, weights: &[f32]) -> Result<(), String> {
        for own in self.lanes.iter_mut().filter(|l| l.id == lane) {
            if own.reward_models.len() != weights.len() {
                let (want, got) = (own.reward_models.len(), weights.len());
                return Err(format!("the reward models have {want} weights and were given {got}"));
            }
            own.reward_models.copy_from_slice(weights);
            own.answers = None;
        }
        Ok(())
    }
}

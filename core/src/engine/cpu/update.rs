//! One update of one lane, in the order that both engines have.

use super::work::{Lane, Work};
use super::{
    advantage, appraise, backward, calibrate, combine, explore, forward, loss, measure, optimize, outer, refill,
    remember, rollout, score,
};
use crate::engine::corrupt::Written;
use crate::engine::update::{Order, Phase};
use crate::plan::PlannedArm;
use crate::policy::Policy;
use crate::reward_models::Answers;

/// The policy's instances of a thread.
pub struct Policies<'a> {
    pub train: &'a mut dyn Policy,
    pub reference: &'a mut Option<Box<dyn Policy>>,
}

/// One update of one lane, in the order that both engines have. A lane that is `watched` has every field of its episodes.
pub fn update_lane(
    arm: &PlannedArm,
    lane: &mut Lane,
    policies: Policies<'_>,
    work: &mut Work,
    update: u32,
    watched: bool,
    row: &mut [f32],
    observe: &mut dyn FnMut(&'static str),
) {
    let settings = &arm.settings;
    let plan = &*lane.plan.clone();
    let seed = plan.seed(lane.id.seed);
    let stride = plan.task.schema.stride;
    let policy = policies.train;
    let order = Order::of(std::iter::once(settings), update);
    let minibatches = settings.num_minibatches as usize;
    let learning_rate = crate::algorithm::learning_rate(settings, update, plan.run.updates);
    work.has_reference = order.looks_back;
    let mut own = lane.program.take().or_else(|| (settings.outer_every > 0).then(|| arm.program.clone()));
    let mut stands_in = false;
    let mut sums = measure::Sums::default();
    for phase in order.phases() {
        match phase {
            Phase::Sample => {
                let with_confidence = watched || plan.confidence.is_read_by(&arm.program);
                rollout::rollout(plan, policy, &lane.params, seed, update, with_confidence, work);
                observe("rollout");
                if let Some(memory) = &plan.exploration {
                    explore::explore(memory, lane, stride, work);
                    observe("explore");
                    remember::remember(memory, lane, stride, work);
                    observe("remember");
                }
                if let Some(models) = &plan.reward_models {
                    appraise::appraise(models, stride, lane, work);
                    observe("appraise");
                }
            }
            Phase::Reference => {
                if policies.reference.is_none() {
                    *policies.reference = plan.policy.build(&plan.policy_params, &plan.interface).ok();
                    // It is never trained, so its activations are of no use.
                    policies.reference.iter_mut().for_each(|policy| policy.keep_activations(false));
                }
                if let Some(instance) = policies.reference {
                    forward::reference(plan, instance.as_mut(), &lane.reference, work);
                }
                observe("reference");
            }
            Phase::Judge => {
                let program = own.as_ref().unwrap_or(&arm.program);
                score::score(plan, program, lane, update, work);
                observe("score");
                combine::combine(plan, settings, seed, update, work);
                observe("combine");
                advantage::advantage(plan, settings, program, seed, update, work);
                observe("advantage");
            }
            Phase::MoveWeights => {
                let moved = own.get_or_insert_with(|| arm.program.clone());
                outer::outer(plan, settings, moved, policy, lane, work);
                observe("outer");
            }
            Phase::Select => {
                stands_in = refill::refill(settings, lane, seed, update, work);
                observe("refill");
            }
            Phase::Learn { iteration, minibatch } => {
                if minibatch == 0 {
                    work.shuffle(seed, update, iteration, minibatches);
                }
                let minibatch = minibatch as usize;
                let fresh = iteration == 0 && minibatches == 1 && !stands_in;
                if !fresh {
                    forward::replay(plan, policy, &lane.params, work, minibatch, minibatches);
                    observe("forward");
                }
                let stats = loss::loss(plan, settings, &lane.entropy, work, minibatch, minibatches);
                observe("loss");
                backward::backward(plan, policy, &lane.params, work);
                observe("backward");
                optimize::optimize(settings, learning_rate, lane, work, stats, &mut sums);
                observe("optimize");
            }
            Phase::Restore => {
                work.restore_sampled();
                lane.program = own.take();
            }
            Phase::Measure => {
                measure::measure(plan, arm, lane, work, update, learning_rate, &sums, row);
                observe("measure");
                if let Some(models) = &plan.reward_models {
                    calibrate::calibrate(models, stride, plan.group(), lane, work, row);
                    lane.answers = models.is_due(settings, update + 1, plan.run.updates).then(|| {
                        let (actions, lengths) = (&work.batch.actions, &work.batch.lengths);
                        let written = Written { seed, update, actions, width: work.steps, lengths };
                        Answers::of_update(plan, models, settings, &work.records, &work.true_scores, &written)
                    });
                    observe("calibrate");
                }
            }
        }
    }
}

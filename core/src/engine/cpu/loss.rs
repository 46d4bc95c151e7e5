//! Stage `loss`: the coefficients dL/dlogp, dL/dH and dL/dV of every step of a minibatch.

use super::work::Work;
use crate::algorithm::settings::Estimator;
use crate::algorithm::{self, EntropyControl, LossInput, LossStats, Settings, ValueInput};
use crate::plan::Plan;

/// What the losses of a minibatch were.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    pub policy: LossStats,
    pub value: f32,
}

/// Fills dlogp, dentropy and dvalue of the minibatch's samples.
pub fn loss(
    plan: &Plan,
    settings: &Settings,
    entropy: &EntropyControl,
    work: &mut Work,
    minibatch: usize,
    of: usize,
) -> Stats {
    let range = work.minibatch(minibatch, of);
    let samples = &work.order[range];
    let input = LossInput {
        n: work.n,
        steps: work.steps,
        samples,
        lengths: &work.batch.lengths,
        truncated: &work.batch.truncated,
        active: &work.batch.active,
        logp: &work.logp,
        logp_old: &work.batch.logp_old,
        logp_ref: if work.has_reference { &work.batch.logp_ref } else { &[] },
        entropy: &work.entropy,
        advantages: &work.batch.advantages,
        max_completion_length: work.steps as u32,
        entropy_coef: entropy.applied(settings),
    };
    let policy = algorithm::coefficients(settings, &input, &mut work.scratch, &mut work.dlogp, &mut work.dentropy);
    let value = if settings.estimator == Estimator::Gae && plan.interface.critic {
        let input = ValueInput {
            batch: &input,
            values: &work.values,
            values_old: &work.batch.values_old,
            returns: &work.batch.returns,
        };
        algorithm::value_coefficients(settings, &input, &mut work.dvalue)
    } else {
        // The lane before this one may have learned values.
        work.dvalue.fill(0.0);
        0.0
    };
    Stats { policy, value }
}

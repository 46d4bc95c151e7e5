//! Stage `optimize`: clips the gradient and takes a step, unless something was not finite.

use super::loss::Stats;
use super::measure::Sums;
use super::work::{Lane, Work};
use crate::algorithm::{self, Settings};

/// One optimiser step of a lane. A gradient or loss that is not finite is counted and not applied.
pub fn optimize(settings: &Settings, lr: f32, lane: &mut Lane, work: &mut Work, stats: Stats, sums: &mut Sums) {
    let norm = algorithm::clip_gradients(&mut work.grads, settings.max_grad_norm);
    let finite = norm.is_finite() && stats.policy.loss.is_finite() && stats.value.is_finite();
    if finite && stats.policy.nonfinite == 0.0 {
        lane.opt_step += 1;
        algorithm::optimize(settings, lr, lane.opt_step, &mut lane.params, &work.grads, &mut lane.m, &mut lane.v);
        lane.entropy.observe(settings, stats.policy.bonus_entropy);
        sums.grad_norm += norm;
        sums.taken += 1.0;
    } else {
        sums.not_finite += stats.policy.nonfinite.max(1.0);
    }
    sums.add(stats);
}

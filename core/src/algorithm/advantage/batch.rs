//! Estimators with statistics of the whole batch: REINFORCE with a batch baseline, GDPO.

use super::{Batch, epsilon};
use crate::algorithm::flag;
use crate::algorithm::settings::{Framework, Settings};
use crate::algorithm::sum::Moments;

/// R - mean of the batch.
pub(super) fn reinforce(batch: &Batch<'_>, out: &mut [f32]) {
    let mean = batch.moments(0..batch.n).mean;
    for i in (0..batch.n).filter(|i| batch.scored(*i)) {
        out[i] = batch.rewards[i] - mean;
    }
}

/// GDPO (TRL's normalize_then_sum): every component becomes a z-score in its group, the weighted sum of those that
/// apply a z-score in the batch. In verl the last step whitens over steps instead, which the caller does.
///
/// Returns `frac_reward_zero_std`: 1 when the deviation of the sums over the batch is 0, else 0.
pub(super) fn gdpo(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) -> f32 {
    let eps = epsilon(settings.framework);
    let n = batch.n;
    for (k, weight) in batch.weights.iter().enumerate() {
        let component = &batch.components[k * n..(k + 1) * n];
        let applies = |i: &usize| component[*i].is_finite() && flag(batch.active, *i, true);
        for range in batch.groups() {
            let m = Moments::of(range.clone().filter(applies).map(|i| component[i]));
            let alone_in_verl = m.count == 1 && settings.framework == Framework::Verl;
            for i in range.filter(applies) {
                if m.count > 1 {
                    out[i] += weight * ((component[i] - m.mean) / (m.std + eps));
                } else if alone_in_verl {
                    out[i] += weight * (component[i] / (1.0 + eps));
                }
            }
        }
    }
    let all = Moments::of((0..n).filter(|i| batch.scored(*i)).map(|i| out[i]));
    for i in 0..n {
        if !batch.scored(i) {
            out[i] = 0.0;
        } else if settings.framework != Framework::Verl {
            out[i] = if all.count > 1 { (out[i] - all.mean) / (all.std + eps) } else { 0.0 };
        }
    }
    if all.count > 1 && all.std <= 1e-8 || n <= 1 { 1.0 } else { 0.0 }
}

//! Masks of the loss: the steps of highest entropy, and sequences that drifted from the policy that sampled them.

use super::LossInput;
use crate::algorithm::settings::Settings;
use crate::algorithm::sum::sum;

/// The least entropy a step needs to be trained on: the quantile 1 - top_entropy_quantile of the minibatch's valid steps
/// with linear interpolation (torch.quantile); f32::MIN where every step is kept.
pub(super) fn entropy_threshold(settings: &Settings, input: &LossInput<'_>, scratch: &mut Vec<f32>) -> f32 {
    if settings.top_entropy_quantile >= 1.0 {
        return f32::MIN;
    }
    scratch.clear();
    for sample in input.samples {
        let i = *sample as usize;
        scratch.extend_from_slice(&input.entropy[input.row(i, input.length(settings, i))]);
    }
    if scratch.is_empty() {
        return f32::MIN;
    }
    scratch.sort_unstable_by(f32::total_cmp);
    let (low, fraction) = quantile_rank(1.0 - settings.top_entropy_quantile, scratch.len() as u32);
    let high = (low as usize + 1).min(scratch.len() - 1);
    let (a, b) = (scratch[low as usize], scratch[high]);
    // The two branches of torch.lerp, so that thresholds equal to an entropy stay equal.
    if fraction < 0.5 { a + fraction * (b - a) } else { b - (b - a) * (1.0 - fraction) }
}

/// Rank below a quantile of `count` numbers, and how far it lies towards the next rank.
pub(super) fn quantile_rank(q: f32, count: u32) -> (u32, f32) {
    let rank = q * (count - 1) as f32;
    let low = rank.floor();
    (low as u32, rank - low)
}

/// Mean of logp_old - logp over the valid steps of a sequence: what the off-policy mask of DeepSeek-V3.2 looks at.
pub(super) fn drift(log_ratio_sum: f32, length: usize) -> f32 {
    -log_ratio_sum / length as f32
}

/// Sum over a row of logp - logp_old.
pub(super) fn log_ratio_sum(input: &LossInput<'_>, row: std::ops::Range<usize>) -> f32 {
    sum(&input.logp[row.clone()]) - sum(&input.logp_old[row])
}

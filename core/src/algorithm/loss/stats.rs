//! What a loss reports, under TRL's names where TRL has them.

use super::inputs::by_sequence;
use super::kernel::Sums;
use crate::algorithm::settings::Settings;

/// Metrics of one minibatch. A mean over ratios is one over steps, or over sequences at the sequence level.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossStats {
    /// The whole loss, and without the entropy bonus (TRL's `loss`, `policy_loss`).
    pub loss: f32,
    pub policy_loss: f32,
    /// Mean KL estimate a step in nats (TRL's `kl`); 0 without a reference.
    pub kl: f32,
    /// Mean entropy a step in nats (TRL's `entropy`).
    pub entropy: f32,
    /// Mean entropy of the steps the bonus acts on: what the adaptive controller follows.
    pub bonus_entropy: f32,
    /// Share of ratios clipped from below (rho < 1 - epsilon and A < 0), from above, and either (TRL's
    /// `clip_ratio/low_mean`, `high_mean`, `region_mean`), and the extremes over sequences (`low_min`, `high_max`).
    pub clip_low_mean: f32,
    pub clip_low_min: f32,
    pub clip_high_mean: f32,
    pub clip_high_max: f32,
    pub clip_region_mean: f32,
    /// Share of capped ratios (TRL's `cispo_clip_ratio`; for cispo_verl both sides count).
    pub cispo_clip_ratio: f32,
    /// Share of ratios where dual_clip bounds the loss (verl's `actor/pg_clipfrac_lower`).
    pub dual_clip_ratio: f32,
    /// Mean phi over sequences (TRL's `vespo/phi_seq_mean`).
    pub vespo_phi_mean: f32,
    pub ratio_mean: f32,
    pub ratio_max: f32,
    /// Mean of logp_old - logp over steps, in nats (verl's `actor/ppo_kl`).
    pub ppo_kl: f32,
    /// Steps in the loss.
    pub steps: f32,
    /// Steps whose gradient is not a finite number.
    pub nonfinite: f32,
}

pub(super) fn finish(settings: &Settings, sums: &Sums, bonus: f32, nonfinite: f32) -> LossStats {
    let steps = sums.steps.max(1) as f32;
    let units = if by_sequence(settings) { sums.nonempty.max(1) as f32 } else { steps };
    LossStats {
        loss: sums.policy_loss - bonus,
        policy_loss: sums.policy_loss,
        kl: sums.kl / steps,
        entropy: sums.entropy / steps,
        bonus_entropy: sums.kept_entropy / sums.kept.max(1) as f32,
        clip_low_mean: sums.low / units,
        clip_low_min: if sums.nonempty > 0 { 1.0 - sums.low_unclipped_max } else { 0.0 },
        clip_high_mean: sums.high / units,
        clip_high_max: sums.high_max,
        clip_region_mean: (sums.low + sums.high) / units,
        cispo_clip_ratio: sums.cispo / units,
        dual_clip_ratio: sums.dual / units,
        vespo_phi_mean: sums.phi / sums.nonempty.max(1) as f32,
        ratio_mean: sums.ratio / units,
        ratio_max: sums.ratio_max,
        ppo_kl: sums.drift / steps,
        steps: sums.steps as f32,
        nonfinite,
    }
}

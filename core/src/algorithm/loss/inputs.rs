//! What every loss is given.

use crate::algorithm::flag;
use crate::algorithm::settings::{ImportanceLevel, Settings};

/// What a loss reads; per-step buffers are [n][T].
#[derive(Clone, Copy, Debug, Default)]
pub struct LossInput<'a> {
    pub n: usize,
    pub steps: usize,
    /// The samples of this minibatch, as indices in 0..n.
    pub samples: &'a [u32],
    /// [n]
    pub lengths: &'a [u32],
    /// [n], or empty: none is truncated.
    pub truncated: &'a [u8],
    /// [n]; 0 where the reward program failed: no part in any term. Empty: all are active.
    pub active: &'a [u8],
    pub logp: &'a [f32],
    pub logp_old: &'a [f32],
    /// Empty where there is no reference policy; the KL is then 0.
    pub logp_ref: &'a [f32],
    pub entropy: &'a [f32],
    pub advantages: &'a [f32],
    /// Dr. GRPO's constant: the most steps that a sample can have.
    pub max_completion_length: u32,
    /// The coefficient of the entropy bonus now (`EntropyControl::applied`).
    pub entropy_coef: f32,
}

impl LossInput<'_> {
    /// Steps of a sample that enter the loss.
    pub fn length(&self, settings: &Settings, i: usize) -> usize {
        let masked = settings.mask_truncated_completions && flag(self.truncated, i, false);
        if masked || !flag(self.active, i, true) { 0 } else { (self.lengths[i] as usize).min(self.steps) }
    }

    pub fn row(&self, i: usize, length: usize) -> std::ops::Range<usize> {
        i * self.steps..i * self.steps + length
    }
}

/// Whether all steps of a sequence share one ratio.
pub fn by_sequence(settings: &Settings) -> bool {
    settings.importance_sampling_level == ImportanceLevel::Sequence
}

/// The upper clip: TRL takes epsilon where epsilon_high is not given.
pub fn epsilon_high(settings: &Settings) -> f32 {
    settings.epsilon_high.unwrap_or(settings.epsilon)
}

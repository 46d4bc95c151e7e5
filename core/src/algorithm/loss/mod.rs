//! The policy loss as one thing only: dL/dlogp and dL/dH of every step, so that a single backward pass serves every
//! algorithm. Formulas are those of TRL 1.16 (`_compute_loss`), with verl's CISPO and dual clip beside them.

mod kernel;
mod mask;
mod stats;

pub use stats::LossStats;

use super::settings::{ImportanceLevel, LossType, Settings};
use super::{Scratch, flag};
use crate::choice;
use kernel::{Sums, Weights};

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
    pub(super) fn length(&self, settings: &Settings, i: usize) -> usize {
        let masked = settings.mask_truncated_completions && flag(self.truncated, i, false);
        if masked || !flag(self.active, i, true) { 0 } else { (self.lengths[i] as usize).min(self.steps) }
    }

    fn row(&self, i: usize, length: usize) -> std::ops::Range<usize> {
        i * self.steps..i * self.steps + length
    }
}

/// Writes dL/dlogp and dL/dH, both [n][T], for the samples of a minibatch, and returns what the loss was.
///
/// Rows of other samples are left as they are; steps that are not valid get 0. The loss is
/// mean_{loss_type}(policy loss + beta KL) - entropy_coef mean(H). With the ratio rho = exp(logp - logp_old), a token's
/// or a sequence's (GSPO: the geometric mean), its logarithm first held within log_ratio_clip (Stable-Reinforce), the
/// policy loss of a step is one of
/// - grpo, bnpo, dr_grpo, dapo, luspo: -min(min(rho, delta) A, clip(rho, 1 - epsilon, 1 + epsilon_high) A), and at most
///   dual_clip |A| where A < 0;
/// - cispo: -sg(min(rho, epsilon_high)) A logp; cispo_verl: -sg(clip(rho, 1 - epsilon, 1 + epsilon_high)) A logp;
/// - sapo: -4/tau sigmoid(tau (rho - 1)) A; vespo: -sg(phi(W)) A logp with W the product of a sequence's ratios;
///
/// times the masks of top_entropy_quantile and off_policy_mask_threshold. It is averaged over sequences of step means
/// (grpo, sapo), over the minibatch's steps (bnpo), over sequences times max_completion_length (dr_grpo), over the mean
/// number of steps a minibatch of the batch has (dapo, cispo, vespo), or over sequences of step sums (luspo).
pub fn coefficients(
    settings: &Settings,
    input: &LossInput<'_>,
    scratch: &mut Scratch,
    dlogp: &mut [f32],
    dentropy: &mut [f32],
) -> LossStats {
    let threshold = mask::entropy_threshold(settings, input, &mut scratch.steps);
    let weights = Weights::of(settings, input);
    let mut sums = Sums::default();
    for sample in input.samples {
        let i = *sample as usize;
        let length = input.length(settings, i);
        dlogp[i * input.steps + length..(i + 1) * input.steps].fill(0.0);
        dentropy[i * input.steps..(i + 1) * input.steps].fill(0.0);
        if !flag(input.active, i, true) {
            continue;
        }
        sums.sequences += 1;
        if length > 0 {
            kernel::sample(settings, input, &weights, threshold, i, length, dlogp, &mut sums);
        }
    }
    let bonus = entropy_bonus(settings, input, threshold, &sums, dentropy);
    let nonfinite = input
        .samples
        .iter()
        .map(|i| input.row(*i as usize, input.length(settings, *i as usize)))
        .map(|row| row.filter(|at| !dlogp[*at].is_finite()).count() as f32)
        .sum();
    stats::finish(settings, &sums, bonus, nonfinite)
}

/// Writes dL/dH = -coef / count over the steps the bonus acts on; returns coef * mean entropy of those.
fn entropy_bonus(settings: &Settings, input: &LossInput<'_>, threshold: f32, sums: &Sums, dentropy: &mut [f32]) -> f32 {
    if input.entropy_coef == 0.0 {
        return 0.0;
    }
    let count = sums.kept.max(1) as f32;
    for sample in input.samples {
        let i = *sample as usize;
        for at in input.row(i, input.length(settings, i)) {
            if input.entropy[at] >= threshold {
                dentropy[at] = -input.entropy_coef / count;
            }
        }
    }
    input.entropy_coef * (sums.kept_entropy / count)
}

/// Whether all steps of a sequence share one ratio.
fn by_sequence(settings: &Settings) -> bool {
    settings.importance_sampling_level == ImportanceLevel::Sequence
}

/// The upper clip: TRL takes epsilon where epsilon_high is not given.
fn epsilon_high(settings: &Settings) -> f32 {
    settings.epsilon_high.unwrap_or(settings.epsilon)
}

choice! {
    /// The formulas of a step's policy loss: functions in `kernel.rs`, and `loss_<name>` in
    /// `shaders/common/policy_loss.wgsl`, where they are SURROGATE_<NAME>.
    pub enum Surrogate { Clip = "clip", Cispo = "cispo", CispoVerl = "cispo_verl", Sapo = "sapo", Vespo = "vespo" }
}

choice! {
    /// How the losses of steps become the loss of a minibatch; AVERAGE_<NAME> in shaders.
    pub enum Average {
        /// Over sequences, of the means over their steps.
        SequenceMeans = "sequence_means",
        /// Over sequences, of the sums over their steps.
        SequenceSums = "sequence_sums",
        /// Over sequences times max_completion_length.
        Constant = "constant",
        /// Over the steps of the minibatch.
        MinibatchSteps = "minibatch_steps",
        /// Over the mean number of steps that a minibatch of the batch has.
        BatchSteps = "batch_steps",
    }
}

/// What a loss type is: its formula and its average.
pub(crate) const fn parts(loss: LossType) -> (Surrogate, Average) {
    match loss {
        LossType::Grpo => (Surrogate::Clip, Average::SequenceMeans),
        LossType::Bnpo => (Surrogate::Clip, Average::MinibatchSteps),
        LossType::DrGrpo => (Surrogate::Clip, Average::Constant),
        LossType::Dapo => (Surrogate::Clip, Average::BatchSteps),
        LossType::Luspo => (Surrogate::Clip, Average::SequenceSums),
        LossType::Cispo => (Surrogate::Cispo, Average::BatchSteps),
        LossType::CispoVerl => (Surrogate::CispoVerl, Average::BatchSteps),
        LossType::Sapo => (Surrogate::Sapo, Average::SequenceMeans),
        LossType::Vespo => (Surrogate::Vespo, Average::BatchSteps),
    }
}

#[cfg(test)]
mod tests;

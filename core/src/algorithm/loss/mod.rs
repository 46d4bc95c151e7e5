//! The policy loss as one thing only: dL/dlogp and dL/dH of every step, so that a single backward pass serves every
//! algorithm. Formulas are those of TRL 1.16 (`_compute_loss`), with verl's CISPO and dual clip beside them.

mod formula;
mod inputs;
mod kernel;
mod mask;
mod stats;

pub(crate) use formula::parts;
pub use formula::{Average, Surrogate};
pub use inputs::LossInput;
pub use stats::LossStats;

use super::settings::Settings;
use super::{BatchScratch, flag};
use kernel::{Sums, Weights};

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
    scratch: &mut BatchScratch,
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

#[cfg(test)]
mod tests;

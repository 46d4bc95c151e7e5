//! Advantage estimators. Those that give one number a sample (`group`, `batch`, `beta`) repeat it over the sample's
//! valid steps; those of `step` give every step its own.

mod batch;
mod beta;
mod group;
mod inputs;
mod step;

pub use beta::{BetaShape, beta_log_density, fit_beta};
pub use inputs::{Batch, epsilon};
pub use step::whiten;

use super::BatchScratch;
use super::settings::{Aggregation, Estimator, Framework, ScaleRewards, Settings};
use crate::choice;

choice! {
    /// The formulas of advantages, in the modules of this folder and in `shaders/common/`. Shaders have FORMULA_<NAME>;
    /// that of one sample is the function `advantage_<name>` there.
    pub enum Formula {
        Reinforce = "reinforce",
        Rloo = "rloo",
        Grpo = "grpo",
        Centred = "centred",
        Gdpo = "gdpo",
        Discounted = "discounted",
        Bnpo = "bnpo",
        Gae = "gae",
        Opo = "opo",
        PassAtK = "pass_at_k",
        Gpg = "gpg",
    }
}

/// What a formula gives a number to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every step.
    Step,
    /// Every sample, from its group and the batch's moments.
    Sample,
    /// Every sample, after several passes over the batch.
    Batch,
}

impl Formula {
    pub(crate) const fn scope(self) -> Scope {
        match self {
            Self::Gae | Self::Discounted => Scope::Step,
            Self::Gdpo | Self::Bnpo => Scope::Batch,
            Self::Reinforce | Self::Rloo | Self::Grpo | Self::Centred | Self::Opo | Self::PassAtK | Self::Gpg => {
                Scope::Sample
            }
        }
    }
}

/// The formula of an arm's estimator. TRL's normalize_then_sum turns grpo into gdpo.
pub(crate) fn formula(settings: &Settings) -> Formula {
    match settings.estimator {
        Estimator::Reinforce => Formula::Reinforce,
        Estimator::Rloo => Formula::Rloo,
        Estimator::Grpo => match settings.multi_objective_aggregation {
            Aggregation::SumThenNormalize => Formula::Grpo,
            Aggregation::NormalizeThenSum => Formula::Gdpo,
        },
        Estimator::Gdpo => Formula::Gdpo,
        Estimator::DrGrpo | Estimator::ReinforcePlusPlusBaseline => Formula::Centred,
        Estimator::ReinforcePlusPlus => Formula::Discounted,
        Estimator::Bnpo => Formula::Bnpo,
        Estimator::Gae => Formula::Gae,
        Estimator::Opo => Formula::Opo,
        Estimator::GrpoPassk => Formula::PassAtK,
        Estimator::Gpg => Formula::Gpg,
    }
}

/// Whether advantages are whitened over the batch's valid steps behind the formula.
pub(crate) fn whitens(settings: &Settings) -> bool {
    match settings.estimator {
        Estimator::ReinforcePlusPlus | Estimator::ReinforcePlusPlusBaseline => true,
        Estimator::Gae => settings.whiten_advantages,
        _ => formula(settings) == Formula::Gdpo && settings.framework == Framework::Verl,
    }
}

/// What the group statistics of an update were.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupStats {
    /// Mean and deviation (n - 1) of the rewards of the batch (TRL's `reward`, `reward_std`); 0 where undefined.
    pub reward: f32,
    pub reward_std: f32,
    /// TRL's `frac_reward_zero_std`: share of samples whose deviation is 0 within 1e-8. With scale_rewards = batch and
    /// with gdpo that deviation is the batch's, so it is 0 or 1.
    pub frac_reward_zero_std: f32,
    /// Share of groups whose rewards are all equal, or that have none.
    pub dead_groups: f32,
    /// Samples with a reward.
    pub scored: u32,
    /// The Beta that bnpo divided by; (0, 0) for other estimators and under normalize_then_sum.
    pub beta: BetaShape,
}

/// Estimates the advantages of a batch: `advantages` [n][T], 0 at steps that are not valid. For gae, `returns` [n][T] is
/// what the value head should learn; it is not touched otherwise and may then be empty.
///
/// Formulas are in the settings' table and in the modules of this folder; TRL's meaning rules where frameworks differ
/// and `framework` does not say otherwise.
pub fn estimate(
    settings: &Settings,
    batch: &Batch<'_>,
    scratch: &mut BatchScratch,
    advantages: &mut [f32],
    returns: &mut [f32],
) -> GroupStats {
    let mut stats = describe(settings, batch);
    let out = &mut scratch.samples;
    out.clear();
    out.resize(batch.n, 0.0);
    match formula(settings) {
        Formula::Gae => step::gae(settings, batch, advantages, returns),
        Formula::Discounted => step::discounted_returns(settings, batch, advantages),
        Formula::Reinforce => batch::reinforce(batch, out),
        Formula::Gdpo => stats.frac_reward_zero_std = batch::gdpo(settings, batch, out),
        Formula::Grpo => group::grpo(settings, batch, out),
        Formula::Centred => group::centred(settings, batch, out),
        Formula::Rloo => group::rloo(settings, batch, out),
        Formula::Opo => group::opo(batch, out),
        Formula::PassAtK => group::pass_at_k(settings, batch, out),
        Formula::Gpg => group::gpg(settings, batch, out),
        Formula::Bnpo => stats.beta = beta::bnpo(settings, batch, out),
    }
    if formula(settings).scope() != Scope::Step {
        repeat(batch, out, advantages);
    }
    if whitens(settings) {
        whiten(batch, advantages);
    }
    stats
}

/// One number a sample, repeated over its valid steps; 0 elsewhere.
fn repeat(batch: &Batch<'_>, samples: &[f32], advantages: &mut [f32]) {
    for i in 0..batch.n {
        let row = i * batch.steps..(i + 1) * batch.steps;
        let (valid, rest) = advantages[row].split_at_mut(batch.length(i));
        valid.fill(samples[i]);
        rest.fill(0.0);
    }
}

/// Whether every component is normalised over the samples to which it applies before they are summed.
pub fn normalises_components(settings: &Settings) -> bool {
    let apart = settings.multi_objective_aggregation == Aggregation::NormalizeThenSum;
    matches!((formula(settings), apart), (Formula::Gdpo, _) | (Formula::Bnpo, true))
}

/// Whether a sample is compared with its own group only: what all samples of a group are paid then cancels.
pub fn is_group_relative(settings: &Settings) -> bool {
    !matches!(formula(settings), Formula::Reinforce | Formula::Discounted | Formula::Gae)
}

fn describe(settings: &Settings, batch: &Batch<'_>) -> GroupStats {
    let all = batch.moments(0..batch.n);
    let (mut zero, mut dead, mut groups) = (0usize, 0usize, 0usize);
    for range in batch.groups() {
        let m = batch.moments(range.clone());
        // A deviation of fewer than two numbers is undefined, which TRL does not count as zero.
        zero += if m.count > 1 && m.std <= 1e-8 || batch.group <= 1 { range.len() } else { 0 };
        dead += usize::from(m.std == 0.0);
        groups += 1;
    }
    if settings.scale_rewards == ScaleRewards::Batch {
        zero = if all.count > 1 && all.std <= 1e-8 { batch.n } else { 0 };
    }
    GroupStats {
        reward: all.mean,
        reward_std: all.std,
        frac_reward_zero_std: zero as f32 / batch.n.max(1) as f32,
        dead_groups: dead as f32 / groups.max(1) as f32,
        scored: all.count,
        beta: BetaShape::default(),
    }
}

#[cfg(test)]
mod tests;

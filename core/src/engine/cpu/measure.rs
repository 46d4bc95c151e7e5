//! Stage `measure`: one metric row of a lane's update.

use super::loss::Stats;
use super::work::{Lane, Work};
use crate::algorithm::settings::KlEstimator;
use crate::algorithm::{self, LossStats, inference};
use crate::metrics::Column;
use crate::metrics::columns::{MAX_COMPONENTS, component_mean, component_std, component_weight};
use crate::metrics::statistics::differs;
use crate::plan::{Plan, PlannedArm, RunField};

/// What the optimiser steps of an update added up to.
#[derive(Default)]
pub struct Sums {
    pub grad_norm: f32,
    /// Optimiser steps taken, and all of them.
    pub taken: f32,
    steps: f32,
    pub not_finite: f32,
    clip_low: f32,
    clip_high: f32,
    clip_region: f32,
    last: LossStats,
    value: f32,
}

impl Sums {
    pub fn add(&mut self, stats: Stats) {
        self.steps += 1.0;
        self.clip_low += stats.policy.clip_low_mean;
        self.clip_high += stats.policy.clip_high_mean;
        self.clip_region += stats.policy.clip_region_mean;
        self.last = stats.policy;
        self.value = stats.value;
    }
}

/// Running mean and deviation (n - 1) of numbers, in their order.
#[derive(Default)]
struct Moments {
    n: f32,
    sum: f32,
    squares: f32,
}

impl Moments {
    fn of(values: impl Iterator<Item = f32> + Clone) -> Self {
        let (n, sum) = values.clone().fold((0.0f32, 0.0f32), |(n, s), x| (n + 1.0, s + x));
        let mean = if n > 0.0 { sum / n } else { 0.0 };
        Self { n, sum, squares: values.fold(0.0, |s, x| s + (x - mean) * (x - mean)) }
    }

    fn mean(&self) -> f32 {
        if self.n > 0.0 { self.sum / self.n } else { f32::NAN }
    }

    fn std(&self) -> f32 {
        if self.n > 1.0 { (self.squares / (self.n - 1.0)).sqrt() } else { 0.0 }
    }
}

/// Writes the row [ROW] of an update, and what the lane's reward program will see of it as `run.<name>`.
pub fn measure(
    plan: &Plan,
    arm: &PlannedArm,
    lane: &mut Lane,
    work: &mut Work,
    update: u32,
    learning_rate: f32,
    sums: &Sums,
    row: &mut [f32],
) {
    row.fill(f32::NAN);
    let (program, inference_n) = (&arm.program, arm.settings.inference_n);
    let inferred = (inference_n > 0).then(|| {
        let samples = inference::Samples {
            group: plan.group(),
            steps: work.steps,
            paid: &work.paid,
            true_scores: &work.true_scores,
            actions: &work.batch.actions,
            lengths: &work.batch.lengths,
            records: &work.records,
            stride: plan.task.schema.stride,
            answer: inference::Answer::of(&plan.task.schema),
        };
        inference::infer(inference_n, &samples, &mut work.inference)
    });
    let n = work.n as f32;
    let lengths = || work.batch.lengths.iter().map(|l| *l as f32);
    let ended = || lengths().zip(&work.batch.truncated).filter(|(_, cut)| **cut == 0).map(|(l, _)| l);
    let total: f32 = lengths().sum();
    lane.tokens += total;
    let entropy = (0..work.n)
        .flat_map(|i| work.entropy_old[i * work.steps..][..work.batch.lengths[i] as usize].iter())
        .fold(0.0f32, |s, h| s + h)
        / total.max(1.0);
    let stats = &work.group_stats;
    let known = |known: bool, x: f32| if known { x } else { f32::NAN };
    let kl = if work.has_reference { kl(work) / total.max(1.0) } else { f32::NAN };
    let (effective, easy, hard) = group_shares(plan, work);
    for column in Column::ALL {
        row[column as usize] = match column {
            Column::TrueScore => work.true_scores.iter().fold(0.0f32, |s, x| s + x) / n,
            Column::ProxyReward => work.proxy,
            Column::Reward => known(stats.scored > 0, stats.reward),
            Column::RewardStd => stats.reward_std,
            Column::FracRewardZeroStd => stats.frac_reward_zero_std,
            Column::Entropy => entropy,
            Column::Kl => kl,
            Column::Loss => sums.last.loss + sums.value,
            Column::PolicyLoss => sums.last.policy_loss,
            Column::ValueLoss => known(plan.interface.critic, sums.value),
            Column::GradNorm => known(sums.taken > 0.0, sums.grad_norm / sums.taken),
            Column::LearningRate => learning_rate,
            Column::EntropyCoef => lane.entropy.coef,
            Column::ClipLowMean => sums.clip_low / sums.steps,
            Column::ClipHighMean => sums.clip_high / sums.steps,
            Column::ClipRegionMean => sums.clip_region / sums.steps,
            Column::MeanLength => total / n,
            Column::MinLength => lengths().fold(f32::MAX, f32::min),
            Column::MaxLength => lengths().fold(0.0, f32::max),
            Column::ClippedRatio => work.batch.truncated.iter().map(|t| f32::from(*t)).sum::<f32>() / n,
            Column::MeanTerminatedLength => Moments::of(ended()).mean(),
            Column::ErrorRate => work.batch.active.iter().filter(|a| **a == 0).count() as f32 / n,
            Column::Effective => effective,
            Column::TooEasy => easy,
            Column::TooHard => hard,
            Column::NumTokens => lane.tokens,
            Column::EffectiveSamples => work.effective,
            Column::BestOfN => inferred.as_ref().map_or(f32::NAN, |found| found.best),
            Column::WorstOfN => inferred.as_ref().map_or(f32::NAN, |found| found.worst),
            Column::Majority => inferred.as_ref().map_or(f32::NAN, |found| found.majority),
            Column::NotFinite => sums.not_finite,
            Column::FilterR2 => work.filter_r2,
            // Where reward models are learned, stage `calibrate` writes these.
            Column::RmAccuracy | Column::RmEce => f32::NAN,
        };
    }
    for c in 0..program.components.len().min(MAX_COMPONENTS) {
        let values = work.scores.components[c * work.n..(c + 1) * work.n].iter().copied().filter(|x| !x.is_nan());
        let moments = Moments::of(values);
        row[component_mean(c)] = moments.mean();
        row[component_std(c)] = if moments.n > 0.0 { moments.std() } else { f32::NAN };
    }
    for (c, component) in lane.program.iter().flat_map(|p| p.components.iter().take(MAX_COMPONENTS).enumerate()) {
        row[component_weight(c)] = component.weight;
    }
    let or_zero = |x: f32| if x.is_finite() { x } else { 0.0 };
    let mut seen = |field: RunField, value: f32| lane.run[field as usize] = value;
    seen(RunField::Step, update as f32 + 1.0);
    seen(RunField::Reward, or_zero(row[Column::Reward as usize]));
    seen(RunField::RewardStd, stats.reward_std);
    seen(RunField::Entropy, entropy);
    seen(RunField::MeanLength, total / n);
    if kl.is_finite() {
        seen(RunField::Kl, kl);
    }
    seen(RunField::FracRewardZeroStd, stats.frac_reward_zero_std);
}

/// Sum over steps of the k3 estimate of KL(policy, reference), of the policy that sampled.
fn kl(work: &Work) -> f32 {
    let steps = |i: usize| i * work.steps..i * work.steps + work.batch.lengths[i] as usize;
    (0..work.n)
        .flat_map(steps)
        .map(|at| algorithm::kl::estimate(KlEstimator::K3, work.batch.logp_old[at] - work.batch.logp_ref[at]).0)
        .fold(0.0, |sum, k| sum + k)
}

/// Shares of groups whose rewards differ, and of the others by their true score: above one half or not.
fn group_shares(plan: &Plan, work: &Work) -> (f32, f32, f32) {
    let group = plan.group();
    let groups = work.n / group;
    let (mut effective, mut easy) = (0, 0);
    for g in 0..groups {
        let range = g * group..(g + 1) * group;
        if differs(&work.scores.reward[range.clone()]) {
            effective += 1;
        } else if work.true_scores[range].iter().sum::<f32>() > 0.5 * group as f32 {
            easy += 1;
        }
    }
    let share = |count: usize| count as f32 / groups as f32;
    (share(effective), share(easy), share(groups - effective - easy))
}

//! Which samples the policy learns from: outliers of the batch are dropped (Stable-Reinforce), and the samples of a
//! group are weighed by the rank of their rewards (policy filtration, PF-PPO). `shaders/common/filters.wgsl` is the same.
//!
//! Both change advantages that are already estimated: baselines, deviations and whitening know nothing of them, and the
//! loss is averaged over all samples. The value head learns from all.

use super::advantage::Batch;
use super::settings::{SampleFilter, Settings};
use super::sum::Moments;
use super::{BatchKey, BatchScratch};
use crate::math::rng::{below, draw, purpose};
use std::ops::Range;

/// Multiplies the advantages [n][T] of a batch by what advantage_filter and sample_filter give each sample. Samples
/// without a reward take no part; a group with fewer than two rewards is left alone by sample_filter.
pub fn filter_samples(
    settings: &Settings,
    key: BatchKey,
    batch: &Batch<'_>,
    scratch: &mut BatchScratch,
    advantages: &mut [f32],
) {
    if let Some(most) = settings.advantage_filter {
        drop_outliers(most, batch, &mut scratch.samples, advantages);
    }
    if settings.sample_filter == SampleFilter::All {
        return;
    }
    for (g, range) in batch.groups().enumerate() {
        let weights = &mut scratch.samples;
        weights.clear();
        weights.resize(range.len(), 1.0);
        weigh(settings, key, g, batch, range.clone(), weights);
        for (i, weight) in range.zip(weights) {
            steps_of(batch, i, advantages).iter_mut().for_each(|a| *a *= *weight);
        }
    }
}

fn steps_of<'a>(batch: &Batch<'_>, i: usize, advantages: &'a mut [f32]) -> &'a mut [f32] {
    &mut advantages[i * batch.steps..][..batch.length(i)]
}

/// A sample further than `most` deviations (n) from the mean of the batch gets the advantage 0; a sample counts with the
/// mean over its steps.
fn drop_outliers(most: f32, batch: &Batch<'_>, means: &mut Vec<f32>, advantages: &mut [f32]) {
    means.clear();
    means.extend((0..batch.n).map(|i| {
        let steps = steps_of(batch, i, advantages);
        steps.iter().fold(0.0f32, |sum, a| sum + a) / steps.len().max(1) as f32
    }));
    let takes_part = |i: &usize| batch.scored(*i) && batch.length(*i) > 0;
    let found = Moments::of((0..batch.n).filter(takes_part).map(|i| means[i]));
    // The moments divide by n - 1, the paper's standardisation by n.
    let n = found.count.max(1) as f32;
    let deviation = found.std * ((n - 1.0) / n).sqrt();
    for i in (0..batch.n).filter(takes_part) {
        if (means[i] - found.mean).abs() > most * deviation {
            steps_of(batch, i, advantages).fill(0.0);
        }
    }
}

/// The weights of one group's samples, with mean 1 over those that have a reward. Of equal rewards the first is the best
/// and the last the worst.
fn weigh(settings: &Settings, key: BatchKey, g: usize, batch: &Batch<'_>, range: Range<usize>, weights: &mut [f32]) {
    let first = range.start;
    let scored = range.filter(|i| batch.scored(*i));
    let count = scored.clone().count();
    let Some(start) = scored.clone().next().filter(|_| count > 1) else { return };
    let n = count as f32;
    let (mut best, mut worst) = (start, start);
    for i in scored.clone() {
        if batch.rewards[i] > batch.rewards[best] {
            best = i;
        }
        if batch.rewards[i] <= batch.rewards[worst] {
            worst = i;
        }
    }
    let mut only = |kept: &[usize]| {
        for i in scored.clone() {
            weights[i - first] = if kept.contains(&i) { n / kept.len() as f32 } else { 0.0 };
        }
    };
    match settings.sample_filter {
        SampleFilter::All => {}
        SampleFilter::Best => only(&[best]),
        SampleFilter::BestWorst => only(&[best, worst]),
        SampleFilter::BestRandom => {
            let [word, ..] = draw(key.seed, key.update, g as u32, 0, 0, purpose::SAMPLE_FILTER);
            let place = below(word, count as u32 - 1) as usize;
            only(&[best, scored.clone().filter(|i| *i != best).nth(place).unwrap_or(best)]);
        }
        SampleFilter::Power => {
            let size = |i: usize| match batch.rewards[i].abs() {
                0.0 => 0.0,
                r => libm::powf(r, settings.sample_filter_power),
            };
            let sizes = scored.clone().fold(0.0f32, |sum, i| sum + size(i));
            if sizes > 0.0 {
                for i in scored {
                    weights[i - first] = size(i) * n / sizes.max(1e-30);
                }
            }
        }
    }
}

/// Squared correlation of pairs (reward, true score): how much of the true score the samples that are learned from tell by
/// their reward. Not a number for fewer than three pairs, or where one of the two does not vary.
///
/// PF-PPO (2409.06957) chooses a filter by this coefficient of determination of a linear fit.
pub fn r2(pairs: impl Iterator<Item = (f32, f32)> + Clone) -> f32 {
    let (n, x, y) = pairs.clone().fold((0.0f32, 0.0f32, 0.0f32), |(n, x, y), p| (n + 1.0, x + p.0, y + p.1));
    let (mx, my) = (x / n.max(1.0), y / n.max(1.0));
    let (xx, yy, xy) = pairs.fold((0.0f32, 0.0f32, 0.0f32), |(xx, yy, xy), p| {
        let (dx, dy) = (p.0 - mx, p.1 - my);
        (xx + dx * dx, yy + dy * dy, xy + dx * dy)
    });
    let varies = |squares: f32, mean: f32| squares > n * 1e-10 * mean * mean && squares > 1e-20;
    if n > 2.0 && varies(xx, mx) && varies(yy, my) { (xy / xx) * (xy / yy) } else { f32::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_is_the_share_of_the_true_score_that_a_line_explains() {
        let r2 = |pairs: &[(f32, f32)]| r2(pairs.iter().copied());
        assert!((r2(&[(0.0, 5.0), (1.0, 3.0), (2.0, 1.0)]) - 1.0).abs() < 1e-6);
        // The line through these is y = 0.4 x + 0.3, its residuals have the squares 0.2, and y has 1 around its mean.
        assert!((r2(&[(0.0, 0.0), (1.0, 1.0), (2.0, 1.0), (3.0, 2.0)]) - 0.9).abs() < 1e-6);
        assert!(r2(&[(0.1, 1.0), (0.1, 0.0), (0.1, 0.5)]).is_nan() && r2(&[(0.0, 0.0), (1.0, 1.0)]).is_nan());
    }

    fn filtered(settings: &Settings, update: u32, rewards: &[f32], group: usize, advantages: &[f32]) -> Vec<f32> {
        let n = rewards.len();
        let batch = Batch { n, group, steps: 1, lengths: &vec![1; n], rewards, ..Batch::default() };
        let mut out = advantages.to_vec();
        filter_samples(settings, BatchKey { seed: 3, update, group }, &batch, &mut BatchScratch::default(), &mut out);
        out
    }

    fn with(sample_filter: SampleFilter) -> Settings {
        Settings { sample_filter, ..Settings::default() }
    }

    const REWARDS: [f32; 5] = [0.5, f32::NAN, 2.0, -1.0, 2.0];

    #[test]
    fn every_filter_keeps_the_mean_weight_of_a_group() {
        for kind in SampleFilter::ALL {
            let weights = filtered(&with(*kind), 0, &REWARDS, 5, &[1.0; 5]);
            let sum: f32 = [0, 2, 3, 4].iter().map(|i| weights[*i]).sum();
            assert!((sum - 4.0).abs() < 1e-5, "{kind:?}: {weights:?}");
        }
        assert_eq!(filtered(&with(SampleFilter::Best), 0, &REWARDS, 5, &[1.0; 5])[2], 4.0);
        assert_eq!(filtered(&with(SampleFilter::BestWorst), 0, &REWARDS, 5, &[1.0; 5])[2..], [2.0, 2.0, 0.0]);
        let power = filtered(&with(SampleFilter::Power), 0, &REWARDS, 5, &[1.0; 5]);
        let expected = [0.25, 4.0, 1.0].map(|square| square * 4.0 / 9.25);
        for (i, e) in [0, 2, 3].iter().zip(expected) {
            assert!((power[*i] - e).abs() < 1e-5, "{power:?}");
        }
    }

    #[test]
    fn the_companion_of_the_best_is_drawn_from_all_others_alike() {
        let rewards: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let mut counts = [0; 6];
        for update in 0..3000 {
            let kept = filtered(&with(SampleFilter::BestRandom), update, &rewards, 6, &[1.0; 6]);
            (0..6).filter(|i| kept[*i] == 3.0).for_each(|i| counts[i] += 1);
        }
        assert_eq!(counts[5], 3000);
        assert!(counts[..5].iter().all(|c| (c - 600i32).abs() < 90), "{counts:?}");
    }

    /// The two samples that the baseline cannot tell from the rest stay; the one that is fifty times as large goes.
    #[test]
    fn only_a_sample_beyond_the_deviations_is_dropped() {
        let s = Settings { advantage_filter: Some(3.0), ..Settings::default() };
        let mut advantages = [1.0, -1.0].repeat(16);
        assert_eq!(filtered(&s, 0, &[0.0; 32], 32, &advantages), advantages);
        advantages[5] = 50.0;
        let kept = filtered(&s, 0, &[0.0; 32], 32, &advantages);
        assert_eq!(kept[5], 0.0);
        assert!(kept.iter().enumerate().all(|(i, a)| i == 5 || *a == advantages[i]));
    }

    /// The direction of an update is the sum of A times each action's one-hot vector less the policy (here: uniform).
    fn direction(advantages: &[f32], actions: &[usize], n_actions: usize) -> Vec<f32> {
        let mut gradient = vec![0.0; n_actions];
        for (a, action) in advantages.iter().zip(actions) {
            gradient.iter_mut().for_each(|g| *g -= a / n_actions as f32);
            gradient[*action] += a;
        }
        gradient
    }

    fn angle(a: &[f32], b: &[f32]) -> f32 {
        let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f32>();
        libm::acosf(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).to_degrees()
    }

    /// One sample of a wrong action is paid 50 instead of 0: without the filter it turns the update by more than 60
    /// degrees, with it by less than 15 (rewards whitened over the batch, as in the paper).
    #[test]
    fn one_outlier_turns_the_update_unless_it_is_dropped() {
        let actions: Vec<usize> = (0..128).map(|i| i % 8).collect();
        let mut rewards: Vec<f32> = actions.iter().map(|a| f32::from(*a < 3)).collect();
        let whitened = |rewards: &[f32]| -> Vec<f32> {
            let m = Moments::of(rewards.iter().copied());
            rewards.iter().map(|r| (r - m.mean) / m.std).collect()
        };
        let clean = direction(&whitened(&rewards), &actions, 8);
        rewards[7] = 50.0;
        let hit = whitened(&rewards);
        assert!(angle(&clean, &direction(&hit, &actions, 8)) > 60.0);
        let s = Settings { advantage_filter: Some(3.0), ..Settings::default() };
        let kept = filtered(&s, 0, &rewards, 128, &hit);
        assert!(kept[7] == 0.0 && angle(&clean, &direction(&kept, &actions, 8)) < 15.0);
    }
}

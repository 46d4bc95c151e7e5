//! What the gallery's step rewards promise, held against their own programs: sums that do not grow with the number of
//! steps, and flipped groups that leave 1 - 2p of the expected advantage.

mod common;

use common::{list, play};
use goodhart_core::algorithm::BatchKey;
use goodhart_core::algorithm::settings::{Estimator, RewardNoise, ScaleRewards};
use goodhart_core::algorithm::{self, Batch, Settings, noise_into_rewards};
use goodhart_core::experiment::file;
use goodhart_core::params::Value;
use goodhart_core::plan::{Plan, plan};
use goodhart_core::reward::{Scores, Scratch};
use goodhart_core::tasks::DrawKey;
use proptest::prelude::*;

const CLIP_DELTA: &str = include_str!("../../experiments/clip-delta.toml");

/// The experiment with samples of up to 48 steps.
fn clip_delta() -> Plan {
    let mut experiment = file::parse(CLIP_DELTA).unwrap();
    experiment.task.params.insert("horizon".into(), Value::Number(48.0));
    plan(&experiment).unwrap_or_else(|_| panic!("the experiment can be planned"))
}

/// The scores of a sample's steps, and what an arm's `process` makes of them.
fn process(plan: &Plan, arm: &str, actions: &[u32], sample: u32) -> (Vec<f32>, Vec<f32>) {
    let key = DrawKey { seed: 1, update: 2, group: 0, sample };
    let episode = play(&plan.task, key, |t, _| actions[t as usize]);
    let arm = plan.arms.iter().find(|a| a.name == arm).expect("the arm");
    let mut out = Scores::default();
    let run = vec![0.0; goodhart_core::plan::RUN_FIELDS.len()];
    arm.program.score(&episode.record, 1, 1, &run, &mut out, &mut Scratch::default());
    assert_eq!(out.errors, [0]);
    (list(&plan.task, &episode.record, "prm").to_vec(), out.steps[..episode.length as usize].to_vec())
}

/// Sums from each step to the last.
fn suffix_sums(steps: &[f32]) -> Vec<f32> {
    let mut sums: Vec<f32> = steps
        .iter()
        .rev()
        .scan(0.0, |sum, x| {
            *sum += x;
            Some(*sum)
        })
        .collect();
    sums.reverse();
    sums
}

proptest! {
    #[test]
    fn what_delta_and_clip_still_pay_is_bounded_however_many_steps_follow(
        actions in prop::collection::vec(0u32..7, 48),
        fillers in 0usize..48,
        sample in 0u32..1000,
    ) {
        let plan = clip_delta();
        let mut actions = actions;
        actions[..fillers].fill(4);
        let (q, delta) = process(&plan, "Delta", &actions, sample);
        let best = q.iter().copied().fold(0.0, f32::max);
        for (t, sum) in suffix_sums(&delta).into_iter().enumerate() {
            prop_assert!((sum - q[t]).abs() < 1e-4 && sum <= best + 1e-4, "step {t}: {sum} for {}", q[t]);
        }
        let (_, clip) = process(&plan, "Clip", &actions, sample);
        prop_assert!(suffix_sums(&clip).into_iter().all(|sum| sum <= 0.0));
        let (_, raw) = process(&plan, "raw", &actions, sample);
        prop_assert!(fillers < 4 || suffix_sums(&raw)[0] > best, "the raw sum grows with every step");
    }
}

/// Advantages of one group, one step a sample.
fn advantages(settings: &Settings, rewards: &[f32]) -> Vec<f32> {
    let n = rewards.len();
    let lengths = vec![1; n];
    let batch = Batch { n, group: n, steps: 1, lengths: &lengths, rewards, ..Batch::default() };
    let mut out = vec![0.0; n];
    algorithm::estimate(settings, &batch, &mut algorithm::BatchScratch::default(), &mut out, &mut []);
    out
}

proptest! {
    /// Both outcomes of the group's coin, weighed by their probabilities: exact, for rewards in [0, 1] and any p.
    #[test]
    fn flipped_groups_leave_1_minus_2p_of_the_expected_advantage(
        rewards in prop::collection::vec(prop_oneof![Just(0.0f32), Just(1.0f32), 0.0f32..1.0], 2..16),
        p in 0.0f32..=1.0,
        scale in prop_oneof![Just(ScaleRewards::Group), Just(ScaleRewards::None)],
        estimator in prop_oneof![Just(Estimator::Grpo), Just(Estimator::Rloo), Just(Estimator::DrGrpo)],
    ) {
        let settings = Settings {
            estimator,
            scale_rewards: scale,
            reward_noise: RewardNoise::FlipGroup,
            reward_noise_rate: 1.0,
            ..Settings::default()
        };
        let clean = advantages(&settings, &rewards);
        let mut flipped = rewards.clone();
        let lengths = vec![1; rewards.len()];
        let key = BatchKey { seed: 0, update: 0, group: rewards.len() };
        noise_into_rewards(&settings, key, 1, &lengths, &mut flipped, &mut []);
        let turned = advantages(&settings, &flipped);
        for ((a, b), r) in clean.iter().zip(&turned).zip(&rewards) {
            let expected = (1.0 - p) * a + p * b;
            prop_assert!((expected - (1.0 - 2.0 * p) * a).abs() < 2e-3, "{expected} for {a} at reward {r}");
        }
    }
}

/// The same over drawn coins: the mean advantage over many updates.
#[test]
fn drawn_coins_leave_a_fifth_of_the_advantage_at_two_in_five() {
    let rewards = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    let settings = Settings { reward_noise: RewardNoise::FlipGroup, reward_noise_rate: 0.4, ..Settings::default() };
    let clean = advantages(&settings, &rewards);
    let n = 8000;
    let mut sums = [0.0f64; 8];
    for update in 0..n {
        let mut noisy = rewards;
        noise_into_rewards(&settings, BatchKey { seed: 3, update, group: 8 }, 1, &[1; 8], &mut noisy, &mut []);
        for (sum, a) in sums.iter_mut().zip(advantages(&settings, &noisy)) {
            *sum += f64::from(a);
        }
    }
    for (sum, a) in sums.iter().zip(clean) {
        let (mean, expected) = (sum / f64::from(n), 0.2 * f64::from(a));
        assert!((mean - expected).abs() < 0.05 * f64::from(a).abs(), "{mean} for {expected}");
    }
}

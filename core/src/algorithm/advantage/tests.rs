use super::*;
use proptest::prelude::*;

/// Advantages of outcome rewards, one step a sample.
fn outcome(settings: &Settings, group: usize, rewards: &[f32]) -> Vec<f32> {
    let n = rewards.len();
    let batch = Batch {
        n,
        group,
        steps: 1,
        lengths: &vec![1; n],
        rewards,
        components: rewards,
        weights: &[1.0],
        ..Batch::default()
    };
    let mut advantages = vec![f32::NAN; n];
    estimate(settings, &batch, &mut BatchScratch::default(), &mut advantages, &mut vec![0.0; n]);
    advantages
}

fn with(estimator: Estimator) -> Settings {
    Settings { estimator, ..Settings::default() }
}

fn assert_near(got: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(got.len(), expected.len());
    for (g, e) in got.iter().zip(expected) {
        assert!((g - e).abs() <= tolerance * (1.0 + e.abs()), "{got:?} instead of {expected:?}");
    }
}

const REWARDS: [f32; 8] = [1.0, 0.0, 0.5, 3.0, -2.0, -1.0, 0.25, 0.5];

#[test]
fn rloo_is_the_reward_less_the_mean_of_the_others() {
    let expected: Vec<f32> = (0..8)
        .map(|i| {
            let group = i / 4 * 4..i / 4 * 4 + 4;
            REWARDS[i] - group.filter(|j| *j != i).map(|j| REWARDS[j]).sum::<f32>() / 3.0
        })
        .collect();
    assert_near(&outcome(&with(Estimator::Rloo), 4, &REWARDS), &expected, 1e-6);
}

#[test]
fn grpo_does_not_see_affine_changes_of_the_reward() {
    let affine: Vec<f32> = REWARDS.iter().map(|r| 7.0 * r - 3.0).collect();
    for framework in [Framework::Verl, Framework::OpenRlhf] {
        let settings = Settings { framework, ..Settings::default() };
        assert_near(&outcome(&settings, 4, &affine), &outcome(&settings, 4, &REWARDS), 1e-5);
    }
}

#[test]
fn a_group_of_equal_rewards_has_no_advantage_at_all() {
    for estimator in Estimator::ALL {
        for framework in Framework::ALL {
            let settings = Settings { framework: *framework, ..with(*estimator) };
            for a in outcome(&settings, 4, &[0.1; 8]) {
                assert_eq!(a, 0.0, "{estimator:?} {framework:?}");
            }
        }
    }
}

#[test]
fn a_group_of_one_follows_its_framework() {
    let at = |estimator, framework| outcome(&Settings { framework, ..with(estimator) }, 1, &[2.0, -1.0]);
    for estimator in [Estimator::Grpo, Estimator::Rloo, Estimator::DrGrpo] {
        assert_eq!(at(estimator, Framework::Trl), [0.0, 0.0]);
        assert_near(&at(estimator, Framework::Verl), &[2.0, -1.0], 2e-6);
    }
}

#[test]
fn samples_without_a_reward_leave_their_group_alone() {
    let mut rewards = vec![1.0, 0.0, 0.5, 3.0, f32::NAN, f32::INFINITY];
    for estimator in Estimator::ALL {
        let alone = outcome(&with(*estimator), 4, &rewards[..4]);
        let mut lonely = outcome(&with(*estimator), 6, &rewards);
        assert_eq!(lonely.split_off(4), [0.0, 0.0], "{estimator:?}");
        assert_near(&lonely, &alone, 1e-6);
    }
    rewards.fill(f32::NAN);
    assert_eq!(outcome(&with(Estimator::Grpo), 3, &rewards), [0.0; 6]);
}

#[test]
fn small_estimators_have_their_closed_forms() {
    let rewards = [1.0, 0.0, 0.5, 0.5];
    let none = |e| Settings { scale_rewards: ScaleRewards::None, ..with(e) };
    assert_eq!(outcome(&with(Estimator::Reinforce), 2, &rewards), [0.5, -0.5, 0.0, 0.0]);
    assert_eq!(outcome(&none(Estimator::GrpoPassk), 4, &rewards), [0.5, 0.0, 0.0, 0.0]);
    assert_eq!(outcome(&none(Estimator::GrpoPassk), 4, &[1.0, 1.0, 0.5, 0.5]), [0.0; 4]);
    assert_near(&outcome(&with(Estimator::Gpg), 4, &rewards), &[2.0 / 3.0, -2.0 / 3.0, 0.0, 0.0], 1e-6);
    let batch = Batch { n: 2, group: 2, steps: 3, lengths: &[3, 1], rewards: &[1.0, 0.0], ..Batch::default() };
    let mut a = [0.0; 6];
    estimate(&with(Estimator::Opo), &batch, &mut BatchScratch::default(), &mut a, &mut []);
    assert_near(&a, &[0.25, 0.25, 0.25, -0.75, 0.0, 0.0], 1e-6);
}

#[test]
fn bnpo_has_its_two_special_cases() {
    let rewards = [1.0f32, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0];
    let shaped = |s: f32| Settings { bnpo_alpha: Some(s), bnpo_beta: Some(s), ..with(Estimator::Bnpo) };
    // alpha = beta = 1: REINFORCE with the group's mean as baseline.
    let plain = outcome(&with(Estimator::DrGrpo), 4, &rewards);
    assert_near(&outcome(&shaped(1.0), 4, &rewards), &plain, 1e-5);
    // alpha = beta = 3/2: the density is 8/pi sqrt(p(1-p)), so A = pi/8 (R - p) / sqrt(p(1-p)): GRPO up to a constant.
    let expected: Vec<f32> = (0..8)
        .map(|i| {
            let p = rewards[i / 4 * 4..][..4].iter().sum::<f32>() / 4.0;
            core::f32::consts::PI / 8.0 * (rewards[i] - p) / (p * (1.0 - p)).sqrt()
        })
        .collect();
    assert_near(&outcome(&shaped(1.5), 4, &rewards), &expected, 1e-5);
    // Estimated, by hand: p = 1/2 and 3/4, m = 5/8, v = 1/32, a = 65/16, b = 39/16.
    let fitted = fit_beta(&with(Estimator::Bnpo), [0.5, 0.75].into_iter());
    assert_near(&[fitted.alpha, fitted.beta], &[1.0 + 65.0 / 48.0, 1.0 + 39.0 / 48.0], 1e-5);
}

fn steps(settings: &Settings, batch: &Batch<'_>) -> (Vec<f32>, Vec<f32>) {
    let size = batch.n * batch.steps;
    let (mut a, mut r) = (vec![f32::NAN; size], vec![f32::NAN; size]);
    estimate(settings, batch, &mut BatchScratch::default(), &mut a, &mut r);
    (a, r)
}

#[test]
fn gae_has_its_two_ends() {
    let batch = Batch {
        n: 2,
        group: 1,
        steps: 3,
        lengths: &[3, 2],
        rewards: &[6.0, 1.0],
        step_rewards: &[1.0, 2.0, 3.0, 0.0, 1.0, 9.0],
        values: &[0.5, 1.0, -1.0, 2.0, 0.25, 9.0],
        ..Batch::default()
    };
    let plain = Settings { gae_lambda: 1.0, whiten_advantages: false, ..with(Estimator::Gae) };
    // lambda = gamma = 1: returns to go less the value.
    let (a, r) = steps(&plain, &batch);
    assert_near(&a, &[5.5, 4.0, 4.0, -1.0, 0.75, 0.0], 1e-6);
    assert_near(&r, &[6.0, 5.0, 3.0, 1.0, 1.0, 0.0], 1e-6);
    // lambda = 0: the temporal difference.
    let (a, _) = steps(&Settings { gae_lambda: 0.0, gamma: 0.5, ..plain.clone() }, &batch);
    assert_near(&a, &[1.0, 0.5, 4.0, -1.875, 0.75, 0.0], 1e-6);
    // Whitened: mean 0 and deviation 1 over the five valid steps.
    let (a, _) = steps(&Settings { whiten_advantages: true, ..plain.clone() }, &batch);
    assert!(a.iter().sum::<f32>().abs() < 1e-5 && a[5] == 0.0);
    assert!((a.iter().map(|x| x * x).sum::<f32>() / 4.0 - 1.0).abs() < 1e-5);
    // A sample without a reward keeps its values as returns.
    let (a, r) = steps(&plain, &Batch { rewards: &[6.0, f32::NAN], ..batch });
    assert_eq!((&a[3..], &r[3..]), (&[0.0; 3][..], &[2.0, 0.25, 0.0][..]));
}

/// Paid 1 a step for ever, a state is worth 1 / (1 - gamma): values that say so are right, and so no step of an episode
/// that the horizon cut off has an advantage; one that ended lacks the value of what would have come.
#[test]
fn gae_counts_what_a_cut_off_episode_would_have_gone_on_to() {
    let (gamma, lambda) = (0.8f32, 0.6f32);
    let worth = 1.0 / (1.0 - gamma);
    let batch = Batch {
        n: 2,
        group: 1,
        steps: 3,
        lengths: &[3, 2],
        rewards: &[3.0, 2.0],
        step_rewards: &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        values: &[worth, worth, worth, worth, worth, 0.0],
        end_values: &[worth, 0.0],
        ..Batch::default()
    };
    let plain = Settings { gamma, gae_lambda: lambda, whiten_advantages: false, ..with(Estimator::Gae) };
    let lacks = |steps: i32| -gamma * worth * (gamma * lambda).powi(steps);
    let (a, r) = steps(&plain, &batch);
    assert_near(&a, &[0.0, 0.0, 0.0, lacks(1), lacks(0), 0.0], 1e-5);
    assert_near(&r[..3], &[worth; 3], 1e-5);
    let (a, _) = steps(&Settings { bootstrap_truncated: false, ..plain }, &batch);
    assert_near(&a, &[lacks(2), lacks(1), lacks(0), lacks(1), lacks(0), 0.0], 1e-5);
}

#[test]
fn reinforce_plus_plus_whitens_returns_to_go() {
    let batch = Batch { n: 2, group: 2, steps: 2, lengths: &[2, 1], rewards: &[4.0, 1.0], ..Batch::default() };
    let (a, _) = steps(&Settings { gamma: 0.5, ..with(Estimator::ReinforcePlusPlus) }, &batch);
    // Returns 2, 4, 1: mean 7/3, variance 7/3.
    let z = |g: f32| (g - 7.0 / 3.0) / (7.0f32 / 3.0).sqrt();
    assert_near(&a, &[z(2.0), z(4.0), z(1.0), 0.0], 1e-5);
}

#[test]
fn dead_groups_are_counted() {
    let batch = Batch {
        n: 6,
        group: 2,
        steps: 1,
        lengths: &[1; 6],
        rewards: &[1.0, 1.0, 0.0, 1.0, f32::NAN, 2.0],
        ..Batch::default()
    };
    let stats = estimate(&Settings::default(), &batch, &mut BatchScratch::default(), &mut [0.0; 6], &mut []);
    assert_eq!((stats.scored, stats.reward), (5, 1.0));
    // TRL does not call a deviation of one number zero; no gradient comes from that group all the same.
    assert_eq!(stats.frac_reward_zero_std, 2.0 / 6.0);
    assert_eq!(stats.dead_groups, 2.0 / 3.0);
}

fn any_settings() -> impl Strategy<Value = Settings> {
    (0..Estimator::ALL.len(), 0..3usize, 0..3usize, 0..2usize).prop_map(|(e, f, s, a)| Settings {
        estimator: Estimator::ALL[e],
        framework: Framework::ALL[f],
        scale_rewards: ScaleRewards::ALL[s],
        multi_objective_aggregation: Aggregation::ALL[a],
        ..Settings::default()
    })
}

fn any_rewards() -> impl Strategy<Value = Vec<f32>> {
    let reward = prop_oneof![4 => -10.0f32..10.0, 2 => Just(1.0), 1 => Just(f32::NAN), 1 => -1e12f32..1e12];
    prop::collection::vec(reward, 12)
}

proptest! {
    #[test]
    fn advantages_are_finite(settings in any_settings(), rewards in any_rewards(), group in 1usize..8) {
        for a in outcome(&settings, group, &rewards) {
            prop_assert!(a.is_finite());
        }
    }

    #[test]
    fn swapping_groups_swaps_advantages(
        settings in any_settings(),
        rewards in prop::collection::vec(-3.0f32..3.0, 12),
    ) {
        let mut swapped = rewards.clone();
        swapped.rotate_left(4);
        let mut expected = outcome(&settings, 4, &rewards);
        expected.rotate_left(4);
        for (g, e) in outcome(&settings, 4, &swapped).iter().zip(&expected) {
            prop_assert!((g - e).abs() <= 1e-3 * (1.0 + e.abs()), "{g} {e}");
        }
    }
}

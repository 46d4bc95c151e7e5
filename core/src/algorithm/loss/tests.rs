use super::*;
use crate::algorithm::settings::KlEstimator;
use crate::algorithm::settings::{ImportanceLevel, LossType};
use crate::math::rng::{draw, uniform};
use proptest::prelude::*;

/// A batch of n samples of up to T steps.
#[derive(Clone, Debug)]
struct Case {
    n: usize,
    steps: usize,
    lengths: Vec<u32>,
    logp: Vec<f32>,
    logp_old: Vec<f32>,
    logp_ref: Vec<f32>,
    entropy: Vec<f32>,
    advantages: Vec<f32>,
    entropy_coef: f32,
}

/// Random numbers with ratios of about exp(+-spread).
fn case(seed: u32, spread: f32) -> Case {
    let (n, steps) = (5, 4);
    let at = |what: u32, i: usize| uniform(draw(seed, what, i as u32, 0, 0, 0)[0]);
    let fill = |what: u32, low: f32, high: f32| -> Vec<f32> {
        (0..n * steps).map(|i| low + (high - low) * at(what, i)).collect()
    };
    let logp_old = fill(0, -3.0, -0.2);
    let near = |what: u32| fill(what, -spread, spread).iter().zip(&logp_old).map(|(d, l)| l + d).collect();
    Case {
        n,
        steps,
        lengths: vec![4, 1, 3, 2, 4],
        logp: near(1),
        logp_ref: near(2),
        entropy: fill(3, 0.1, 2.0),
        advantages: (0..n * steps).map(|i| 4.0 * at(4, i / steps) - 2.0).collect(),
        logp_old,
        entropy_coef: 0.0,
    }
}

impl Case {
    fn run(&self, settings: &Settings) -> (LossStats, Vec<f32>, Vec<f32>) {
        let samples: Vec<u32> = (0..self.n as u32).collect();
        self.run_on(settings, &samples, &[], &[])
    }

    fn run_on(
        &self,
        settings: &Settings,
        samples: &[u32],
        truncated: &[u8],
        active: &[u8],
    ) -> (LossStats, Vec<f32>, Vec<f32>) {
        let input = LossInput {
            n: self.n,
            steps: self.steps,
            samples,
            lengths: &self.lengths,
            truncated,
            active,
            logp: &self.logp,
            logp_old: &self.logp_old,
            logp_ref: &self.logp_ref,
            entropy: &self.entropy,
            advantages: &self.advantages,
            max_completion_length: self.steps as u32,
            entropy_coef: self.entropy_coef,
        };
        let (mut dlogp, mut dentropy) = (vec![0.0; self.n * self.steps], vec![0.0; self.n * self.steps]);
        let stats = coefficients(settings, &input, &mut BatchScratch::default(), &mut dlogp, &mut dentropy);
        (stats, dlogp, dentropy)
    }

    /// dL/dx by central differences, for the numbers that `x` picks.
    fn slope(&self, settings: &Settings, at: usize, x: impl Fn(&mut Self) -> &mut Vec<f32>) -> (f32, f32) {
        let h = 4e-3;
        let loss = |d: f32| {
            let mut moved = self.clone();
            x(&mut moved)[at] += d;
            moved.run(settings).0.loss
        };
        let (low, middle, high) = (loss(-h), loss(0.0), loss(h));
        ((high - low) / (2.0 * h), ((high - middle) - (middle - low)).abs() / h)
    }
}

/// Compares dL/dlogp with differences of the loss; steps at a kink of a clip have no slope and are passed over.
fn assert_gradient(settings: &Settings, name: &str) {
    let (mut compared, mut kinks) = (0, 0);
    for seed in 0..4 {
        let case = case(seed, 0.5);
        let (_, dlogp, _) = case.run(settings);
        for at in 0..dlogp.len() {
            let (slope, bend) = case.slope(settings, at, |c| &mut c.logp);
            if bend > 0.02 {
                kinks += 1;
                continue;
            }
            compared += 1;
            assert!((dlogp[at] - slope).abs() < 2e-3 + 5e-3 * slope.abs(), "{name} {at}: {} {slope}", dlogp[at]);
        }
    }
    assert!(kinks * 10 < compared, "{name}: {kinks} kinks against {compared} slopes");
}

fn levels() -> [ImportanceLevel; 2] {
    [ImportanceLevel::Token, ImportanceLevel::Sequence]
}

#[test]
fn the_gradient_of_every_loss_is_exact() {
    use LossType::*;
    for loss_type in [Grpo, Bnpo, DrGrpo, Dapo, Luspo, Sapo] {
        for importance_sampling_level in levels() {
            let base = Settings { loss_type, importance_sampling_level, ..Settings::default() };
            let name = format!("{loss_type:?} {importance_sampling_level:?}");
            assert_gradient(&base, &name);
            for kl_estimator in KlEstimator::ALL {
                for use_bias_correction_kl in [false, true] {
                    let kl_estimator = *kl_estimator;
                    let s = Settings { beta: 0.3, kl_estimator, use_bias_correction_kl, ..base.clone() };
                    assert_gradient(&s, &format!("{name} {kl_estimator:?} {use_bias_correction_kl}"));
                }
            }
            assert_gradient(&Settings { delta: Some(1.3), ..base.clone() }, &format!("{name} delta"));
            assert_gradient(&Settings { dual_clip: Some(1.2), ..base.clone() }, &format!("{name} dual clip"));
            assert_gradient(&Settings { top_entropy_quantile: 0.4, ..base }, &format!("{name} top entropy"));
        }
    }
}

#[test]
fn held_ratios_weigh_logp_and_are_not_differentiated() {
    // With coefficients that do not depend on logp the difference of the loss is its gradient: a cap below every ratio,
    // both sides of verl's clamp together, and vespo's phi of 1.
    let cispo = Settings { loss_type: LossType::Cispo, epsilon_high: Some(0.01), beta: 0.2, ..Settings::default() };
    assert_gradient(&cispo, "cispo");
    let verl = Settings { loss_type: LossType::CispoVerl, epsilon: 0.0, ..cispo.clone() };
    assert_gradient(&Settings { epsilon_high: Some(0.0), ..verl }, "cispo_verl");
    let vespo = Settings {
        loss_type: LossType::Vespo,
        vespo_k_pos: 0.0,
        vespo_k_neg: 0.0,
        vespo_lambda_pos: 0.0,
        vespo_lambda_neg: 0.0,
        ..Settings::default()
    };
    assert_gradient(&vespo, "vespo");
    // The two meanings of CISPO: TRL caps above, verl clamps around 1.
    let mut case = case(1, 0.0);
    case.lengths = vec![1; 5];
    case.logp_old = vec![-1.0; 20];
    case.logp = (0..20).map(|i| if i < 4 { -2.0 } else { -0.1 }).collect();
    case.advantages = vec![1.0; 20];
    let coefs = |loss_type, epsilon_high| {
        let s = Settings { loss_type, epsilon_high: Some(epsilon_high), ..Settings::default() };
        let (stats, d, _) = case.run(&s);
        (-5.0 * d[0], -5.0 * d[4], stats.cispo_clip_ratio)
    };
    let (low, high, share) = coefs(LossType::Cispo, 2.0);
    assert!((low - (-1f32).exp()).abs() < 1e-5 && (high - 2.0).abs() < 1e-5 && share == 0.8);
    let (low, high, share) = coefs(LossType::CispoVerl, 0.28);
    assert!((low - 0.8).abs() < 1e-5 && (high - 1.28).abs() < 1e-5 && share == 1.0);
}

#[test]
fn the_entropy_bonus_is_a_mean_over_the_steps_it_acts_on() {
    for top_entropy_quantile in [1.0, 0.4] {
        let s = Settings { top_entropy_quantile, ..Settings::default() };
        let case = Case { entropy_coef: 0.1, ..case(3, 0.3) };
        let (stats, _, dentropy) = case.run(&s);
        let kept = dentropy.iter().filter(|d| **d != 0.0).count();
        assert_eq!(kept, if top_entropy_quantile == 1.0 { 14 } else { 6 });
        assert!(dentropy.iter().all(|d| *d == 0.0 || (d + 0.1 / kept as f32).abs() < 1e-7));
        let mean = (0..20).filter(|i| dentropy[*i] != 0.0).map(|i| case.entropy[i]).sum::<f32>() / kept as f32;
        assert!((stats.bonus_entropy - mean).abs() < 1e-5);
        assert!((stats.policy_loss - stats.loss - 0.1 * mean).abs() < 1e-6);
    }
}

#[test]
fn dr_grpo_grows_with_the_length_of_a_sequence_and_grpo_does_not() {
    let mut case = case(5, 0.0);
    case.advantages = vec![1.0; 20];
    let total = |loss_type, i: usize| {
        let (_, d, _) = case.run(&Settings { loss_type, ..Settings::default() });
        d[i * 4..(i + 1) * 4].iter().sum::<f32>()
    };
    for i in 0..5 {
        let length = case.lengths[i] as f32;
        assert!((total(LossType::Grpo, i) + 0.2).abs() < 1e-6);
        assert!((total(LossType::DrGrpo, i) + 0.2 * length / 4.0).abs() < 1e-6);
        assert!((total(LossType::Dapo, i) + length / 14.0).abs() < 1e-6);
    }
}

#[test]
fn the_sequence_ratio_is_the_geometric_mean_of_its_tokens() {
    let mut case = case(6, 0.4);
    case.lengths = vec![4, 0, 0, 0, 0];
    let sequence = Settings { importance_sampling_level: ImportanceLevel::Sequence, ..Settings::default() };
    let product: f64 = (0..4).map(|t| f64::from(case.logp[t] - case.logp_old[t]).exp()).product();
    let (stats, ..) = case.run(&sequence);
    assert!((f64::from(stats.ratio_mean) - product.powf(0.25)).abs() < 1e-5);
}

#[test]
fn samples_left_out_have_no_part_in_any_term() {
    let s = Settings { beta: 0.1, loss_type: LossType::Grpo, mask_truncated_completions: true, ..Settings::default() };
    let case = Case { entropy_coef: 0.1, ..case(7, 0.4) };
    let all: Vec<u32> = (0..5).collect();
    // An errored sample is as if it were not there.
    let (without, d1, h1) = case.run_on(&s, &[0, 1, 3, 4], &[], &[]);
    let (errored, d2, h2) = case.run_on(&s, &all, &[], &[1, 1, 0, 1, 1]);
    assert!((without.loss - errored.loss).abs() < 1e-6 && without.kl == errored.kl);
    assert_eq!((d1, h1), (d2.clone(), h2.clone()));
    assert!(d2[8..12].iter().chain(&h2[8..12]).all(|d| *d == 0.0));
    // A truncated one keeps its place in the mean over sequences (TRL).
    let (truncated, d3, _) = case.run_on(&s, &all, &[0, 0, 1, 0, 0], &[]);
    assert!(d3[8..12].iter().all(|d| *d == 0.0));
    assert!((truncated.policy_loss - 0.8 * errored.policy_loss).abs() < 1e-6);
}

#[test]
fn minibatches_add_up_to_the_batch() {
    for loss_type in [LossType::Dapo, LossType::DrGrpo, LossType::Luspo] {
        let s = Settings { loss_type, beta: 0.1, ..Settings::default() };
        let mut case = case(8, 0.4);
        case.n = 4;
        let whole = case.run_on(&s, &[0, 1, 2, 3], &[], &[]);
        let halves = [case.run_on(&s, &[0, 3], &[], &[]), case.run_on(&s, &[2, 1], &[], &[])];
        let mean = (halves[0].0.loss + halves[1].0.loss) / 2.0;
        assert!((mean - whole.0.loss).abs() < 1e-6, "{loss_type:?}");
        for at in 0..16 {
            assert!((halves[0].1[at] + halves[1].1[at] - 2.0 * whole.1[at]).abs() < 1e-6, "{loss_type:?} {at}");
        }
    }
}

#[test]
fn a_zero_advantage_gives_a_zero_gradient() {
    for loss_type in LossType::ALL {
        let mut case = case(9, 0.4);
        case.advantages.fill(0.0);
        let (_, d, _) = case.run(&Settings { loss_type: *loss_type, ..Settings::default() });
        assert!(d.iter().all(|d| *d == 0.0), "{loss_type:?}");
    }
}

proptest! {
    #[test]
    fn finite_inputs_give_finite_gradients(
        kind in 0..LossType::ALL.len(),
        sequence in any::<bool>(),
        far in 0.0f32..60.0,
        seed in 0u32..1000,
    ) {
        let s = Settings {
            loss_type: LossType::ALL[kind],
            importance_sampling_level: levels()[usize::from(sequence)],
            beta: 0.1,
            top_entropy_quantile: 0.5,
            ..Settings::default()
        };
        let (stats, d, h) = Case { entropy_coef: 0.1, ..case(seed, far) }.run(&s);
        prop_assert!(d.iter().chain(&h).all(|x| x.is_finite()));
        prop_assert!(stats.loss.is_finite() && stats.nonfinite == 0.0);
    }
}

#[test]
fn a_log_ratio_beyond_its_clip_is_held_and_moves_nothing() {
    let most = 0.5f32;
    let held = Settings { log_ratio_clip: Some(most), ..Settings::default() };
    let mut beyond = 0;
    for seed in 0..20 {
        let c = case(seed, 2.0);
        let (stats, dlogp, _) = c.run(&held);
        assert!(stats.ratio_max <= libm::expf(most));
        for (i, length) in c.lengths.iter().enumerate() {
            for at in i * c.steps..i * c.steps + *length as usize {
                if (c.logp[at] - c.logp_old[at]).abs() > most {
                    assert_eq!(dlogp[at], 0.0);
                    beyond += 1;
                }
            }
        }
        let wide = Settings { log_ratio_clip: Some(2.5), ..Settings::default() };
        assert_eq!(c.run(&wide).1, c.run(&Settings::default()).1, "a clip that nothing reaches changes nothing");
    }
    assert!(beyond > 100);
}

/// A sample of negative advantage that became far more likely: nothing bounds PPO's loss, the pre-clip does (R1-Reward).
#[test]
fn the_pre_clip_bounds_the_loss_of_a_stale_batch() {
    let mut stale = case(1, 0.1);
    stale.advantages.fill(-1.0);
    stale.logp[0] = stale.logp_old[0] + 12.0;
    assert!(stale.run(&Settings::default()).0.loss > 1e3);
    let clipped = Settings { log_ratio_clip: Some(libm::logf(1e3)), ..Settings::default() };
    let (stats, dlogp, _) = stale.run(&clipped);
    assert!(stats.loss < 1e3 && dlogp[0] == 0.0);
}

//! Estimators of KL(policy, reference) from samples of the policy: k1, k2, k3 of Schulman, "Approximating KL
//! divergence", in the loss and in the reward.

use super::flag;
use super::settings::{KlEstimator, Settings};

/// Where an exponential goes on as its tangent, so that a ratio stays finite; verl clamps its log-ratios there too.
pub const MAX_LOG_RATIO: f32 = 20.0;

/// (exp(x), its derivative), with the tangent at 20 instead of the curve beyond it. Under 20 this is the exponential;
/// beyond, the value is finite and the derivative keeps its sign, so a policy far from its reference is pulled back.
#[inline(always)]
pub fn guarded_exp(x: f32) -> (f32, f32) {
    let e = libm::expf(x.min(MAX_LOG_RATIO));
    (e * (1.0 + (x - MAX_LOG_RATIO).max(0.0)), e)
}

/// (estimate, derivative by logp) of one step, with x = logp - logp_ref: k1 = x, k2 = x^2 / 2, k3 = exp(-x) + x - 1.
#[inline(always)]
pub fn estimate(kind: KlEstimator, x: f32) -> (f32, f32) {
    match kind {
        KlEstimator::K1 => (x, 1.0),
        KlEstimator::K2 => (0.5 * x * x, x),
        KlEstimator::K3 => {
            let (value, derivative) = guarded_exp(-x);
            // Near 0 the two halves cancel; rounding must not make the estimate negative.
            ((value + x - 1.0).max(0.0), 1.0 - derivative)
        }
    }
}

/// Takes kl_in_reward * KL_t out of the reward of every valid step of every active sample, before the estimator:
/// r_t -= coef KL_t and R -= coef sum KL_t (verl's use_kl_in_reward; TRL's RLOOTrainer). The components stay as they
/// are. Returns the mean estimate a step, 0 if there are no steps.
///
/// `rewards` [n] (NaN = none, stays NaN), `step_rewards`, `logp`, `logp_ref` [n][T]; `active` [n] or empty = all.
pub fn kl_into_rewards(
    settings: &Settings,
    steps: usize,
    lengths: &[u32],
    active: &[u8],
    logp: &[f32],
    logp_ref: &[f32],
    rewards: &mut [f32],
    step_rewards: &mut [f32],
) -> f32 {
    let (mut total, mut count) = (0.0f32, 0u32);
    for (i, length) in lengths.iter().enumerate() {
        if !flag(active, i, true) {
            continue;
        }
        let row = i * steps..i * steps + (*length as usize).min(steps);
        let mut kl = 0.0f32;
        for at in row.clone() {
            let (k, _) = estimate(settings.kl_reward_estimator, logp[at] - logp_ref[at]);
            step_rewards[at] -= settings.kl_in_reward * k;
            kl += k;
        }
        rewards[i] -= settings.kl_in_reward * kl;
        total += kl;
        count += row.len() as u32;
    }
    if count > 0 { total / count as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k3_is_never_negative_and_every_derivative_is_exact() {
        for i in -400..400 {
            let x = i as f32 * 0.1;
            let (k3, _) = estimate(KlEstimator::K3, x);
            assert!(k3 >= 0.0 && k3.is_finite(), "{x}");
            for kind in KlEstimator::ALL {
                let (_, derivative) = estimate(*kind, x);
                let h = 1e-2f64;
                let f = |x: f64| match kind {
                    KlEstimator::K1 => x,
                    KlEstimator::K2 => 0.5 * x * x,
                    KlEstimator::K3 if x < -20.0 => (20.0f64).exp() * (1.0 - x - 20.0) + x - 1.0,
                    KlEstimator::K3 => (-x).exp() + x - 1.0,
                };
                let expected = (f(f64::from(x) + h) - f(f64::from(x) - h)) / (2.0 * h);
                let error = (f64::from(derivative) - expected).abs();
                assert!(error <= 1e-3 * expected.abs() + 1e-3 || (x + 20.0).abs() < 0.05, "{kind:?} {x}");
            }
        }
    }

    #[test]
    fn kl_leaves_the_reward_of_steps_and_of_the_sample_alike() {
        let s = Settings { kl_in_reward: 0.5, ..Settings::default() };
        let mut rewards = [1.0, f32::NAN, 3.0];
        let mut step_rewards = [0.0, 1.0, 0.0, 0.0, 3.0, 0.0];
        let mean = kl_into_rewards(
            &s,
            2,
            &[2, 2, 1],
            &[1, 1, 1],
            &[-1.0, -2.0, -1.0, -1.0, -0.5, 9.0],
            &[-2.0, -1.0, -1.5, -1.0, -1.5, 0.0],
            &mut rewards,
            &mut step_rewards,
        );
        assert_eq!(step_rewards, [-0.5, 1.5, -0.25, 0.0, 2.5, 0.0]);
        assert!(rewards[0] == 1.0 && rewards[1].is_nan() && rewards[2] == 2.5);
        assert!((mean - 1.5 / 5.0).abs() < 1e-6);
    }
}

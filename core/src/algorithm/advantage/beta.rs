//! BNPO: Beta Normalization Policy Optimization (methods row bnpo), after the authors' description. Not TRL's loss_type
//! of the same name.
//!
//! p_k = mean of the scaled rewards of group k; with m and v the mean and variance (n - 1) of p over the groups,
//! a = (m(1-m)/v - 1) m and b = (m(1-m)/v - 1)(1-m), alpha = max(1, 1 + a/3), beta = max(1, 1 + b/3), and
//! A = (r - p_k) min(1 / Beta(p_k; alpha, beta), 1e6).

use super::Batch;
use crate::algorithm::flag;
use crate::algorithm::settings::{Aggregation, Settings};
use crate::algorithm::sum::Moments;

/// The two shapes of a Beta distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BetaShape {
    pub alpha: f32,
    pub beta: f32,
}

/// Smallest variance of the groups' means: below it the fitted density is a spike whose height f32 cannot hold well.
const MIN_VARIANCE: f32 = 1e-4;
/// Greatest weight of a group, the authors' own bound.
const MAX_WEIGHT: f32 = 1e6;

/// Writes the advantages; returns the fitted shape. Under normalize_then_sum the advantage is the mean of those of the
/// components (the paper's advantage decomposition) and there is no single shape.
pub(super) fn bnpo(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) -> BetaShape {
    let n = batch.n;
    if settings.multi_objective_aggregation == Aggregation::SumThenNormalize {
        return add(settings, batch, batch.rewards, 1.0, out);
    }
    let count = batch.weights.len();
    for k in 0..count {
        add(settings, batch, &batch.components[k * n..(k + 1) * n], 1.0 / count as f32, out);
    }
    BetaShape::default()
}

/// Adds `factor` times the advantages of one reward [n].
fn add(settings: &Settings, batch: &Batch<'_>, reward: &[f32], factor: f32, out: &mut [f32]) -> BetaShape {
    let (min, span) = (settings.bnpo_reward_min, settings.bnpo_reward_max - settings.bnpo_reward_min);
    let span = if span > 0.0 { span } else { 1.0 };
    let applies = |i: &usize| reward[*i].is_finite() && flag(batch.active, *i, true);
    let moments = |range: std::ops::Range<usize>| Moments::of(range.filter(applies).map(|i| (reward[i] - min) / span));
    let shape = fit_beta(settings, batch.groups().map(moments).filter(|m| m.count > 0).map(|m| m.mean));
    for range in batch.groups() {
        let m = moments(range.clone());
        if m.count < 2 {
            continue;
        }
        let weight = libm::expf(-beta_log_density(m.mean, shape)).min(MAX_WEIGHT);
        for i in range.filter(applies) {
            out[i] += factor * (weight * ((reward[i] - min) / span - m.mean));
        }
    }
    shape
}

/// The shape that bnpo divides by, from the means of the groups; bnpo_alpha and bnpo_beta go before the estimate. With
/// one group there is no variance and the shape is (1, 1), which divides by nothing.
pub fn fit_beta(settings: &Settings, means: impl Iterator<Item = f32> + Clone) -> BetaShape {
    let all = Moments::of(means);
    let (a, b) = if all.count > 1 {
        let m = all.mean.clamp(0.0, 1.0);
        let excess = m * (1.0 - m) / (all.std * all.std).max(MIN_VARIANCE) - 1.0;
        (excess * m, excess * (1.0 - m))
    } else {
        (0.0, 0.0)
    };
    BetaShape {
        alpha: settings.bnpo_alpha.unwrap_or((1.0 + a / 3.0).max(1.0)),
        beta: settings.bnpo_beta.unwrap_or((1.0 + b / 3.0).max(1.0)),
    }
}

/// log of the Beta density at p in (0, 1), for shapes of at least 1. Outside of (0, 1) p counts as its nearest f32
/// within 1e-6 of the edge.
///
/// The three log-gammas are written as Stirling's formula and its remainder, and the large terms are joined before they
/// are added, so that f32 keeps six digits where plain log-gammas would cancel.
pub fn beta_log_density(p: f32, shape: BetaShape) -> f32 {
    let BetaShape { alpha, beta } = shape;
    if alpha == 1.0 && beta == 1.0 {
        return 0.0;
    }
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    let total = alpha + beta;
    let q = 1.0 - p;
    alpha * libm::logf(p * total / alpha) + beta * libm::logf(q * total / beta) - libm::logf(p) - libm::logf(q)
        + 0.5 * (libm::logf(alpha / total) + libm::logf(beta))
        - 0.918_938_5
        + (stirling_remainder(total) - stirling_remainder(alpha) - stirling_remainder(beta))
}

/// log Gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2) for x >= 1.
fn stirling_remainder(x: f32) -> f32 {
    let (mut x, mut shift) = (x, 0.0f32);
    while x < 4.0 {
        shift += (x + 0.5) * libm::log1pf(1.0 / x) - 1.0;
        x += 1.0;
    }
    let r = 1.0 / x;
    shift + r * (1.0 / 12.0 - r * r * (1.0 / 360.0 - r * r * (1.0 / 1260.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_is_that_of_the_beta() {
        for (alpha, beta) in [(1.0, 1.0), (1.5, 1.5), (1.0, 2.5), (3.3, 1.2), (8.0, 60.0), (300.0, 500.0)] {
            for p in [0.01f32, 0.2, 0.375, 0.5, 0.9] {
                let (a, b) = (f64::from(alpha), f64::from(beta));
                let expected =
                    (a - 1.0) * f64::from(p).ln() + (b - 1.0) * (1.0 - f64::from(p)).ln() + libm::lgamma(a + b)
                        - libm::lgamma(a)
                        - libm::lgamma(b);
                let got = f64::from(beta_log_density(p, BetaShape { alpha, beta }));
                assert!((got - expected).abs() < 1e-5 * (1.0 + expected.abs()), "{alpha} {beta} {p}: {got} {expected}");
            }
        }
    }
}

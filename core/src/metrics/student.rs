//! Student's t, central and not, and the quantiles of a sample's deviation: what p-values, power and numbers of seeds
//! are computed from.

use libm::{erfc, exp, lgamma, log, sqrt};

/// Deviations of the integrand's logarithm from its peak beyond which nothing is left of it.
const NEGLIGIBLE: f64 = 40.0;
/// Steps towards a root: more halvings than a double has digits.
const STEPS: usize = 60;

/// Probability that a standard normal number is at least `x`.
fn normal_tail(x: f64) -> f64 {
    0.5 * erfc(x / core::f64::consts::SQRT_2)
}

/// P(T > t) for Student's t with `df` >= 1 degrees of freedom and this noncentrality (0: the common t).
///
/// T is (Z + noncentrality) / S with Z standard normal and S^2 a chi-squared number over `df`, so the probability is the
/// mean of P(Z > t S - noncentrality) over S (Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions 2,
/// section 31.2). It is summed over log S by the trapezoidal rule, which converges exponentially for such integrands.
pub fn tail(t: f64, df: usize, noncentrality: f64) -> f64 {
    let nu = df.max(1) as f64;
    // The error falls as exp(-pi^2 / (2 step)), since the integrand is tame up to an imaginary part of pi / 4.
    let step = (0.25 / sqrt(2.0 * nu)).min(0.12);
    let constant = log(2.0) + 0.5 * nu * log(0.5 * nu) - lgamma(0.5 * nu);
    let (low, high) = (-(NEGLIGIBLE / nu + 0.5), sqrt(NEGLIGIBLE / nu));
    let points = ((high - low) / step).ceil() as usize;
    let at = |i: usize| {
        let x = low + i as f64 * step;
        let s = exp(x);
        exp(constant + nu * (x - 0.5 * s * s)) * normal_tail(t * s - noncentrality)
    };
    ((0..=points).map(at).sum::<f64>() * step).min(1.0)
}

/// The t that Student's t with `df` degrees of freedom exceeds with probability `p` (0 < p < 0.5).
///
/// Newton's method from 0: the tail is convex there, so that it comes to the root from below and never passes it.
pub fn upper_quantile(p: f64, df: usize) -> f64 {
    let nu = df.max(1) as f64;
    let constant = lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * nu) - 0.5 * log(nu * core::f64::consts::PI);
    let mut t = 0.0;
    for _ in 0..STEPS {
        let density = exp(constant - 0.5 * (nu + 1.0) * log(1.0 + t * t / nu));
        let more = (tail(t, df, 0.0) - p) / density;
        t += more;
        if more <= 1e-12 * t {
            break;
        }
    }
    t
}

/// By which factor the true standard deviation may exceed the one that was measured with `df` degrees of freedom: the
/// upper limit of the one-sided interval at `confidence`, sqrt(df / chi-squared quantile of 1 - confidence).
pub fn deviation_limit(confidence: f64, df: usize) -> f64 {
    let half = 0.5 * df.max(1) as f64;
    let quantile = root(0.0, 4.0 * half + 100.0, |x| gamma_share(half, 0.5 * x) < 1.0 - confidence);
    sqrt(2.0 * half / quantile)
}

/// The regularised lower incomplete gamma function P(a, x) by its series (Abramowitz and Stegun 6.5.29).
fn gamma_share(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    let (mut term, mut sum, mut n) = (1.0, 1.0, a);
    while term > 1e-16 * sum {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum * exp(a * log(x) - x - lgamma(a + 1.0))
}

/// Where a condition that is true at `low` and false at `high` changes.
pub(super) fn root(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS {
        let middle = 0.5 * (low + high);
        if is_below(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::statistics::t_quantile;

    #[test]
    fn tails_are_the_closed_forms_of_one_and_two_degrees() {
        for t in [-3.0, 0.0, 0.5, 2.0, 12.706, 1000.0] {
            let cauchy = 0.5 - libm::atan(t) / core::f64::consts::PI;
            assert!((tail(t, 1, 0.0) - cauchy).abs() < 1e-12, "{t}: {} {cauchy}", tail(t, 1, 0.0));
            let two = 0.5 - t / (2.0 * sqrt(2.0 + t * t));
            assert!((tail(t, 2, 0.0) - two).abs() < 1e-12, "{t}: {} {two}", tail(t, 2, 0.0));
        }
    }

    #[test]
    fn quantiles_are_those_of_the_table_of_intervals() {
        for df in [1, 2, 7, 15, 30, 31, 60, 200] {
            let (exact, table) = (upper_quantile(0.025, df), t_quantile(df));
            assert!((exact - table).abs() < 1e-3, "{df}: {exact} {table}");
        }
    }

    #[test]
    fn at_zero_the_noncentral_tail_is_that_of_the_normal_number() {
        // P(T > 0) is P(Z > -noncentrality), whatever the degrees of freedom.
        for df in [1, 5, 40] {
            assert!((tail(0.0, df, 1.5) - normal_tail(-1.5)).abs() < 1e-12);
        }
    }

    #[test]
    fn a_deviation_of_few_seeds_may_be_far_too_small() {
        // Chi-squared quantiles of 0.2 from tables: 2.343 (5 degrees), 14.578 (20).
        assert!((deviation_limit(0.8, 5) - sqrt(5.0 / 2.343)).abs() < 1e-3);
        assert!((deviation_limit(0.8, 20) - sqrt(20.0 / 14.578)).abs() < 1e-3);
    }
}

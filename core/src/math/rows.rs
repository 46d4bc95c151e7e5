//! What is done to batches of logits: log-softmax, entropy, sampling.

use super::elementary::{exp, exp_lanes, log};
use super::simd::{Lanes, Level, Simd, Vector, dispatch, max_lanes, sum_lanes};

/// logp[r][a] = logits[r][a] - log sum_a exp(logits[r][a]); both are [rows][n_actions].
pub fn log_softmax_rows(logits: &[f32], logp: &mut [f32], n_actions: usize) {
    run_log_softmax(Level::detect(), logits, logp, n_actions);
}

dispatch! {
    fn run_log_softmax = log_softmax(logits: &[f32], logp: &mut [f32], n: usize)
}

/// out[i] = exp(x[i]).
pub fn exp_all(x: &[f32], out: &mut [f32]) {
    run_exp(Level::detect(), x, out);
}

dispatch! {
    fn run_exp = exps(x: &[f32], out: &mut [f32])
}

/// Entropy in nats of each row of log-probabilities [rows][n_actions], into `out` [rows].
pub fn entropy_rows(logp: &[f32], out: &mut [f32], n_actions: usize) {
    run_entropy(Level::detect(), logp, out, n_actions);
}

dispatch! {
    fn run_entropy = entropies(logp: &[f32], out: &mut [f32], n: usize)
}

/// Entropy in nats of one row of log-probabilities.
pub fn entropy(logp: &[f32]) -> f32 {
    let mut out = [0.0];
    entropy_rows(logp, &mut out, logp.len());
    out[0]
}

/// The action that a uniform number in [0, 1) picks: the first whose cumulated probability, summed in index order, is
/// above it; where rounding leaves none, the last of positive probability.
pub fn sample_row(logp: &[f32], uniform: f32) -> usize {
    let mut cumulated = 0.0;
    let mut last = 0;
    for (action, &lp) in logp.iter().enumerate() {
        let p = exp(lp);
        cumulated += p;
        if uniform < cumulated {
            return action;
        }
        if p > 0.0 {
            last = action;
        }
    }
    last
}

/// Eight numbers of `row` from `start`; `fill` beyond its end.
#[inline(always)]
fn load_part<V: Vector>(row: &[f32], start: usize, fill: f32) -> V {
    match row.get(start..start + 8) {
        // SAFETY: eight numbers lie there.
        Some(full) => unsafe { V::load(full.as_ptr()) },
        None => {
            let mut part = [fill; 8];
            let rest = row.get(start..).unwrap_or_default();
            for (to, from) in part.iter_mut().zip(rest) {
                *to = *from;
            }
            // SAFETY: `part` holds eight numbers.
            unsafe { V::load(part.as_ptr()) }
        }
    }
}

#[inline(always)]
fn splat<V: Lanes>(x: f32) -> V {
    V::splat(x)
}

#[inline(always)]
fn log_softmax<S: Simd>(logits: &[f32], logp: &mut [f32], n: usize) {
    for (row, out) in logits.chunks_exact(n.max(1)).zip(logp.chunks_exact_mut(n.max(1))) {
        let mut greatest = splat::<S::V>(f32::NEG_INFINITY);
        for start in (0..n).step_by(8) {
            greatest = Lanes::max(load_part::<S::V>(row, start, f32::NEG_INFINITY), greatest);
        }
        let shift = max_lanes(greatest);
        let mut sum = splat::<S::V>(0.0);
        for start in (0..n).step_by(8) {
            let x = load_part::<S::V>(row, start, f32::NEG_INFINITY);
            sum = Vector::add(sum, exp_lanes(x.sub(splat(shift))));
        }
        let log_sum = log(sum_lanes(sum));
        for (to, x) in out.iter_mut().zip(row) {
            *to = (x - shift) - log_sum;
        }
    }
}

#[inline(always)]
fn exps<S: Simd>(x: &[f32], out: &mut [f32]) {
    for (start, out) in (0..x.len()).step_by(8).zip(out.chunks_mut(8)) {
        let mut part = [0.0; 8];
        // SAFETY: `part` holds eight numbers.
        unsafe { exp_lanes(load_part::<S::V>(x, start, 0.0)).store(part.as_mut_ptr()) };
        for (to, from) in out.iter_mut().zip(part) {
            *to = from;
        }
    }
}

#[inline(always)]
fn entropies<S: Simd>(logp: &[f32], out: &mut [f32], n: usize) {
    for (row, h) in logp.chunks_exact(n.max(1)).zip(out) {
        let mut sum = splat::<S::V>(0.0);
        for start in (0..n).step_by(8) {
            let x = load_part::<S::V>(row, start, f32::NEG_INFINITY);
            let p = exp_lanes(x);
            // 0 log 0 is 0.
            let term = Vector::mul(p, x);
            sum = sum.sub(S::V::select_lt(splat(0.0), p, term, splat(0.0)));
        }
        *h = sum_lanes(sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng;

    #[test]
    fn log_softmax_normalises_and_every_set_agrees() {
        for n in [1, 2, 4, 7, 8, 13, 24, 40] {
            let logits: Vec<f32> =
                (0..n * 5).map(|i| 20.0 * rng::uniform(rng::draw(n as u32, i as u32, 0, 0, 0, 0)[0]) - 10.0).collect();
            let mut logp = vec![0.0; n * 5];
            log_softmax_rows(&logits, &mut logp, n);
            for (row, lp) in logits.chunks(n).zip(logp.chunks(n)) {
                let sum: f64 = row.iter().map(|x| libm::exp(f64::from(*x))).sum();
                for (x, got) in row.iter().zip(lp) {
                    assert!((f64::from(*x) - libm::log(sum) - f64::from(*got)).abs() < 4e-6, "{x} {got}");
                }
            }
            let mut h = vec![0.0; 5];
            entropy_rows(&logp, &mut h, n);
            for level in Level::available() {
                let (mut other, mut other_h) = (vec![0.0; n * 5], vec![0.0; 5]);
                run_log_softmax(level, &logits, &mut other, n);
                run_entropy(level, &logp, &mut other_h, n);
                assert_eq!((&other, &other_h), (&logp, &h), "{level:?}");
            }
        }
    }

    #[test]
    fn impossible_actions_are_never_drawn_and_carry_no_entropy() {
        let half = -std::f32::consts::LN_2;
        let logp = [f32::NEG_INFINITY, half, half, f32::NEG_INFINITY];
        assert!((entropy(&logp) - std::f32::consts::LN_2).abs() < 1e-6);
        assert_eq!(sample_row(&logp, 0.0), 1);
        assert_eq!(sample_row(&logp, 0.4999), 1);
        assert_eq!(sample_row(&logp, 0.5001), 2);
        assert_eq!(sample_row(&logp, 1.0), 2);
    }
}

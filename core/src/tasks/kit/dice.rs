//! Draws that tasks share; the same in `shaders/tasks/common.wgsl`, bit for bit.

pub(in crate::tasks) use crate::math::rng::bell;
use crate::math::rng::{purpose, uniform};
use crate::tasks::DrawKey;

/// A verifier's verdict on `truth`: wrong with probability `false_positive` where it is false and `false_negative`
/// where it is true.
pub(in crate::tasks) fn verdict(key: DrawKey, truth: bool, false_positive: f32, false_negative: f32) -> bool {
    let u = uniform(key.own(0, purpose::VERDICT)[0]);
    truth != (u < if truth { false_negative } else { false_positive })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng::draw;

    #[test]
    fn bell_has_mean_zero_and_deviation_one() {
        let n = 40_000;
        let xs: Vec<f64> = (0..n).map(|i| f64::from(bell(draw(1, i, 0, 0, 0, purpose::TASK)))).collect();
        let mean = xs.iter().sum::<f64>() / f64::from(n);
        let var = xs.iter().map(|x| x * x).sum::<f64>() / f64::from(n) - mean * mean;
        assert!(mean.abs() < 0.015 && (var - 1.0).abs() < 0.02, "{mean} {var}");
    }

    #[test]
    fn verdicts_are_wrong_at_the_stated_rates() {
        let n = 20_000;
        let yes = |truth| {
            (0..n).filter(|i| verdict(DrawKey { seed: 2, update: *i, group: 0, sample: 0 }, truth, 0.1, 0.3)).count()
        };
        let (false_yes, true_yes) = (yes(false) as f64 / f64::from(n), yes(true) as f64 / f64::from(n));
        assert!((false_yes - 0.1).abs() < 0.01 && (true_yes - 0.7).abs() < 0.015, "{false_yes} {true_yes}");
    }
}

//! What is said first of a reward: what its optimum earns, and that training is another matter.

use super::report::Optimum;

/// What holds of every training.
pub const TRAINING: &str = "What training finds is another matter: it climbs from the base policy by what its own samples are paid, and may stop at something else.";

/// The share of the true score from which an optimum is one that training may miss; below it the reward is wrong anyway.
const NEARLY_ALL: f32 = 0.95;

/// What to say of training beside an optimum of that share of the true score.
pub fn training(share: Option<f32>) -> String {
    if share.is_none_or(|x| x >= NEARLY_ALL) { TRAINING.into() } else { String::new() }
}

/// What is optimal, in a sentence.
pub fn headline(optimum: &Optimum, best: &Optimum, share: Option<f32>) -> String {
    let percent = |x: f32| format!("{:.0}%", 100.0 * x.max(0.0));
    let spread = optimum.true_high - optimum.true_low;
    // A share below 0 is a riddle: then the scores themselves are said.
    let lowest = if best.value > 0.0 { optimum.true_low / best.value } else { 0.0 };
    match share.filter(|share| share.min(lowest) > -0.005) {
        None if best.value > 0.0 && spread > 0.01 * best.value => format!(
            "The optima of this reward have true scores from {:.2} to {:.2}; the best possible is {:.2}: it leaves open which.",
            optimum.true_low, optimum.true_high, best.value
        ),
        Some(_) if best.value > 0.0 && spread > 0.01 * best.value => format!(
            "The optima of this reward earn between {} and {} of what you want: it leaves open which.",
            percent(optimum.true_low / best.value),
            percent(optimum.true_high / best.value)
        ),
        Some(share) if share > 0.995 => {
            "The optimum of this reward is what you want: it earns all of the true score.".into()
        }
        Some(share) => format!("The optimum of this reward earns {} of what you want.", percent(share)),
        None => format!(
            "The optimum of this reward has a true score of {:.2}; the best possible is {:.2}.",
            optimum.true_score, best.value
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_is_said_that_is_below_nothing() {
        let of = |low: f32, high: f32| Optimum {
            policy: Vec::new(),
            value: high,
            bound: high,
            true_score: low,
            true_low: low,
            true_high: high,
            length: 1.0,
        };
        let says = |low: f32, high: f32| headline(&of(low, high), &of(1.0, 1.0), Some(low));
        assert_eq!(
            says(-1.0, -1.0),
            "The optimum of this reward has a true score of -1.00; the best possible is 1.00."
        );
        assert!(says(-0.5, 0.5).contains("true scores from -0.50 to 0.50"), "{}", says(-0.5, 0.5));
        assert_eq!(says(0.0, 0.0), "The optimum of this reward earns 0% of what you want.");
        assert!(says(0.25, 0.5).contains("between 25% and 50%"), "{}", says(0.25, 0.5));
    }
}

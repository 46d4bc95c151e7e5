//! The interval of a rate from few trials.

/// A rate with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Not a number without trials.
    pub rate: f64,
    pub low: f64,
    pub high: f64,
}

/// Two-sided 95% quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's score interval (E. B. Wilson, Journal of the American Statistical Association 22, 1927, 209-212): all rates
/// from which so many successes are no surprise. It stays within 0 and 1 and covers well for few trials. Successes need not
/// be whole, where each trial is itself a mean.
pub fn wilson(successes: f64, trials: f64) -> Rate {
    if trials <= 0.0 {
        return Rate { rate: f64::NAN, low: 0.0, high: 1.0 };
    }
    let rate = successes / trials;
    let z2 = Z * Z / trials;
    let centre = (rate + 0.5 * z2) / (1.0 + z2);
    let half = Z * (rate * (1.0 - rate) / trials + 0.25 * z2 / trials).max(0.0).sqrt() / (1.0 + z2);
    // At either end the two terms are equal but for rounding.
    let low = if successes <= 0.0 { 0.0 } else { centre - half };
    let high = if successes >= trials { 1.0 } else { centre + half };
    Rate { rate, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_newcombes_table() {
        // R. G. Newcombe, Statistics in Medicine 17, 1998, 857-872, table I, method 3.
        for (successes, trials, low, high) in [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ] {
            let found = wilson(successes, trials);
            assert!(
                (found.low - low).abs() < 6e-5 && (found.high - high).abs() < 6e-5,
                "{successes} of {trials}: {found:?}"
            );
        }
    }

    #[test]
    fn a_rate_and_its_complement_have_mirrored_intervals() {
        for successes in 0..=10 {
            let (a, b) = (wilson(f64::from(successes), 10.0), wilson(f64::from(10 - successes), 10.0));
            assert!((a.low + b.high - 1.0).abs() < 1e-12 && (a.high + b.low - 1.0).abs() < 1e-12);
            assert!(a.low <= a.rate && a.rate <= a.high);
        }
        let nothing = wilson(0.0, 0.0);
        assert!(nothing.rate.is_nan() && (nothing.low, nothing.high) == (0.0, 1.0));
    }
}

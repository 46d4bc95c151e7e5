//! The gap between what was paid and what was wanted, in a unit that no reward can choose.
//!
//! A proxy reward less a true score means nothing: times five, the same reward would have another gap. So each of the two
//! counts by how far it has moved since its first batches, in standard deviations of its own first batches. A reward in
//! another unit, or with a constant added, moves by just as many, and a reward that is the true score in another unit has
//! no gap at all.
//!
//! Deviations and not shares of a range, which the verdict says beside it: a true score that hardly moves while the proxy
//! climbs has no range of its own, and that is the case that matters most.

use super::columns::Column;
use super::curves::Curves;
use super::statistics::{Interval, interval, last_tenth, mean, short};
use serde::{Deserialize, Serialize};

/// The first batches of a run, or of the reward in use.
const FIRST: usize = 10;
/// A deviation that is less than this share of the numbers themselves is rounding.
const ROUNDING: f64 = 1e-6;

/// Why the gap is in this unit, for whoever points at it.
pub const WHY: &str = "Each is divided by the standard deviation of its own first batches: a reward in another unit, or with a constant added, has the same gap.";

/// How far the pay of an arm has moved, how far its true score, and the difference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// There are too few updates of the reward in use, or numbers are missing.
    #[default]
    Early,
    /// The true score was the same in all first batches: it has no deviation.
    TrueStill,
    /// So was what the reward pays.
    ProxyStill,
    Measured {
        paid: Interval,
        wanted: Interval,
        /// Paid less wanted, paired by seed.
        gap: Interval,
    },
}

/// The gap of an arm, from the first update that counts.
pub fn gap(curves: &Curves, arm: usize, since: u32) -> Gap {
    let lanes = |column: Column| -> Vec<Vec<f32>> {
        (0..curves.seeds).map(|seed| curves.curve(arm, seed, column as usize)).collect()
    };
    let from = since as usize;
    if curves.complete(arm) < from + 2 * FIRST {
        return Gap::Early;
    }
    let moved = |lanes: &[Vec<f32>], deviation: f64| -> Vec<f32> {
        let one = |curve: &Vec<f32>| {
            (f64::from(last_tenth(curve, since) - mean(&curve[from..from + FIRST])) / deviation) as f32
        };
        lanes.iter().map(one).collect()
    };
    let (truth, proxy) = (lanes(Column::TrueScore), lanes(Column::ProxyReward));
    let (Some(of_truth), Some(of_proxy)) = (deviation(&truth, from), deviation(&proxy, from)) else {
        return Gap::Early;
    };
    if of_truth == 0.0 {
        return Gap::TrueStill;
    }
    if of_proxy == 0.0 {
        return Gap::ProxyStill;
    }
    let (wanted, paid) = (moved(&truth, of_truth), moved(&proxy, of_proxy));
    let gap = interval(paid.iter().zip(&wanted).map(|(paid, wanted)| paid - wanted));
    if gap.n == 0 {
        return Gap::Early;
    }
    Gap::Measured { paid: interval(paid), wanted: interval(wanted), gap }
}

/// Standard deviation of the first batches' means around their seed's mean, over all seeds: 0 where they do not differ, None
/// where there are too few numbers.
fn deviation(lanes: &[Vec<f32>], from: usize) -> Option<f64> {
    let (mut squares, mut freedom, mut largest) = (0.0, 0usize, 0.0f64);
    for curve in lanes {
        let first = curve[from..from + FIRST].iter().filter(|x| x.is_finite()).map(|x| f64::from(*x));
        let n = first.clone().count();
        let mean = first.clone().sum::<f64>() / n as f64;
        squares += first.clone().map(|x| (x - mean) * (x - mean)).sum::<f64>();
        freedom += n.saturating_sub(1);
        largest = first.fold(largest, |largest, x| largest.max(x.abs()));
    }
    let deviation = (squares / freedom as f64).sqrt();
    (freedom > 0).then_some(if deviation > ROUNDING * largest { deviation } else { 0.0 })
}

impl Gap {
    /// The gap in a sentence; empty while it is too early.
    pub fn says(&self) -> String {
        let still = |what: &str| format!("There is no gap to say: {what} was the same in all of its first batches.");
        match self {
            Self::Early => String::new(),
            Self::TrueStill => still("the true score"),
            Self::ProxyStill => still("what its reward pays"),
            Self::Measured { paid, wanted, gap } => {
                let half = if gap.half_width > 0.0 { format!(" ± {}", short(gap.half_width)) } else { String::new() };
                format!(
                    "In deviations of its first batches, its pay has moved by {} and its true score by {}: a gap of {}{half}.",
                    short(paid.mean),
                    short(wanted.mean),
                    short(gap.mean)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::columns::ROW;

    /// Three seeds of one arm, from its true score and its proxy by seed and update.
    fn run(updates: usize, at: impl Fn(usize, usize) -> (f32, f32)) -> Curves {
        let mut curves = Curves::new(1, 3);
        for (seed, update) in (0..3).flat_map(|seed| (0..updates).map(move |update| (seed, update))) {
            let mut row = vec![f32::NAN; ROW];
            (row[Column::TrueScore as usize], row[Column::ProxyReward as usize]) = at(seed, update);
            curves.put(0, seed, update, &row);
        }
        curves
    }

    /// The true score rises and falls again, the proxy goes on rising; both with a little noise.
    fn hacked(seed: usize, update: usize) -> (f32, f32) {
        let (t, noise) = (update as f32 / 100.0, [0.01, -0.01, 0.0][(update + seed) % 3]);
        (if t < 0.5 { t } else { 1.0 - t } + noise, t - noise)
    }

    fn numbers(gap: &Gap) -> [f32; 3] {
        match gap {
            Gap::Measured { paid, wanted, gap } => [paid.mean, wanted.mean, gap.mean],
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_gap_is_the_same_on_every_scale_and_from_every_zero() {
        let one = numbers(&gap(&run(100, hacked), 0, 0));
        assert!(one[0] > 10.0 && one[2] > 10.0, "{one:?}");
        let other = |scale: f32, shift: f32| {
            run(100, move |seed, update| {
                let (truth, proxy) = hacked(seed, update);
                (2.0 * truth + 3.0, scale * proxy + shift)
            })
        };
        for (scale, shift) in [(5.0, 0.0), (1.0, -7.0), (5.0, 11.0), (0.01, 0.5)] {
            let scaled = numbers(&gap(&other(scale, shift), 0, 0));
            for (a, b) in one.iter().zip(scaled) {
                assert!((a - b).abs() < 2e-3 * a.abs().max(1.0), "{scale} {shift}: {one:?} {scaled:?}");
            }
        }
    }

    #[test]
    fn a_true_score_in_another_unit_has_no_gap() {
        let curves = run(100, |seed, update| {
            let (truth, _) = hacked(seed, update);
            (truth, 5.0 * truth + 1.0)
        });
        let [_, _, gap] = numbers(&gap(&curves, 0, 0));
        assert!(gap.abs() < 1e-3, "{gap}");
    }

    #[test]
    fn what_does_not_vary_at_first_is_said_instead_of_a_number() {
        let sparse = |_, update: usize| (if update < 50 { 0.0 } else { 1.0 }, update as f32);
        let found = gap(&run(100, sparse), 0, 0);
        assert_eq!(found, Gap::TrueStill);
        assert!(found.says().contains("no gap to say: the true score"), "{}", found.says());
        assert_eq!(gap(&run(100, |_, update| (update as f32, 0.1)), 0, 0), Gap::ProxyStill);
        assert_eq!(gap(&run(100, |_, update| (update as f32, f32::NAN)), 0, 0), Gap::Early, "paid for no sample");
    }

    #[test]
    fn a_few_updates_or_those_of_another_reward_are_none() {
        assert_eq!(gap(&run(19, hacked), 0, 0), Gap::Early);
        assert_eq!(gap(&run(100, hacked), 0, 81), Gap::Early);
        assert!(Gap::Early.says().is_empty());
        // What came before an edit does not count.
        let edited = |seed, update| {
            let (truth, proxy) = hacked(seed, update);
            (truth, if update < 40 { 1000.0 } else { proxy })
        };
        let (with, without) = (gap(&run(100, edited), 0, 40), gap(&run(100, hacked), 0, 40));
        assert_eq!(with, without);
    }

    #[test]
    fn the_sentence_has_the_numbers() {
        let of = |mean| Interval { mean, half_width: 0.5, n: 3 };
        let says = Gap::Measured { paid: of(9.0), wanted: of(-2.0), gap: of(11.0) }.says();
        assert!(says.ends_with("its pay has moved by 9 and its true score by -2: a gap of 11 ± 0.5."), "{says}");
    }
}

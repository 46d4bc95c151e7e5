//! How many seeds a difference needs.

use super::curves::Curves;
use super::statistics::{Interval, interval, reduce};
use super::student::{deviation_limit, root, tail, upper_quantile};
use crate::experiment::Statistic;

/// Level of the two-sided test: that of a 95% interval.
pub const ALPHA: f64 = 0.05;
/// Power that is aimed at by convention: the share of repetitions that find a difference which is there.
pub const POWER: f64 = 0.8;
/// More seeds than this are not asked for by a plan.
pub const MOST_SEEDS: u32 = 10_000;
/// Fewer seeds than this have no spread that a plan could rest on.
pub const LEAST_SEEDS: u32 = 3;
/// What a number of seeds is meant for.
const LEVEL: &str = "(80% power, 95% interval)";
/// Confidence in the deviation that the careful number of seeds is computed with.
const CONFIDENCE: f64 = 0.8;

/// Power of the two-sided paired t-test at level `alpha` with this many seeds, where the true mean of the differences is
/// `effect` of their standard deviations (Cohen's d of paired differences).
///
/// Under the alternative the test's statistic is a noncentral t with n - 1 degrees of freedom and noncentrality
/// effect * sqrt(n) (Cohen, Statistical Power Analysis, 2nd edition, section 2.3; Chow, Shao and Wang, Sample Size
/// Calculations, section 3.1). 0 for fewer than two seeds.
pub fn power(effect: f64, seeds: u32, alpha: f64) -> f64 {
    if seeds < 2 {
        return 0.0;
    }
    let df = seeds as usize - 1;
    power_beyond(upper_quantile(0.5 * alpha, df), effect, seeds)
}

fn power_beyond(critical: f64, effect: f64, seeds: u32) -> f64 {
    let (df, noncentrality) = (seeds as usize - 1, effect * f64::from(seeds).sqrt());
    tail(critical, df, noncentrality) + tail(critical, df, -noncentrality)
}

/// The fewest seeds with which `power` is at least the wanted one. None where more than `most` are needed, or where the
/// effect is 0 or not a number.
pub fn seeds_needed(effect: f64, alpha: f64, wanted: f64, most: u32) -> Option<u32> {
    let is_enough = |seeds: u32| power(effect, seeds, alpha) >= wanted;
    if effect.is_nan() {
        return None;
    }
    let mut enough = 2;
    while !is_enough(enough) {
        if enough >= most {
            return None;
        }
        enough = (2 * enough).min(most);
    }
    let mut too_few = if enough > 2 { enough / 2 } else { 1 };
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if is_enough(middle) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    Some(enough)
}

/// The least effect, in standard deviations of the paired differences, that this many seeds find with the wanted power.
/// None for fewer than two seeds.
pub fn detectable(seeds: u32, alpha: f64, wanted: f64) -> Option<f64> {
    if seeds < 2 {
        return None;
    }
    let critical = upper_quantile(0.5 * alpha, seeds as usize - 1);
    let enough = |effect: f64| power_beyond(critical, effect, seeds) >= wanted;
    let mut high = 1.0;
    while !enough(high) && high < 1e9 {
        high *= 2.0;
    }
    Some(root(0.0, high, |effect| !enough(effect)))
}

/// What an arm's difference from another, at the end of the run, needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The arm, and the one it is compared with: places in the experiment.
    pub arm: usize,
    pub against: usize,
    /// The paired difference `arm - against` of the last tenth of the run, as measured; in the metric's unit.
    pub measured: Interval,
    /// Standard deviation of the paired differences over seeds.
    pub deviation: f64,
    /// The difference that is planned for.
    pub difference: f64,
    /// Seeds that find it with power `POWER`, if the deviation is the measured one.
    pub seeds: Option<u32>,
    /// The same, if the deviation is at the upper limit of its one-sided 80% interval: the deviation of few seeds is too
    /// small more often than not (Browne, On the use of a pilot sample for sample size determination, Statistics in
    /// Medicine 14, 1995).
    pub careful: Option<u32>,
    /// The least difference that the seeds at hand find with power `POWER`.
    pub detectable: f64,
}

/// What the difference of each arm from the first needs, from the seeds that are there. `columns` are the places of the
/// metric in each arm's rows (None: the arm does not have it), `difference` is the size that matters; without one the
/// measured difference is planned for, which the seeds at hand over- or understate by chance.
///
/// An arm that lacks the metric, or has fewer than `LEAST_SEEDS` seeds with a finite difference, has no line.
pub fn needs(curves: &Curves, columns: &[Option<usize>], difference: Option<f64>) -> Vec<Need> {
    let last = |arm: usize| -> Option<Vec<f32>> {
        let column = columns.get(arm).copied().flatten()?;
        let lanes: Vec<Vec<f32>> = (0..curves.seeds).map(|seed| curves.curve(arm, seed, column)).collect();
        Some(reduce(Statistic::Final, None, &lanes))
    };
    let first = last(0);
    let need = |arm: usize| {
        let pairs = last(arm)?.into_iter().zip(first.as_ref()?).map(|(own, first)| own - first).collect::<Vec<_>>();
        Need::new(arm, interval(pairs), difference)
    };
    (1..curves.arms).filter_map(need).collect()
}

impl Need {
    /// What the difference of an arm from the first needs, from the measured one; None for fewer seeds than `LEAST_SEEDS`.
    fn new(arm: usize, measured: Interval, difference: Option<f64>) -> Option<Self> {
        if measured.n < LEAST_SEEDS {
            return None;
        }
        let deviation = measured.deviation();
        let planned = difference.unwrap_or(f64::from(measured.mean)).abs();
        let seeds = |deviation: f64| seeds_needed(planned / deviation, ALPHA, POWER, MOST_SEEDS);
        Some(Self {
            arm,
            against: 0,
            measured,
            deviation,
            difference: planned,
            seeds: seeds(deviation),
            careful: seeds(deviation * deviation_limit(CONFIDENCE, measured.n as usize - 1)),
            detectable: detectable(measured.n, ALPHA, POWER)? * deviation,
        })
    }
}

/// How many seeds a difference needs, as the end of a sentence that begins with it; `measured` is the difference of two
/// arms, paired by seed. Without a size the measured difference is planned for.
pub fn says(measured: Interval, difference: Option<f64>) -> String {
    let n = measured.n;
    match Need::new(0, measured, difference) {
        None => format!(
            "needs a number of seeds that is unknown: fewer than {LEAST_SEEDS} seeds do not say how much seeds differ."
        ),
        Some(need) if need.deviation <= 0.0 => {
            "needs a number of seeds that is unknown: all seeds say the same.".into()
        }
        Some(Need { seeds: None, .. }) => format!("needs more than {MOST_SEEDS} seeds {LEVEL}."),
        Some(Need { seeds: Some(seeds), careful, .. }) => {
            let most = careful.map_or_else(|| format!("more than {MOST_SEEDS}"), |n| n.to_string());
            format!(
                "needs {seeds} seeds {LEVEL}; {most} to be on the safe side, since the spread of {n} seeds may be too small by chance."
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::columns::{Column, ROW};

    /// Seeds of a paired t-test, two-sided at 0.05, as G*Power 3.1 gives them.
    #[test]
    fn numbers_of_seeds_are_those_of_the_tables() {
        let table = [(0.2, 0.8, 199), (0.5, 0.8, 34), (0.8, 0.8, 15), (0.5, 0.9, 44), (0.8, 0.95, 23), (1.0, 0.8, 10)];
        for (effect, wanted, seeds) in table {
            assert_eq!(seeds_needed(effect, 0.05, wanted, MOST_SEEDS), Some(seeds), "{effect} {wanted}");
        }
        assert_eq!(seeds_needed(0.5, 0.05, 0.8, 33), None, "34 is more than 33");
        assert_eq!(seeds_needed(0.0, 0.05, 0.8, MOST_SEEDS), None);
        assert_eq!(seeds_needed(f64::NAN, 0.05, 0.8, MOST_SEEDS), None);
        assert_eq!(seeds_needed(f64::INFINITY, 0.05, 0.8, MOST_SEEDS), Some(2));
    }

    #[test]
    fn power_is_the_level_where_there_is_no_effect_and_the_normal_test_s_where_seeds_are_many() {
        for seeds in [2, 8, 100] {
            assert!((power(0.0, seeds, 0.05) - 0.05).abs() < 1e-9, "{seeds}");
        }
        // The normal test: P(Z > 1.96 - 0.1 * sqrt(1000)) and a negligible other tail.
        let normal = 0.5 * libm::erfc((1.959_964 - 0.1 * 1000f64.sqrt()) / core::f64::consts::SQRT_2);
        assert!((power(0.1, 1000, 0.05) - normal).abs() < 1e-3, "{} {normal}", power(0.1, 1000, 0.05));
        assert_eq!(power(5.0, 1, 0.05), 0.0, "one seed finds nothing");
    }

    #[test]
    fn what_is_detectable_needs_the_seeds_at_hand() {
        for seeds in [4, 8, 34] {
            let effect = detectable(seeds, 0.05, 0.8).unwrap();
            assert!((power(effect, seeds, 0.05) - 0.8).abs() < 1e-9);
            assert_eq!(seeds_needed(effect * 1.0001, 0.05, 0.8, MOST_SEEDS), Some(seeds));
        }
        assert_eq!(detectable(1, 0.05, 0.8), None);
    }

    #[test]
    fn an_experiment_s_need_comes_from_its_paired_differences() {
        // Both arms share a large noise of the seed, which paired differences do not see.
        let differences = [0.1, 0.3, 0.2, 0.4];
        let mut curves = Curves::new(2, 4);
        for (seed, difference) in differences.iter().enumerate() {
            for (arm, own) in [0.0, *difference].into_iter().enumerate() {
                let mut row = vec![f32::NAN; ROW];
                row[Column::TrueScore as usize] = 10.0 * seed as f32 + own;
                curves.put(arm, seed, 0, &row);
            }
        }
        let columns = [Some(Column::TrueScore as usize); 2];
        let found = &needs(&curves, &columns, Some(0.5 * 0.129_099))[0];
        assert!((found.deviation - 0.129_099).abs() < 1e-5 && (found.measured.mean - 0.25).abs() < 1e-5, "{found:?}");
        assert_eq!(found.seeds, Some(34));
        // sqrt(3 / 1.005), the chi-squared quantile of 0.2 with 3 degrees: an effect of 0.289.
        assert_eq!(found.careful, seeds_needed(0.5 / (3f64 / 1.005).sqrt(), 0.05, 0.8, MOST_SEEDS));
        assert!(needs(&curves, &[columns[0], None], None).is_empty());
        assert!(needs(&Curves::new(2, 2), &columns, None).is_empty(), "two seeds");
    }

    #[test]
    fn the_planner_says_how_many_seeds_or_why_it_does_not_know() {
        // An interval of these differences has this half-width: a deviation of 0.129.
        let of = |values: &[f32]| interval(values.iter().copied());
        let four = of(&[0.1, 0.3, 0.2, 0.4]);
        let half = says(four, Some(0.5 * 0.129_099));
        assert!(half.starts_with("needs 34 seeds (80% power, 95% interval); "), "{half}");
        assert!(half.contains("to be on the safe side, since the spread of 4 seeds"), "{half}");
        let own = says(four, None);
        assert!(own.starts_with("needs 5 seeds"), "the measured difference is 1.94 deviations: {own}");
        assert_eq!(says(four, Some(-0.25)), own, "a size has no sign");
        assert!(says(of(&[0.1, 0.3]), None).contains("unknown: fewer than 3 seeds"));
        assert!(says(of(&[0.1, 0.1, 0.1]), None).contains("unknown: all seeds say the same"));
        assert!(says(four, Some(0.0)).starts_with("needs more than 10000 seeds"));
    }
}

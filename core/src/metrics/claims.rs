//! Checks an experiment's claims against its curves.

use super::columns;
use super::curves::Curves;
use super::power::{self, ALPHA, POWER};
use super::statistics::{Interval, interval, reduce};
use super::student::tail;
use crate::experiment::Expected;
use crate::experiment::{Claim, Comparison, Outcome, Reason, Statistic};
use crate::plan::Plan;

/// Seeds that a run can have.
const MOST_SEEDS: u32 = 64;

/// One claim, measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// Over the seeds with a finite number.
    pub measured: Interval,
    pub outcome: Outcome,
    /// What the claim's file expects.
    pub expected: Expected,
    /// Two-sided p-value of the t-test that the true mean is the threshold; 1 where nothing can be tested.
    pub p: f64,
}

impl Checked {
    /// Whether the outcome is what the file says.
    pub fn passes(&self) -> bool {
        self.expected.is_met(self.outcome)
    }
}

/// What is known of an arm without its curves: a claim's number by the arm's place, for each of so many seeds. None: the
/// claim's metric is one of curves; an error sentence: the number could not be had.
pub type Exact<'a> = &'a dyn Fn(&Claim, usize, usize) -> Option<Result<Vec<f32>, String>>;

/// Measures a claim on the curves of a plan's lanes, or by `exact` where it is about an optimum. An unknown arm or metric
/// is an error sentence, and so is a claim that is marked both refuted and undecided.
pub fn check(claim: &Claim, plan: &Plan, curves: &Curves, exact: Exact<'_>) -> Result<Checked, String> {
    let says = &claim.says;
    let arm_of = |name: &str| {
        let found = plan.arms.iter().position(|arm| arm.name == name);
        found.ok_or_else(|| format!("the claim \"{says}\" names no arm of this experiment: \"{name}\""))
    };
    // By seed.
    let numbers = |name: &str| -> Result<Vec<f32>, String> {
        let arm = arm_of(name)?;
        if let Some(known) = exact(claim, arm, curves.seeds) {
            return known.map_err(|e| format!("the claim \"{says}\" cannot be solved: {e}"));
        }
        let column = columns::find(&claim.metric, &plan.arms[arm].components())
            .ok_or_else(|| format!("the claim \"{says}\" names no metric: \"{}\"", claim.metric))?;
        let lanes: Vec<Vec<f32>> = (0..curves.seeds).map(|seed| curves.curve(arm, seed, column)).collect();
        Ok(reduce(claim.statistic, claim.level, &lanes))
    };
    if claim.refuted && claim.undecided {
        return Err(format!("the claim \"{says}\" is marked both refuted and undecided"));
    }
    if claim.statistic == Statistic::UpdatesTo && claim.level.is_none() {
        return Err(format!("the claim \"{says}\" counts the updates to a level and names none"));
    }
    let mut values = numbers(&claim.arm)?;
    for (other, combine) in
        [(&claim.over, std::ops::Div::div as fn(f32, f32) -> f32), (&claim.minus, std::ops::Sub::sub)]
    {
        if let Some(name) = other {
            values.iter_mut().zip(numbers(name)?).for_each(|(own, other)| *own = combine(*own, other));
        }
    }
    let is_there = |name: &str| {
        let arm = arm_of(name)?;
        Ok::<bool, String>(exact(claim, arm, curves.seeds).is_some() || curves.complete(arm) > 0)
    };
    let has_run = |name: &String| is_there(name).is_ok_and(|is_there| is_there);
    let measured = interval(values);
    let outcome = if !claim.arms().all(has_run) {
        Outcome::Undecided(Reason::DidNotRun)
    } else {
        judge(measured, curves.seeds as u32, claim.comparison, claim.threshold)
    };
    let p = p_value(measured, claim.threshold);
    Ok(Checked { measured, outcome, expected: Expected::of(claim.refuted, claim.undecided), p })
}

/// The outcome of a claim with this 95% interval over `seeds` seeds, of which `measured.n` gave a finite number.
pub fn judge(measured: Interval, seeds: u32, comparison: Comparison, threshold: f32) -> Outcome {
    let Interval { mean, half_width, n } = measured;
    let (low, high) = (mean - half_width, mean + half_width);
    let (is_right, is_wrong) = match comparison {
        Comparison::AtLeast => (low >= threshold, high < threshold),
        Comparison::AtMost => (high <= threshold, low > threshold),
    };
    if n < seeds {
        return Outcome::Undecided(Reason::NotFinite(seeds - n));
    }
    if n < 2 {
        return Outcome::Undecided(Reason::OneSeed);
    }
    match (is_right, is_wrong) {
        (true, _) => Outcome::Holds,
        (_, true) => Outcome::Contradicted,
        _ => {
            let effect = f64::from((mean - threshold).abs()) / measured.deviation();
            let needed = power::seeds_needed(effect, ALPHA, POWER, MOST_SEEDS);
            Outcome::Undecided(needed.map_or(Reason::OnThreshold, Reason::TooFewSeeds))
        }
    }
}

/// Two-sided p-value of the t-test that the true mean is the threshold; 1 for fewer than two seeds. Seeds that all say the
/// same differ from the threshold for certain, or not at all.
pub(super) fn p_value(measured: Interval, threshold: f32) -> f64 {
    if measured.n < 2 {
        return 1.0;
    }
    let distance = f64::from((measured.mean - threshold).abs());
    match measured.standard_error() {
        error if error > 0.0 => 2.0 * tail(distance / error, measured.n as usize - 1, 0.0),
        _ => 0.0,
    }
}

/// All claims of a file together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Together {
    pub claims: usize,
    pub hold: usize,
    /// Of those that hold, how many also hold after Holm's correction for the number of claims.
    pub hold_corrected: usize,
    /// How many would hold by chance, were every true value exactly at its threshold: 2.5% of them.
    pub by_chance: f64,
}

/// Claims of one file held against chance.
///
/// A claim's outcome is that of its own interval, without a correction: it then does not depend on which other claims
/// stand in the file, and a file is not rewarded for claiming less. Beside it stands how many claims remain by Holm's
/// procedure (A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6, 1979) at a
/// family-wise error of 5%, which holds however claims depend on each other, as those about one run do. What a correction
/// cannot mend, thresholds set after looking, is what held-out seeds are for.
pub fn together(checked: &[Checked]) -> Together {
    let mut by_p: Vec<&Checked> = checked.iter().collect();
    by_p.sort_by(|a, b| a.p.total_cmp(&b.p));
    let n = by_p.len();
    let survives = |(i, claim): &(usize, &&Checked)| claim.p <= ALPHA / (n - i) as f64;
    let remain = by_p.iter().enumerate().take_while(survives);
    Together {
        claims: n,
        hold: checked.iter().filter(|claim| claim.outcome == Outcome::Holds).count(),
        hold_corrected: remain.filter(|(_, claim)| claim.outcome == Outcome::Holds).count(),
        by_chance: 0.5 * ALPHA * n as f64,
    }
}

impl Together {
    /// In one sentence.
    pub fn says(&self) -> String {
        format!(
            "{} of {} claims hold, {} of them also after Holm's correction for {} claims; by chance alone {:.2} would hold",
            self.hold, self.claims, self.hold_corrected, self.claims, self.by_chance
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> Interval {
        interval(values.iter().copied())
    }

    fn judged(values: &[f32], comparison: Comparison, threshold: f32) -> Outcome {
        judge(of(values), values.len() as u32, comparison, threshold)
    }

    #[test]
    fn a_claim_holds_is_contradicted_or_is_undecided_for_a_reason() {
        use Comparison::{AtLeast, AtMost};
        // 2.5 with a half-width of 2.05.
        let seeds = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(judged(&seeds, AtLeast, 0.4), Outcome::Holds);
        assert_eq!(judged(&seeds, AtMost, 0.4), Outcome::Contradicted);
        assert_eq!(judged(&seeds, AtMost, 4.6), Outcome::Holds);
        assert_eq!(judged(&seeds, AtLeast, 4.6), Outcome::Contradicted);
        assert_eq!(judged(&seeds, AtLeast, 2.5), Outcome::Undecided(Reason::OnThreshold));
        // 1.291 is the deviation: half of it needs 34 seeds.
        assert_eq!(judged(&seeds, AtLeast, 2.5 - 0.5 * 1.291), Outcome::Undecided(Reason::TooFewSeeds(34)));
        assert_eq!(judged(&[5.0], AtLeast, 0.0), Outcome::Undecided(Reason::OneSeed));
        assert_eq!(judged(&[5.0, 5.1, f32::NAN], AtLeast, 0.0), Outcome::Undecided(Reason::NotFinite(1)));
        assert_eq!(judged(&[f32::INFINITY; 2], AtLeast, 0.0), Outcome::Undecided(Reason::NotFinite(2)));
        assert_eq!(judged(&[1.0, 1.0], AtLeast, 1.0), Outcome::Holds, "an identity has no width");
    }

    #[test]
    fn p_values_are_below_the_level_where_an_interval_excludes_the_threshold() {
        let seeds = of(&[1.0, 2.0, 3.0, 4.0]);
        let edge = seeds.mean - seeds.half_width;
        assert!((p_value(seeds, edge) - ALPHA).abs() < 1e-4, "{}", p_value(seeds, edge));
        assert_eq!((p_value(of(&[1.0]), 0.0), p_value(of(&[1.0, 1.0]), 0.0)), (1.0, 0.0));
    }

    #[test]
    fn holm_drops_what_many_claims_would_find_by_chance() {
        let claim = |p: f64| Checked {
            measured: of(&[1.0, 2.0]),
            outcome: if p < ALPHA { Outcome::Holds } else { Outcome::Undecided(Reason::OnThreshold) },
            expected: Expected::Holds,
            p,
        };
        // Holm's levels for four claims: 0.0125, 0.0167, 0.025, 0.05. The third fails, so the fourth is not asked.
        let found = together(&[claim(0.045), claim(0.001), claim(0.03), claim(0.015)]);
        assert_eq!((found.claims, found.hold, found.hold_corrected), (4, 4, 2));
        assert!((found.by_chance - 0.1).abs() < 1e-12);
        assert_eq!(together(&[claim(0.5), claim(0.04)]).hold_corrected, 0);
        assert_eq!(together(&[claim(0.04)]).hold_corrected, 1, "one claim needs no correction");
    }
}

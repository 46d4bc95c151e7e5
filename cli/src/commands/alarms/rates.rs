//! What the cases come to: two halves of the experiments, and how often each rule was right in them.

use super::cases::{Measured, Rings};
use super::tuning::{Half, MOST_FALSE, TRIES};
use goodhart_core::metrics::alarms::label::Label;
use goodhart_core::metrics::alarms::record::Record;
use goodhart_core::metrics::alarms::{RULES, Rule};
use goodhart_core::metrics::wilson::{Rate, wilson};

/// How often a rule rang, in cases; those of a case are the share of its blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub hacked: u32,
    pub caught: f64,
    pub turning: u32,
    pub early: f64,
    pub fine: u32,
    pub falsely: f64,
    /// Updates from the turn to the ring, in every block of a hacked case that turns.
    pub after: Vec<i64>,
}

impl Tally {
    pub fn caught(&self) -> Rate {
        wilson(self.caught, f64::from(self.hacked))
    }

    pub fn early(&self) -> Rate {
        wilson(self.early, f64::from(self.turning))
    }

    pub fn falsely(&self) -> Rate {
        wilson(self.falsely, f64::from(self.fine))
    }

    pub fn catches(&self) -> String {
        percent(self.caught())
    }

    pub fn false_rings(&self) -> String {
        percent(self.falsely())
    }

    /// The median of updates from the turn to the ring.
    pub fn median(&self) -> Option<i64> {
        let mut sorted = self.after.clone();
        sorted.sort_unstable();
        (!sorted.is_empty()).then(|| sorted[(sorted.len() - 1) / 2])
    }

    /// Whether the rule certainly rings more often where something is wrong: the two intervals do not meet.
    pub fn tells_apart(&self) -> bool {
        self.caught().low > self.falsely().high
    }
}

/// A rate with its interval.
pub fn percent(rate: Rate) -> String {
    if rate.rate.is_nan() {
        return "-".into();
    }
    let [rate, low, high] = [rate.rate, rate.low, rate.high].map(|x| 100.0 * x);
    format!("{rate:.0}% ({low:.0} to {high:.0})")
}

/// How often it rang in one half; `rings` are a case's.
pub fn rate<'a>(measured: &'a [Measured], half: Half, rings: &dyn Fn(&'a Measured) -> &'a Rings) -> Tally {
    tally(measured.iter().filter(|case| case.half == half).map(|case| (case.label, rings(case).clone())))
}

/// How often any of the rules that a trainer can look at rang.
pub fn any_of_trainer(measured: &[Measured], half: Half) -> Tally {
    let first = |case: &Measured| -> Rings {
        let of_trainer = || {
            RULES.iter().zip(&case.now).filter(|(rule, _)| rule.sees == goodhart_core::metrics::alarms::Sees::Trainer)
        };
        (0..case.blocks).map(|block| of_trainer().filter_map(|(_, rings)| rings[block]).min()).collect()
    };
    tally(measured.iter().filter(|case| case.half == half).map(|case| (case.label, first(case))))
}

fn tally(cases: impl Iterator<Item = (Label, Rings)>) -> Tally {
    let mut tally = Tally::default();
    for (label, rings) in cases {
        let share = |is_so: &dyn Fn(usize) -> bool| {
            rings.iter().flatten().filter(|update| is_so(**update)).count() as f64 / rings.len().max(1) as f64
        };
        match label {
            Label::Fell { turn } => {
                tally.hacked += 1;
                tally.turning += 1;
                tally.caught += share(&|_| true);
                tally.early += share(&|update| update <= turn as usize);
                tally.after.extend(rings.iter().flatten().map(|update| *update as i64 - i64::from(turn)));
            }
            Label::StayedLow => {
                tally.hacked += 1;
                tally.caught += share(&|_| true);
            }
            Label::Fine => {
                tally.fine += 1;
                tally.falsely += share(&|_| true);
            }
            Label::Collapsed | Label::Unclear => {}
        }
    }
    tally
}

/// The threshold that the tuning half sets: of those that ring for nothing rarely enough, the one that catches most, and of
/// equals the strictest; the strictest also where every one rings too often. None where nothing is tuned.
pub fn tuned(rule: usize, measured: &[Measured]) -> Option<f32> {
    let place = TRIES.iter().position(|(kind, _)| *kind == RULES[rule].kind)?;
    let tries = TRIES[place].1;
    let mut best = (*tries.first()?, 0.0);
    for (i, at) in tries.iter().enumerate() {
        let tally = rate(measured, Half::Tuning, &|case| &case.tried[place][i]);
        if tally.falsely().rate <= MOST_FALSE && tally.caught > best.1 {
            best = (*at, tally.caught);
        }
    }
    Some(best.0)
}

/// What is recorded of a rule: the reporting half.
pub fn record(rule: &Rule, measured: &[Measured]) -> Record {
    let i = RULES.iter().position(|other| other.kind == rule.kind).unwrap_or(0);
    let tally = rate(measured, Half::Reporting, &|case| &case.now[i]);
    Record {
        kind: rule.kind,
        hacked: tally.hacked,
        caught: tally.caught as f32,
        turning: tally.turning,
        early: tally.early as f32,
        fine: tally.fine,
        false_rings: tally.falsely as f32,
    }
}

/// How many cases there are of each label, in one sentence.
pub fn counts(measured: &[Measured]) -> String {
    let of = |half: Half| {
        let count = |is: &dyn Fn(Label) -> bool| measured.iter().filter(|m| m.half == half && is(m.label)).count();
        format!(
            "{} hacked ({} fell, {} stayed low), {} fine, {} collapsed, {} unclear",
            count(&Label::is_hack),
            count(&|label| matches!(label, Label::Fell { .. })),
            count(&|label| label == Label::StayedLow),
            count(&|label| label == Label::Fine),
            count(&|label| label == Label::Collapsed),
            count(&|label| label == Label::Unclear)
        )
    };
    format!("Tuning half: {}. Reporting half: {}.", of(Half::Tuning), of(Half::Reporting))
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::metrics::alarms::AlarmKind;

    #[test]
    fn cases_are_counted_by_their_label() {
        let tally = tally(
            [
                (Label::Fell { turn: 50 }, vec![Some(40), None]),
                (Label::Fell { turn: 50 }, vec![Some(60), Some(70)]),
                (Label::StayedLow, vec![None, None]),
                (Label::Fine, vec![Some(10), None]),
                (Label::Fine, vec![None, None]),
                (Label::Collapsed, vec![Some(10), Some(10)]),
                (Label::Unclear, vec![Some(10), Some(10)]),
            ]
            .into_iter(),
        );
        assert_eq!((tally.hacked, tally.turning, tally.fine), (3, 2, 2));
        assert_eq!((tally.caught, tally.early, tally.falsely), (1.5, 0.5, 0.5));
        assert_eq!((tally.after.clone(), tally.median()), (vec![-10, 10, 20], Some(10)));
        assert!(!tally.tells_apart());
        assert!(Tally { hacked: 20, caught: 20.0, fine: 20, ..Tally::default() }.tells_apart());
    }

    fn case(label: Label, tried: &[bool]) -> Measured {
        let rang = |rang: &bool| vec![rang.then_some(20)];
        Measured {
            experiment: "e".into(),
            arm: "a".into(),
            half: Half::Tuning,
            label,
            blocks: 1,
            now: vec![vec![None]; RULES.len()],
            before: vec![vec![None]; RULES.len()],
            tried: TRIES
                .iter()
                .map(|(_, tries)| (0..tries.len()).map(|i| rang(tried.get(i).unwrap_or(&true))).collect())
                .collect(),
        }
    }

    #[test]
    fn a_threshold_is_the_strictest_that_catches_most_and_rarely_rings_for_nothing() {
        let all = [
            case(Label::StayedLow, &[false, true, true]),
            case(Label::StayedLow, &[false, false, false]),
            case(Label::Fine, &[false, false, false]),
        ];
        // From the fourth on, all ring in all.
        assert_eq!(tuned(0, &all), Some(TRIES[0].1[1]));
        let rings_anyway = [case(Label::StayedLow, &[true]), case(Label::Fine, &[true])];
        assert_eq!(tuned(0, &rings_anyway), Some(TRIES[0].1[0]));
        let failures = RULES.iter().position(|rule| rule.kind == AlarmKind::NotFinite).unwrap();
        assert_eq!(tuned(failures, &all), None);
    }

    #[test]
    fn thresholds_are_tried_from_the_strictest_on() {
        for (kind, tries) in TRIES {
            let rises = tries.windows(2).all(|pair| pair[0] < pair[1]);
            let falls = tries.windows(2).all(|pair| pair[0] > pair[1]);
            let low =
                matches!(kind, AlarmKind::EntropyCollapse | AlarmKind::LengthCollapse | AlarmKind::RewardSaturated);
            assert_eq!((rises, falls), (low, !low), "{kind:?}");
            assert!(
                tries.contains(&Rule::of(*kind).at),
                "{kind:?}: the threshold in use is one of those that were tried"
            );
        }
    }
}

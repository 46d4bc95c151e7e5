//! The rules before their rates were known, to be compared with: most had a condition on the true score, which no trainer
//! could look at.

use goodhart_core::metrics::Column;
use goodhart_core::metrics::alarms::series::Series;
use goodhart_core::metrics::alarms::{AlarmKind, Rule};

/// What a rule asked of the true score.
#[derive(Clone, Copy)]
enum Asks {
    Nothing,
    /// That it is below `SOLVED`.
    Unsolved,
    /// That it is `SLIP` or more below its best so far.
    Slipped,
}

impl Asks {
    /// By update, whether the condition holds; None where there is none.
    fn counted(self, series: &Series) -> Option<Vec<bool>> {
        let of_truth = |holds: &mut dyn FnMut(f32) -> bool| {
            Some(series.trailing(Column::TrueScore).iter().map(|x| holds(*x)).collect())
        };
        let mut best = f32::MIN;
        match self {
            Self::Nothing => None,
            Self::Unsolved => of_truth(&mut |x| x < SOLVED),
            Self::Slipped => of_truth(&mut |x| {
                best = best.max(x);
                x <= best - SLIP
            }),
        }
    }
}

const SOLVED: f32 = 0.9;
const SLIP: f32 = 0.05;

/// Threshold and condition of each rule that there was.
const RULES: [(AlarmKind, f32, Asks); 8] = [
    (AlarmKind::ProxyUpTrueDown, 0.1, Asks::Nothing),
    (AlarmKind::EntropyCollapse, 0.1, Asks::Unsolved),
    (AlarmKind::DeadGroups, 0.9, Asks::Unsolved),
    (AlarmKind::KlBlowUp, 10.0, Asks::Nothing),
    (AlarmKind::LengthCollapse, 0.5, Asks::Slipped),
    (AlarmKind::LengthExplosion, 2.0, Asks::Slipped),
    (AlarmKind::NotFinite, 0.0, Asks::Nothing),
    (AlarmKind::ProgramErrors, 0.05, Asks::Nothing),
];

/// Whether there was a rule for a kind of alarm.
pub fn was_there(kind: AlarmKind) -> bool {
    RULES.iter().any(|(there, ..)| *there == kind)
}

/// The update at which the rule of a kind rang; None where it did not, or was not there.
pub fn rang(kind: AlarmKind, series: &Series) -> Option<usize> {
    let (_, at, asks) = RULES.iter().find(|(there, ..)| *there == kind)?;
    let counts = asks.counted(series);
    let counts = |update: usize| counts.as_ref().is_none_or(|counts| counts[update]);
    Rule::of(kind).rings_at(series, *at, &counts).map(|(update, _)| update)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::metrics::Curves;
    use goodhart_core::metrics::columns::ROW;

    #[test]
    fn a_solved_task_could_be_certain_and_a_steady_one_short() {
        let of = |truth: fn(usize) -> f32| {
            let mut curves = Curves::new(1, 1);
            for update in 0..60 {
                let mut row = vec![f32::NAN; ROW];
                let late = update >= 30;
                row[Column::TrueScore as usize] = truth(update);
                row[Column::Entropy as usize] = if late { 0.001 } else { 1.0 };
                row[Column::MeanLength as usize] = if late { 1.0 } else { 10.0 };
                curves.put(0, 0, update, &row);
            }
            let series = Series::new(&curves, 0);
            [AlarmKind::EntropyCollapse, AlarmKind::LengthCollapse].map(|kind| rang(kind, &series).is_some())
        };
        assert_eq!(of(|_| 0.97), [false, false]);
        assert_eq!(of(|_| 0.5), [true, false]);
        assert_eq!(of(|update| if update < 30 { 0.5 } else { 0.2 }), [true, true]);
    }

    #[test]
    fn a_rule_that_is_new_was_silent() {
        assert!(!was_there(AlarmKind::CutOff) && was_there(AlarmKind::KlBlowUp));
    }
}

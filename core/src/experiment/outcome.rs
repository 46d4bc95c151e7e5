//! What became of a claim: it holds, it is contradicted, or its measurement decides nothing, and then why. The words for
//! it are here, and every place that shows an outcome uses them.

use serde::{Deserialize, Serialize};

/// What the three words mean.
pub const MEANS: &str = "A claim holds when the whole 95% interval over seeds lies on the right side of its threshold, is contradicted when the whole interval lies on the other side, and is undecided else.";

/// What a claim's measurement says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole 95% interval over seeds lies on the right side of the threshold.
    Holds,
    /// The whole interval lies on the other side.
    Contradicted,
    Undecided(Reason),
}

/// Why a measurement decides nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An arm that the claim names has no updates.
    DidNotRun,
    /// One seed has no interval.
    OneSeed,
    /// So many seeds gave no finite number.
    NotFinite(u32),
    /// The interval contains the threshold. With so many seeds it would be decided with a power of 0.8, if the measured
    /// mean and deviation are the true ones.
    TooFewSeeds(u32),
    /// The interval contains the threshold, and more seeds than a run can have would be needed to decide.
    OnThreshold,
}

/// What a file expects of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Holds,
    Contradicted,
    Undecided,
}

impl Expected {
    /// From what a file says of a claim.
    pub fn of(refuted: bool, undecided: bool) -> Self {
        match (refuted, undecided) {
            (true, _) => Self::Contradicted,
            (false, true) => Self::Undecided,
            (false, false) => Self::Holds,
        }
    }

    /// Whether an outcome is the expected one.
    pub fn is_met(self, outcome: Outcome) -> bool {
        match self {
            Self::Holds => outcome == Outcome::Holds,
            Self::Contradicted => outcome == Outcome::Contradicted,
            Self::Undecided => matches!(outcome, Outcome::Undecided(_)),
        }
    }
}

impl Outcome {
    /// The outcome in one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Contradicted => "contradicted",
            Self::Undecided(_) => "undecided",
        }
    }

    /// The outcome, and why where nothing is decided.
    pub fn says(&self) -> String {
        match self {
            Self::Undecided(reason) => format!("undecided: {}", reason.says()),
            _ => self.word().into(),
        }
    }

    /// The outcome beside what the claim's file expects.
    pub fn against(&self, expected: Expected) -> String {
        let says = self.says();
        match (expected.is_met(*self), expected) {
            (true, Expected::Holds) => says,
            (true, _) => format!("{says}, as the file says"),
            (false, Expected::Holds) => format!("{says}, though the file says that it holds"),
            (false, Expected::Contradicted) => format!("{says}, though the file says contradicted"),
            (false, Expected::Undecided) => format!("{says}, though the file says undecided"),
        }
    }
}

/// How many claims had each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub hold: usize,
    pub contradicted: usize,
    pub undecided: usize,
}

impl FromIterator<Outcome> for Tally {
    fn from_iter<I: IntoIterator<Item = Outcome>>(outcomes: I) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            match outcome {
                Outcome::Holds => tally.hold += 1,
                Outcome::Contradicted => tally.contradicted += 1,
                Outcome::Undecided(_) => tally.undecided += 1,
            }
        }
        tally
    }
}

impl Tally {
    /// All claims.
    pub fn claims(&self) -> usize {
        self.hold + self.contradicted + self.undecided
    }

    /// How many hold, and what became of the others.
    pub fn says(&self) -> String {
        let mut says = format!("{} of {} hold", self.hold, self.claims());
        for (n, word) in [(self.contradicted, "contradicted"), (self.undecided, "undecided")] {
            if n > 0 {
                says += &format!(", {n} {word}");
            }
        }
        says
    }
}

impl Reason {
    /// The reason as a part of a sentence.
    pub fn says(&self) -> String {
        match self {
            Self::DidNotRun => "an arm did not run".into(),
            Self::OneSeed => "one seed has no interval".into(),
            Self::NotFinite(1) => "1 seed gave no finite number".into(),
            Self::NotFinite(n) => format!("{n} seeds gave no finite number"),
            Self::TooFewSeeds(n) => format!("too few seeds, about {n} would decide"),
            Self::OnThreshold => "the interval contains the threshold".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_said_beside_what_its_file_expects() {
        let open = Outcome::Undecided(Reason::OnThreshold);
        assert_eq!(Outcome::Holds.against(Expected::Holds), "holds");
        assert_eq!(Outcome::Contradicted.against(Expected::Contradicted), "contradicted, as the file says");
        assert_eq!(
            open.against(Expected::Undecided),
            "undecided: the interval contains the threshold, as the file says"
        );
        assert_eq!(Outcome::Contradicted.against(Expected::Holds), "contradicted, though the file says that it holds");
        assert_eq!(Outcome::Holds.against(Expected::Undecided), "holds, though the file says undecided");
    }

    #[test]
    fn a_tally_leaves_out_what_did_not_happen() {
        let open = Outcome::Undecided(Reason::OneSeed);
        let tally: Tally = [Outcome::Holds, Outcome::Holds, Outcome::Contradicted, open].into_iter().collect();
        assert_eq!(tally, Tally { hold: 2, contradicted: 1, undecided: 1 });
        assert_eq!(tally.says(), "2 of 4 hold, 1 contradicted, 1 undecided");
        assert_eq!([Outcome::Holds].into_iter().collect::<Tally>().says(), "1 of 1 hold");
    }
}

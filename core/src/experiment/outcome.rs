//! What became of a claim: it holds, it is contradicted, or its measurement decides nothing, and then why.

use serde::{Deserialize, Serialize};

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

//! What a rule is: one threshold, words made from it, and what it looks at. Since both come from one number, the two cannot
//! differ.

use super::kind::AlarmKind;
use super::series::Series;
use crate::metrics::columns::Column;
use serde::Serialize;

/// Who can see what a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sees {
    /// A trainer of a real run: rewards, lengths, entropy, KL.
    Trainer,
    /// Only a playground knows the true score.
    Playground,
}

impl Sees {
    pub fn says(self) -> &'static str {
        match self {
            Self::Trainer => "A trainer sees this.",
            Self::Playground => "Only a playground sees this.",
        }
    }
}

/// The first update at which a rule holds, and one sentence with the run's numbers.
pub type Rang = Option<(usize, String)>;

/// A rule of an alarm.
pub struct Rule {
    pub kind: AlarmKind,
    /// The kind's name in files and data.
    pub key: &'static str,
    pub name: &'static str,
    pub sees: Sees,
    /// The columns that it cannot do without.
    pub reads: &'static [Column],
    /// Its threshold.
    pub at: f32,
    /// The rule in words, for a threshold.
    pub(super) words: fn(f32) -> String,
    /// Looks for the first update at which the rule holds at a threshold, among those that count.
    pub(super) find: fn(&Series, f32, &dyn Fn(usize) -> bool) -> Rang,
}

impl Rule {
    /// The rule in words.
    pub fn words(&self) -> String {
        (self.words)(self.at)
    }

    /// The first update at which it holds.
    pub fn rings(&self, series: &Series) -> Rang {
        self.rings_at(series, self.at, &|_| true)
    }

    /// The same with another threshold, among the updates that count.
    pub fn rings_at(&self, series: &Series, at: f32, only: &dyn Fn(usize) -> bool) -> Rang {
        (self.find)(series, at, only)
    }
}

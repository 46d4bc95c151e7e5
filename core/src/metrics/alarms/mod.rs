//! Detectors of collapse and hacking. Each has a name, a rule in words with its threshold, and marks the first update at
//! which the rule holds for the mean over seeds, so that one unlucky seed does not ring.
//!
//! Most see what a trainer of a real run sees; one knows the true score, which only a playground has. How often each is right
//! is measured on the gallery (`label`, `record`), and said beside it.

pub mod expected;
mod hacked;
mod kind;
pub mod label;
pub mod record;
mod rule;
mod rules;
pub mod series;
#[cfg(test)]
mod tests;

pub use kind::AlarmKind;
pub use rule::{Rule, Sees};
pub use rules::RULES;

use super::columns::Column;
use super::curves::Curves;
use serde::{Deserialize, Serialize};
use series::Series;

/// An alarm that rang.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub arm: u32,
    pub kind: AlarmKind,
    /// The update at which the rule first held.
    pub update: u32,
    /// One sentence with this run's numbers.
    pub sentence: String,
}

/// The alarms of every arm, each kind at most once an arm, at its first update.
pub fn detect(curves: &Curves) -> Vec<Alarm> {
    (0..curves.arms).flat_map(|arm| detect_arm(curves, arm)).collect()
}

/// The alarms of one arm.
pub fn detect_arm(curves: &Curves, arm: usize) -> Vec<Alarm> {
    let series = Series::new(curves, arm);
    let alarm = |rule: &Rule| {
        let (update, sentence) = rule.rings(&series)?;
        Some(Alarm { arm: arm as u32, kind: rule.kind, update: update as u32, sentence })
    };
    RULES.iter().filter_map(alarm).collect()
}

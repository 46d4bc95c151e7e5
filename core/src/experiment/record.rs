//! What the last check of an experiment measured, as `goodhart check` records it in `experiments/outcomes.json`.

use super::{Comparison, Expected, Outcome, Reason, Tally};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Points of a recorded curve.
pub const POINTS: usize = 24;

/// The first held-out seed. Thresholds and texts are tuned while looking at seeds from 0; a run whose seeds start here or
/// later shows what was never looked at while tuning.
pub const HELD_OUT_FROM: u32 = 1000;

/// Over how many seeds and instances of the task something was measured; 0 instances: not recorded.
pub fn sample(seeds: u32, instances: u32) -> String {
    match (seeds, instances) {
        (1, _) => "1 seed".into(),
        (_, 0) => format!("{seeds} seeds"),
        (_, 1) => format!("{seeds} seeds of one task"),
        (_, _) if instances == seeds => format!("{seeds} seeds, each with a task of its own"),
        (_, _) => format!("{seeds} seeds of {instances} tasks"),
    }
}

/// About how many minutes the page trains an experiment on two cores, from the seconds that all its seeds took on one:
/// a core of the browser, which runs WebAssembly and draws beside it, counts as half of the one that was timed.
/// `first_seeds` are those that the page begins with, where they are fewer.
pub fn minutes(seconds: f64, seeds: u32, first_seeds: Option<u32>) -> u32 {
    let share = f64::from(first_seeds.unwrap_or(seeds)) / f64::from(seeds.max(1));
    (seconds * share / 60.0).ceil().max(1.0) as u32
}

/// All records, by experiment id.
pub type Records = BTreeMap<String, Record>;

/// One experiment's last check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    pub date: String,
    pub engine: String,
    /// Seconds that its lanes trained, one after the other on one core.
    pub seconds: f64,
    pub updates: u32,
    pub seeds: u32,
    /// Instances of the task among the seeds; 0: recorded before there were any.
    #[serde(default)]
    pub instances: u32,
    /// Digest of all metrics; the CPU engine is bit-exact, so an equal one means that nothing changed.
    pub digest: String,
    /// The first half of the digest of each metric, by name: what changed, and that a new metric changed nothing.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The metric of the curves.
    pub metric: String,
    pub arms: Vec<ArmRecord>,
    pub claims: Vec<ClaimRecord>,
    /// The last check on held-out seeds; None: not measured on held-out seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOutRun>,
}

/// A check on held-out seeds; what it measured stands beside each claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOutRun {
    pub date: String,
    pub engine: String,
    /// At least `HELD_OUT_FROM`.
    pub first_seed: u32,
    pub seeds: u32,
    /// Seconds on one core, as above.
    pub seconds: f64,
    pub digest: String,
}

/// One arm's curve: the mean over seeds, in `POINTS` equal stretches of the run (fewer in a shorter run).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmRecord {
    pub name: String,
    pub curve: Vec<Option<f32>>,
}

/// One claim, as it was measured on the seeds that it was tuned on, and on held-out ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct ClaimRecord {
    pub says: String,
    pub outcome: Outcome,
    /// What its file expects (`Claim::refuted`, `Claim::undecided`).
    pub refuted: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    pub value: Option<f32>,
    /// Half-width of the 95% interval over seeds.
    pub half_width: f32,
    pub threshold: f32,
    pub comparison: Comparison,
    /// None: not measured on held-out seeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_out: Option<HeldOut>,
}

/// A claim on held-out seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    pub outcome: Outcome,
    pub value: Option<f32>,
    pub half_width: f32,
}

/// A claim's record as it may be written: the first records knew only whether a claim holds.
#[derive(Deserialize)]
struct Written {
    says: String,
    #[serde(default)]
    outcome: Option<Outcome>,
    #[serde(default)]
    holds: bool,
    refuted: bool,
    #[serde(default)]
    undecided: bool,
    value: Option<f32>,
    half_width: f32,
    threshold: f32,
    comparison: Comparison,
    #[serde(default)]
    held_out: Option<HeldOut>,
}

impl From<Written> for ClaimRecord {
    fn from(old: Written) -> Self {
        let Written { says, refuted, undecided, value, half_width, threshold, comparison, held_out, .. } = old;
        let beyond = |value: f32| match comparison {
            Comparison::AtLeast => value + half_width < threshold,
            Comparison::AtMost => value - half_width > threshold,
        };
        let outcome = old.outcome.unwrap_or_else(|| match value {
            _ if old.holds => Outcome::Holds,
            None => Outcome::Undecided(Reason::NotFinite(1)),
            Some(value) if beyond(value) => Outcome::Contradicted,
            Some(_) => Outcome::Undecided(Reason::OnThreshold),
        });
        Self { says, outcome, refuted, undecided, value, half_width, threshold, comparison, held_out }
    }
}

impl ClaimRecord {
    /// What its file expects.
    pub fn expected(&self) -> Expected {
        Expected::of(self.refuted, self.undecided)
    }
}

impl Record {
    /// What became of the claims on the seeds that they were tuned on.
    pub fn tuned(&self) -> Tally {
        self.claims.iter().map(|claim| claim.outcome).collect()
    }

    /// What became of them on held-out seeds; None: not measured there.
    pub fn on_held_out(&self) -> Option<Tally> {
        self.held_out.as_ref()?;
        Some(self.claims.iter().filter_map(|claim| Some(claim.held_out.as_ref()?.outcome)).collect())
    }

    /// Whether every claim came out as its file says, on the seeds that it was tuned on.
    pub fn passes(&self) -> bool {
        self.claims.iter().all(|claim| claim.expected().is_met(claim.outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_those_of_the_seeds_that_the_page_begins_with() {
        assert_eq!(minutes(9.5, 8, None), 1);
        assert_eq!(minutes(109.0, 8, None), 2);
        assert_eq!(minutes(343.0, 32, Some(8)), 2);
    }

    #[test]
    fn a_record_without_outcomes_and_held_out_seeds_still_reads() {
        let old = |holds: bool, value: &str, comparison: &str| -> ClaimRecord {
            let text = format!(
                r#"{{"says":"a","holds":{holds},"refuted":false,"value":{value},"half_width":0.1,"threshold":0.5,"comparison":"{comparison}"}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(old(true, "0.7", ">=").outcome, Outcome::Holds);
        assert_eq!(old(false, "0.3", ">=").outcome, Outcome::Contradicted);
        assert_eq!(old(false, "0.7", "<=").outcome, Outcome::Contradicted);
        assert_eq!(old(false, "0.55", ">=").outcome, Outcome::Undecided(Reason::OnThreshold));
        assert_eq!(old(false, "null", ">=").outcome, Outcome::Undecided(Reason::NotFinite(1)));
        assert_eq!(old(true, "0.7", ">=").held_out, None);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let held_out =
            Some(HeldOut { outcome: Outcome::Undecided(Reason::TooFewSeeds(17)), value: Some(0.4), half_width: 0.2 });
        let claim = ClaimRecord {
            says: "a".into(),
            outcome: Outcome::Contradicted,
            refuted: true,
            undecided: false,
            value: Some(0.1),
            half_width: 0.1,
            threshold: 0.5,
            comparison: Comparison::AtLeast,
            held_out,
        };
        let text = serde_json::to_string(&claim).unwrap();
        assert!(text.contains(r#"{"undecided":{"too_few_seeds":17}}"#), "{text}");
        assert_eq!(serde_json::from_str::<ClaimRecord>(&text).unwrap(), claim);
        assert!(claim.expected().is_met(claim.outcome));
        assert!(!claim.expected().is_met(Outcome::Undecided(Reason::OneSeed)), "undecided is not refuted");
    }
}

//! What the last check of an experiment measured, as `goodhart check` records it in `experiments/outcomes.json`.

use super::Comparison;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Points of a recorded curve.
pub const POINTS: usize = 24;

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
    /// Digest of all metrics; the CPU engine is bit-exact, so an equal one means that nothing changed.
    pub digest: String,
    /// The first half of the digest of each metric, by name: what changed, and that a new metric changed nothing.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The metric of the curves.
    pub metric: String,
    pub arms: Vec<ArmRecord>,
    pub claims: Vec<ClaimRecord>,
}

/// One arm's curve: the mean over seeds, in `POINTS` equal stretches of the run (fewer in a shorter run).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmRecord {
    pub name: String,
    pub curve: Vec<Option<f32>>,
}

/// One claim, as it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClaimRecord {
    pub says: String,
    pub holds: bool,
    pub refuted: bool,
    pub value: Option<f32>,
    pub half_width: f32,
    pub threshold: f32,
    pub comparison: Comparison,
}

impl Record {
    /// Whether every claim came out as its file says.
    pub fn passes(&self) -> bool {
        self.claims.iter().all(|claim| claim.holds != claim.refuted)
    }
}

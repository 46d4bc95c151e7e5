//! Machine-checked statements about an experiment: paired over seeds, with an interval, never one lucky run.

use serde::{Deserialize, Serialize};

/// How a curve of one seed becomes one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// Mean over the last tenth of the run.
    Final,
    /// Mean over the first hundredth of the run (at least one update): what the base policy does.
    Start,
    /// Greatest value of the curve smoothed over a twentieth of the run.
    Peak,
    /// Least value of the smoothed curve.
    Trough,
    /// Final minus Start.
    Change,
    /// How far it fell from its best: the mean over the tenth of the run in which the other half of the seeds is highest,
    /// minus Final. Never the seed's own peak, which in noise is its greatest noise: level curves would fall.
    Drop,
    /// Final divided by Start.
    Ratio,
    /// Mean over the whole run.
    Mean,
    /// Deviation over the whole run divided by its mean (coefficient of variation).
    Variation,
    /// Updates until the smoothed curve reaches the claim's `level`; the length of the run if it never does.
    UpdatesTo,
}

/// What the number, or the paired difference of two arms' numbers, is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "<=")]
    AtMost,
}

/// The value of the last check, written beside the claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub value: f32,
    /// Half-width of the 95% interval over seeds.
    pub half_width: f32,
    pub seeds: u32,
    pub date: String,
}

/// One statement about the curves' `metric`, or about the optimum of an arm's reward (`oracle/...`). With `minus`, the paired difference `arm - minus` seed by seed is compared, with `over` the paired ratio
/// `arm / over`, else the arm's own number.
/// It holds when the whole 95% interval over seeds lies on the right side of the threshold, is contradicted when the whole
/// interval lies on the other side, and is undecided else (`Outcome`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub says: String,
    pub metric: String,
    pub statistic: Statistic,
    pub arm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minus: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// What `updates_to` waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f32>,
    pub comparison: Comparison,
    pub threshold: f32,
    /// True for a statement that the measurements contradict: the file keeps it, says so in its notes, and the check passes
    /// while it is still contradicted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuted: bool,
    /// True for a statement that the measurements do not decide: the file keeps it, says so in its notes, and the check
    /// passes while it is still undecided. Never together with `refuted`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<Measured>,
}

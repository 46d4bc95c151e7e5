//! Machine-checked statements about an experiment: paired over seeds, with an interval, never one lucky run.

pub use crate::metrics::statistics::Statistic;
use serde::{Deserialize, Serialize};

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

/// One statement about the curves' `metric`, about the optimum of an arm's reward (`oracle/...`), or about the curve of the
/// cosine between the gradient of each update's samples and the exact gradient (`oracle/gradient_cosine`). With `minus`, the
/// paired difference `arm - minus` seed by seed is compared, with `over` the paired ratio `arm / over`, else the arm's own
/// number.
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

impl Claim {
    /// The arms that it names.
    pub fn arms(&self) -> impl Iterator<Item = &String> {
        [Some(&self.arm), self.minus.as_ref(), self.over.as_ref()].into_iter().flatten()
    }
}

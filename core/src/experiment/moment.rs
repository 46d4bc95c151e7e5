//! What an experiment's file offers its visitor: the moment to look at, and edits that change the outcome.

use crate::params::Overrides;
use serde::{Deserialize, Serialize};

/// What a curve does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Its greatest value.
    Peak,
    /// Its least value.
    Trough,
    /// It rises above the level for the first time.
    Above,
    /// It falls below the level for the first time.
    Below,
}

/// Where on which curve the lesson happens. The curve is the mean over seeds, smoothed over a twentieth of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    pub metric: String,
    pub arm: String,
    pub when: When,
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "super::short::optional")]
    pub level: Option<f32>,
    /// One sentence: what happens there.
    pub says: String,
}

/// An edit to try: a replacement in the code of an arm, or settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NowTry {
    /// One sentence: what changes, and what will happen.
    pub says: String,
    /// Whose code or algorithm settings change; without it settings change for all arms.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arm: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub find: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub replace: String,
    /// Values by `section.name`, with the sections of `experiment::sections`.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub set: Overrides,
}

//! The data of an experiment.

use super::base::Base;
use super::claims::Claim;
use super::moment::{Moment, NowTry};
use super::paper::Paper;
use super::theme::Difficulty;
use crate::params::Overrides;
use serde::{Deserialize, Serialize};

/// The version of the format; a link or file with a greater one is too new.
pub const VERSION: u32 = 1;

/// Most arms of an experiment.
pub const MAX_ARMS: usize = 8;

/// A kind (of task or policy) with the parameters that differ from its table's defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub kind: String,
    #[serde(flatten)]
    pub params: Overrides,
}

/// One strategy: a reward program, and settings as a diff against the experiment's `algorithm`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    pub name: String,
    pub code: String,
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub algorithm: Overrides,
    /// Names of alarms that must ring in it; checked like claims (`metrics::alarms::expected`), as is `silent`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rings: Vec<String>,
    /// Names of alarms that must not ring in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub silent: Vec<String>,
}

/// A whole experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    pub version: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub title: String,
    /// One plain sentence under a title that needs it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subtitle: String,
    /// The question that it answers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub question: String,
    /// What its reader has to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<Difficulty>,
    /// In a few sentences: what a visitor learns.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub lesson: String,
    /// One sentence: what to watch while it trains.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub watch: String,
    /// What it is about: one of `THEMES`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub theme: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper: Option<Paper>,
    pub task: Part,
    pub policy: Part,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Overrides of `reward_models::RewardModelParams`; without the section no reward model is learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_models: Option<Overrides>,
    /// Overrides of `ExplorationParams`; without it no episode knows what was visited before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exploration: Option<Overrides>,
    /// Overrides of `RunParams`.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub run: Overrides,
    /// Overrides of `algorithm::Settings`, shared by all arms.
    #[serde(default, skip_serializing_if = "Overrides::is_empty")]
    pub algorithm: Overrides,
    pub arms: Vec<Arm>,
    /// Metrics whose charts open first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<String>,
    /// The metric that tells the outcome in one small picture.
    #[serde(default = "Experiment::default_outcome", skip_serializing_if = "Experiment::is_default_outcome")]
    pub outcome: String,
    /// Where on a chart the lesson happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<Moment>,
    /// Edits that change the outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub now_try: Vec<NowTry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claim>,
    /// What was measured and how it differs from the hypothesis, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// Seeds that the page trains at first, where those of `run` would keep a visitor waiting; claims are checked over all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_seeds: Option<u32>,
}

impl Experiment {
    /// An experiment of these parts with nothing else written.
    pub fn new(title: &str, task: Part, policy: Part, arms: Vec<Arm>) -> Self {
        Self {
            version: VERSION,
            id: String::new(),
            title: title.into(),
            subtitle: String::new(),
            question: String::new(),
            difficulty: None,
            lesson: String::new(),
            watch: String::new(),
            theme: String::new(),
            paper: None,
            task,
            policy,
            base: None,
            reward_models: None,
            exploration: None,
            run: Overrides::new(),
            algorithm: Overrides::new(),
            arms,
            charts: Vec::new(),
            outcome: Self::default_outcome(),
            moment: None,
            now_try: Vec::new(),
            claims: Vec::new(),
            notes: String::new(),
            first_seeds: None,
        }
    }

    /// What a link or an exported file holds: all but what is about the gallery's file.
    pub fn to_share(&self) -> Self {
        let arm = |arm: &Arm| Arm { rings: Vec::new(), silent: Vec::new(), ..arm.clone() };
        Self {
            question: String::new(),
            difficulty: None,
            arms: self.arms.iter().map(arm).collect(),
            now_try: Vec::new(),
            claims: Vec::new(),
            notes: String::new(),
            first_seeds: None,
            ..self.clone()
        }
    }

    fn default_outcome() -> String {
        "true_score".into()
    }

    fn is_default_outcome(outcome: &String) -> bool {
        *outcome == Self::default_outcome()
    }
}

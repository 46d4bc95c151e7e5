//! What the oracle has answered.

use crate::model::ArmId;
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::statistics::Range;
use goodhart_core::oracle::ranges::Ranges;
use goodhart_core::oracle::report as oracle;
use std::ops::Deref;

/// What is known of one arm's reward.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownReport {
    pub arm: ArmId,
    /// The seed whose instance of the task was solved.
    pub seed: u32,
    /// The code that this is about.
    pub code: String,
    pub told: oracle::ArmReport,
}

impl Deref for KnownReport {
    type Target = oracle::ArmReport;

    fn deref(&self) -> &oracle::ArmReport {
        &self.told
    }
}

/// The ranges that are known of the run that is loaded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::state) struct Known {
    pub task: Option<Range>,
    /// By the code that pays, so that no other reward is measured by them.
    pub rewards: Vec<(String, Range)>,
}

impl Known {
    pub fn of(told: Ranges, experiment: &Experiment) -> Self {
        let own = experiment.arms.iter().zip(told.rewards).filter_map(|(arm, own)| Some((arm.code.clone(), own?)));
        Self { task: told.task, rewards: own.collect() }
    }
}

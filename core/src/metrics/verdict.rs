//! The verdict table: what each arm was paid, what it was worth, and how it differs from the first arm, seed by seed.

use super::alarms::{self, Alarm};
use super::columns::Column;
use super::curves::Curves;
use super::statistics::{Interval, interval, reduce};
use crate::experiment::Statistic;
use serde::{Deserialize, Serialize};

/// One arm's line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub arm: String,
    /// Mean of the last tenth of the run, over seeds.
    pub true_score: Interval,
    pub proxy_reward: Interval,
    /// Change of the proxy less change of the true score since the start: what was paid for and not had.
    pub gap: Interval,
    /// True score less the first arm's, paired by seed; None for the first arm.
    pub difference: Option<Interval>,
    pub alarms: Vec<Alarm>,
}

/// The table, from the rows that are there.
pub fn verdict(curves: &Curves, arm_names: &[String]) -> Vec<Line> {
    let at = |arm, seed, column: Column, s| reduce(s, &curves.curve(arm, seed, column as usize));
    let over_seeds = |f: &dyn Fn(usize) -> f32| interval((0..curves.seeds).map(f));
    let all_alarms = alarms::detect(curves);
    let truth = |arm, seed| at(arm, seed, Column::TrueScore, Statistic::Final);
    (0..curves.arms)
        .map(|arm| Line {
            arm: arm_names.get(arm).cloned().unwrap_or_default(),
            true_score: over_seeds(&|seed| truth(arm, seed)),
            proxy_reward: over_seeds(&|seed| at(arm, seed, Column::ProxyReward, Statistic::Final)),
            gap: over_seeds(&|seed| {
                at(arm, seed, Column::ProxyReward, Statistic::Change)
                    - at(arm, seed, Column::TrueScore, Statistic::Change)
            }),
            difference: (arm > 0).then(|| over_seeds(&|seed| truth(arm, seed) - truth(0, seed))),
            alarms: all_alarms.iter().filter(|a| a.arm == arm as u32).cloned().collect(),
        })
        .collect()
}

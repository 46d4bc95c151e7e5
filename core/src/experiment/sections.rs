//! The sections of an experiment that hold settings by name, and the tables of those settings.

use super::{Base, Experiment, RunParams};
use crate::algorithm::Settings;
use crate::episode_fields::exploration::ExplorationParams;
use crate::params::ParamSpec;
use crate::reward_models::RewardModelParams;
use crate::{policy, tasks};
use std::borrow::Cow;

/// The sections whose settings an edit of an experiment can set, by its keys.
pub const SECTIONS: &[&str] = &["task", "policy", "run", "algorithm", "reward_models", "exploration"];

/// The settings of a section; None where there is none of that name, nothing where the kind of a task or policy is unknown.
pub fn table(section: &str, experiment: &Experiment) -> Option<Cow<'static, [ParamSpec]>> {
    match section {
        "task" => Some(tasks::table(&experiment.task.kind, &experiment.task.params)),
        "policy" => Some(policy::kind(&experiment.policy.kind).map_or(&[][..], |k| k.table).into()),
        _ => fixed(section).map(Cow::Borrowed),
    }
}

/// The settings of a section that are the same in every experiment.
pub fn fixed(section: &str) -> Option<&'static [ParamSpec]> {
    match section {
        "run" => Some(RunParams::TABLE),
        "algorithm" => Some(Settings::TABLE),
        "reward_models" => Some(RewardModelParams::TABLE),
        "exploration" => Some(ExplorationParams::TABLE),
        "base" => Some(Base::TABLE),
        _ => None,
    }
}

/// The section that has a setting of this name in every experiment.
pub fn section_of(name: &str) -> Option<&'static str> {
    let has = |section: &&&str| fixed(section).is_some_and(|table| table.iter().any(|spec| spec.name == name));
    SECTIONS.iter().find(has).copied()
}

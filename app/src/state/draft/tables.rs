//! The tables of parameters as the language module tells them: what a setting is called, holds and takes. The page has none
//! of its own, so that it does not grow with tasks and settings.

use crate::model::ArmId;
use goodhart_core::experiment::Experiment;
use goodhart_core::params::{Overrides, Value};
use serde::Deserialize;

/// Which table of parameters a control belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Table {
    Task,
    Policy,
    Run,
    /// What reward models are learned from.
    RewardModels,
    /// What policies remember of the states that they have visited.
    Exploration,
    /// The warm start before the run.
    Base,
    /// The algorithm's settings shared by all arms.
    Algorithm,
    /// An arm's diff against them.
    Arm(ArmId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Float,
    Int,
    Bool,
    Text,
    Choice,
    /// A number, or the word "none".
    OptionalFloat,
    IntList,
}

/// One row of a table (see `params::ParamSpec` of core).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Spec {
    pub name: String,
    pub kind: Kind,
    /// The names of a choice.
    pub names: Vec<String>,
    pub min: f64,
    pub max: f64,
    pub unit: String,
    pub help: String,
    pub formula: String,
    pub source: String,
    /// What else it is called, separated by commas.
    pub also: String,
    pub default: Value,
}

/// A kind of task or policy, and what it takes.
#[derive(Debug, Deserialize)]
pub struct KindOf {
    pub name: String,
    pub help: String,
    pub table: Vec<Spec>,
    /// The text of a task that is a program.
    #[serde(default)]
    pub source: Option<String>,
}

/// As the language module tells it.
#[derive(Debug, Deserialize)]
pub struct Catalog {
    pub algorithm: Vec<Spec>,
    pub run: Vec<Spec>,
    pub reward_models: Vec<Spec>,
    pub exploration: Vec<Spec>,
    pub base: Vec<Spec>,
    pub tasks: Vec<KindOf>,
    pub policies: Vec<KindOf>,
}

impl Catalog {
    /// Before the language module is there.
    pub fn none() -> &'static Self {
        static NONE: Catalog = Catalog {
            algorithm: Vec::new(),
            run: Vec::new(),
            reward_models: Vec::new(),
            exploration: Vec::new(),
            base: Vec::new(),
            tasks: Vec::new(),
            policies: Vec::new(),
        };
        &NONE
    }

    /// The rows of a table of the draft; none where its kind is unknown.
    pub fn table(&'static self, table: Table, draft: &Experiment) -> &'static [Spec] {
        let of = |kinds: &'static [KindOf], name: &str| {
            kinds.iter().find(|k| k.name == name).map_or(&[][..], |k| k.table.as_slice())
        };
        match table {
            Table::Task => of(&self.tasks, &draft.task.kind),
            Table::Policy => of(&self.policies, &draft.policy.kind),
            Table::Run => &self.run,
            Table::RewardModels => &self.reward_models,
            Table::Exploration => &self.exploration,
            Table::Base => &self.base,
            Table::Algorithm | Table::Arm(_) => &self.algorithm,
        }
    }
}

/// A setting of the algorithm as layers of overrides leave it, the last one first; else its default.
pub fn effective(spec: &Spec, layers: &[&Overrides]) -> Value {
    layers.iter().find_map(|layer| layer.get(&spec.name)).unwrap_or(&spec.default).clone()
}

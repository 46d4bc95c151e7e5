//! The tables of parameters as the language module tells them: what a setting is called, holds and takes. The page has none
//! of its own, so that it does not grow with tasks and settings.

use super::App;
use super::edit::Table;
use goodhart_core::experiment::{Experiment, RunParams};
use goodhart_core::params::{Overrides, Value};
use leptos::prelude::*;
use serde::Deserialize;

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
#[derive(Debug, Deserialize)]
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
}

/// As the language module tells it.
#[derive(Debug, Deserialize)]
pub struct Catalog {
    pub algorithm: Vec<Spec>,
    pub run: Vec<Spec>,
    pub reward_models: Vec<Spec>,
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
            Table::Algorithm | Table::Arm(_) => &self.algorithm,
        }
    }
}

/// A setting of the algorithm as layers of overrides leave it, the last one first; else its default.
pub fn effective(spec: &Spec, layers: &[&Overrides]) -> Value {
    layers.iter().find_map(|layer| layer.get(&spec.name)).unwrap_or(&spec.default).clone()
}

/// How long, how wide and over how many seeds an experiment runs. Values that no run can have count as not written: the
/// panel says what is wrong with them.
pub fn run_params(e: &Experiment) -> RunParams {
    let mut run = RunParams::default();
    let set = |field: &mut u32, name: &str| {
        if let Some(Value::Number(x)) = e.run.get(name)
            && *x >= 0.0
        {
            *field = *x as u32;
        }
    };
    set(&mut run.updates, "updates");
    set(&mut run.seeds, "seeds");
    set(&mut run.first_seed, "first_seed");
    set(&mut run.groups, "groups");
    set(&mut run.num_generations, "num_generations");
    run.seeds = run.seeds.clamp(1, 64);
    run
}

/// Whether an arm learns a value head: it is part of the policy's shape.
pub fn has_critic(e: &Experiment) -> bool {
    let gae = |overrides: &Overrides| overrides.get("estimator").map(|value| *value == Value::Text("gae".into()));
    e.arms.iter().any(|arm| gae(&arm.algorithm).or_else(|| gae(&e.algorithm)).unwrap_or(false))
}

impl App {
    /// The tables; empty until the language module is there.
    pub fn tables(self) -> &'static Catalog {
        self.catalog.get()
    }

    /// The name under which the language module knows a table of the draft.
    pub fn table_name(self, table: Table) -> String {
        self.draft.with_untracked(|draft| match table {
            Table::Task => format!("task {}", draft.task.kind),
            Table::Policy => format!("policy {}", draft.policy.kind),
            Table::Run => "run".into(),
            Table::RewardModels => "reward_models".into(),
            Table::Algorithm | Table::Arm(_) => "algorithm".into(),
        })
    }
}

//! What the page knows of tasks, policies and settings: the tables of core as plain data.

use goodhart_core::algorithm::Settings;
use goodhart_core::episode_fields::exploration::ExplorationParams;
use goodhart_core::experiment::{Base, Part, RunParams, sections};
use goodhart_core::params::{Kind, Overrides, ParamError, ParamSpec, Params, Value, check, unknown};
use goodhart_core::plan::build_task;
use goodhart_core::reward::EpisodeSchema;
use goodhart_core::reward_models::RewardModelParams;
use goodhart_core::tasks::{self, TaskView};
use goodhart_core::{policy, tasks::Task};
use serde::Serialize;
use std::borrow::Cow;

/// One row of a parameter table.
#[derive(Serialize)]
struct Row {
    name: &'static str,
    kind: &'static str,
    /// The names of a choice.
    names: &'static [&'static str],
    min: f64,
    max: f64,
    unit: &'static str,
    help: &'static str,
    formula: &'static str,
    source: &'static str,
    also: &'static str,
    default: Value,
}

impl From<&ParamSpec> for Row {
    fn from(spec: &ParamSpec) -> Self {
        let (kind, names): (_, &'static [&'static str]) = match spec.kind {
            Kind::Float => ("float", &[]),
            Kind::Int => ("int", &[]),
            Kind::Bool => ("bool", &[]),
            Kind::Text => ("text", &[]),
            Kind::Choice(names) => ("choice", names),
            Kind::OptionalFloat => ("optional_float", &[]),
            Kind::IntList => ("int_list", &[]),
        };
        let ParamSpec { name, min, max, unit, help, formula, source, also, .. } = *spec;
        Self { name, kind, names, min, max, unit, help, formula, source, also, default: spec.default.value() }
    }
}

#[derive(Serialize)]
struct KindOf {
    name: &'static str,
    help: &'static str,
    table: Vec<Row>,
    /// The text of a task that is a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
}

/// Every table of parameters.
#[derive(Serialize)]
pub struct Catalog {
    algorithm: Vec<Row>,
    run: Vec<Row>,
    reward_models: Vec<Row>,
    exploration: Vec<Row>,
    base: Vec<Row>,
    tasks: Vec<KindOf>,
    policies: Vec<KindOf>,
}

fn rows(table: &[ParamSpec]) -> Vec<Row> {
    table.iter().map(Row::from).collect()
}

pub fn catalog() -> Catalog {
    let task = |k: &tasks::TaskKind| {
        let table = rows(&k.table(&Overrides::new()));
        KindOf { name: k.name, help: k.help, table, source: k.source }
    };
    let policy = |k: &policy::PolicyKind| KindOf { name: k.name, help: k.help, table: rows(k.table), source: None };
    Catalog {
        algorithm: rows(Settings::TABLE),
        run: rows(RunParams::TABLE),
        reward_models: rows(RewardModelParams::TABLE),
        exploration: rows(ExplorationParams::TABLE),
        base: rows(Base::TABLE),
        tasks: tasks::TASKS.iter().map(task).collect(),
        policies: policy::POLICIES.iter().map(policy).collect(),
    }
}

/// The table that a name means: a section that is the same in every experiment, `task <kind>` or `policy <kind>`.
fn table(name: &str, task_values: &Overrides) -> Cow<'static, [ParamSpec]> {
    match name.split_once(' ') {
        Some(("task", kind)) => tasks::table(kind, task_values),
        Some((_, kind)) => policy::kind(kind).map_or(&[][..], |k| k.table).into(),
        None => sections::fixed(name).unwrap_or_default().into(),
    }
}

/// Checks a value against its row of a table; `task_values` are those of the task's parameters, since a program is one.
pub fn check_param(table_name: &str, name: &str, value: &Value, task_values: &Overrides) -> Result<(), ParamError> {
    let specs = table(table_name, task_values);
    match specs.iter().find(|spec| spec.name == name) {
        Some(spec) => check(spec, value),
        None => Err(unknown(&specs, name)),
    }
}

/// What views need to know of a task.
#[derive(Serialize)]
pub struct TaskFacts {
    schema: EpisodeSchema,
    view: TaskView,
    action_names: Vec<String>,
    /// Its parameters: those of a program are what its text declares.
    table: Vec<Row>,
}

impl TaskFacts {
    pub fn new(task: Task, part: &Part) -> Self {
        let table = rows(&tasks::table(&part.kind, &part.params));
        Self { schema: task.schema, view: task.view, action_names: task.action_names, table }
    }
}

/// The task of a part and the sections `reward_models`, `exploration` and `run`, as the run's first seed has it; None where
/// it is refused.
pub fn task((part, models, memory, run): (Part, Option<Overrides>, Option<Overrides>, Overrides)) -> Option<Task> {
    let part = RunParams::resolve(&[&run]).map_or_else(|_| part.clone(), |run| run.instance_of(&part, 0));
    Some(build_task(&part, models.as_ref(), memory.as_ref()).ok()?.task)
}

//! What the page asks of core, answered in plain data.

use crate::facts::{self, TaskFacts};
use goodhart_core::engine::warm_start;
use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::linter;
use goodhart_core::oracle;
use goodhart_core::oracle::memory::{Known, MOST_RANGES, Memory};
use goodhart_core::oracle::ranges::{self, Ranges};
use goodhart_core::oracle::report::{ArmReport, Distances};
use goodhart_core::params::{Overrides, ParamError, Value};
use goodhart_core::plan::cost::Fit;
use goodhart_core::plan::{Plan, Problem, plan, plan_of_first_seed, run_schema};
use goodhart_core::reward::{self, Completion, Diagnostic, EpisodeSchema};
use serde::Serialize;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// What programs of the chosen task can see.
    static SCHEMA: RefCell<Option<EpisodeSchema>> = const { RefCell::new(None) };
    /// The values of the chosen task's parameters.
    static TASK_VALUES: RefCell<Overrides> = const { RefCell::new(Overrides::new()) };
    /// The task that was solved last.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

/// A task's `Part` and the sections `reward_models`, `exploration` and `run` of its experiment.
pub type Sections = (Part, Option<Overrides>, Option<Overrides>, Overrides);

/// What the compiler says of a program.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    diagnostics: Vec<Diagnostic>,
    components: Vec<String>,
}

/// How an experiment fits into a browser, or why it does not.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fitted {
    Fit(Fit),
    Error(String),
}

/// Chooses the task that programs are for; None, and the last one stays, where it is refused.
pub fn set_task(sections: Sections) -> Option<TaskFacts> {
    let part = sections.0.clone();
    let task = facts::task(sections)?;
    SCHEMA.set(Some(task.schema.clone()));
    let facts = TaskFacts::new(task, &part);
    TASK_VALUES.set(part.params);
    Some(facts)
}

/// What is wrong with a value of a parameter.
pub fn check_param(table: &str, name: &str, value: &Value) -> Result<(), ParamError> {
    TASK_VALUES.with_borrow(|values| facts::check_param(table, name, value, values))
}

/// What the compiler says of the text of a task program; it is compiled for its parameters' defaults where it is refused for
/// the others.
pub fn check_task(code: &str, values: &Overrides) -> Vec<Diagnostic> {
    reward::task::compile(code, values).diagnostics
}

/// What the compiler says of a program for the chosen task; nothing before one is chosen.
pub fn check(code: &str) -> Checked {
    SCHEMA.with_borrow(|schema| {
        let Some(schema) = schema else { return Checked::default() };
        let compiled = reward::compile(code, schema, &run_schema());
        let components = compiled.program.map(|p| p.components.iter().map(|c| c.name.clone()).collect());
        Checked { diagnostics: compiled.diagnostics, components: components.unwrap_or_default() }
    })
}

/// What an editor can offer at a byte offset of a task program.
pub fn complete_task(code: &str, offset: usize) -> Vec<Completion> {
    reward::task::completions(code, offset)
}

/// What an editor can offer at a byte offset; None before a task is chosen.
pub fn complete(code: &str, offset: usize) -> Option<Vec<Completion>> {
    SCHEMA.with_borrow(|schema| Some(reward::completions(code, offset, schema.as_ref()?, &run_schema())))
}

/// What keeps an experiment from running.
pub fn problems(experiment: &Experiment) -> Vec<Problem> {
    plan_of_first_seed(experiment).err().unwrap_or_default()
}

/// How an experiment fits into a browser with so many cores and so many bytes; None where it cannot run.
pub fn fit(experiment: &Experiment, cores: usize, room: f64) -> Option<Fitted> {
    let cost = plan_of_first_seed(experiment).ok()?.cost;
    Some(cost.fit(cores, room).map_or_else(Fitted::Error, Fitted::Fit))
}

/// The base policies that an experiment's seeds start from: the number of each, and the name under which it is kept.
pub fn base_keys(experiment: &Experiment) -> Vec<(u32, String)> {
    warm_start::keys(experiment)
}

/// Asks about the solved task of an experiment; None where it cannot run.
fn solved<T>(experiment: &Experiment, ask: impl FnOnce(&Known, &Plan) -> T) -> Option<T> {
    let plan = Arc::new(plan(experiment).ok()?);
    MEMORY.with_borrow_mut(|memory| Some(ask(memory.solved(experiment, &plan), &plan)))
}

/// What the exact oracle and the linter say of an arm; None where the experiment cannot run or has no such arm.
pub fn solve(experiment: &Experiment, arm: usize) -> Option<ArmReport> {
    solved(experiment, |known, plan| (arm < plan.arms.len()).then(|| linter::report_of(known, plan, arm)))?
}

/// The STARC distances between all arms and the true objective; None where the experiment cannot run.
pub fn distances(experiment: &Experiment) -> Option<Distances> {
    solved(experiment, |known, plan| match known {
        Ok(solver) => solver.distances(),
        Err(why) => oracle::unknown(plan, why),
    })
}

/// What the task and its rewards can give, in the mean over the instances of the (first `MOST_RANGES`) seeds; None where
/// the experiment cannot run.
pub fn ranges(experiment: &Experiment) -> Option<Ranges> {
    let plan = Arc::new(plan(experiment).ok()?);
    let of_seed = |seed: usize| {
        let (alone, plan) = (experiment.of_seed(seed as u32), plan.of_seed(seed));
        MEMORY.with_borrow_mut(|memory| match memory.solved(&alone, &plan) {
            Ok(solver) => solver.ranges(),
            Err(_) => ranges::unknown(&plan),
        })
    };
    Some(ranges::mean(&(0..plan.instances.len().min(MOST_RANGES)).map(of_seed).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::link;
    use goodhart_core::params::Value;

    const CODE: &str = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";

    fn experiment(run: &str) -> Experiment {
        let code = CODE.replace('\n', "\\n");
        let json = format!(
            r#"{{"version": 1, "title": "t", "task": {{"kind": "bandit"}}, "policy": {{"kind": "table"}},
                "run": {{"updates": 3, "groups": 2, "num_generations": 4, {run}}},
                "arms": [{{"name": "a", "code": "{code}"}}, {{"name": "b", "code": "{code}"}}]}}"#
        );
        link::read(&json).unwrap()
    }

    #[test]
    fn a_program_is_checked_and_completed_for_the_chosen_task() {
        assert!(check("def r(ep):\n    return ep.nothing\n").diagnostics.is_empty(), "no task is chosen yet");
        assert!(complete("", 0).is_none());
        let part = |kind: &str| (Part { kind: kind.into(), params: Overrides::new() }, None, None, Overrides::new());
        assert!(set_task(part("nothing")).is_none());
        assert!(set_task(part("bandit")).is_some());
        let checked = check(CODE);
        assert_eq!((checked.diagnostics.len(), checked.components), (0, vec!["right".to_string()]));
        let checked = check("def r(ep):\n    return ep.corect\n");
        assert!(checked.components.is_empty());
        assert_eq!(checked.diagnostics[0].line, 2);
        let code = "def r(ep):\n    return ep.cor";
        assert!(complete(code, code.len()).unwrap().iter().any(|offer| offer.label == "correct"));
        // A task that is refused leaves the last.
        assert!(set_task(part("nothing")).is_none());
        assert!(check(CODE).diagnostics.is_empty());
    }

    #[test]
    fn what_keeps_an_experiment_from_running_is_said() {
        let mut e = experiment(r#""seeds": 3"#);
        assert!(problems(&e).is_empty());
        assert!(matches!(fit(&e, 4, 1e9), Some(Fitted::Fit(fit)) if fit.workers > 0 && fit.bytes > 0.0));
        assert!(matches!(fit(&e, 4, 1.0), Some(Fitted::Error(why)) if !why.is_empty()));
        e.arms[1].code = "def right(ep):\n    return 1.0 +\n".into();
        let said = problems(&e);
        assert_eq!((said.len(), said[0].place.as_str()), (1, "arm \"b\""));
        assert!(fit(&e, 4, 1e9).is_none() && solve(&e, 0).is_none() && distances(&e).is_none() && ranges(&e).is_none());
    }

    #[test]
    fn what_an_experiment_costs_and_whether_it_runs_needs_one_instance() {
        let e = experiment(r#""seeds": 5"#);
        let (whole, first) = (plan(&e).unwrap(), plan_of_first_seed(&e).unwrap());
        assert_eq!((whole.instances.len(), first.instances.len()), (5, 1));
        assert_eq!(whole.cost, first.cost);
    }

    #[test]
    fn a_task_is_solved_once_and_asked_about_each_arm() {
        let e = experiment(r#""seeds": 2"#);
        assert_eq!(solve(&e, 1).unwrap().arm, "b");
        assert!(solve(&e, 2).is_none(), "there is no such arm");
        let distances = distances(&e).unwrap();
        assert_eq!(distances.names, ["a", "b", "true objective"]);
        let ranges = ranges(&e).unwrap();
        assert!(ranges.task.is_some());
        assert_eq!(ranges.rewards.len(), 2);
        assert_eq!(ranges.rewards[0], ranges.rewards[1]);
    }

    #[test]
    fn a_parameter_is_checked_against_the_table_of_its_section() {
        for (table, name, value, part) in [
            ("algorithm", "beta", Value::Number(0.1), ""),
            ("algorithm", "bta", Value::Number(0.1), "did you mean \"beta\"?"),
            ("run", "updates", Value::Number(-1.0), "updates"),
            ("task bandit", "arms", Value::Number(8.0), ""),
            ("task nothing", "arms", Value::Number(8.0), "there is no setting"),
            ("policy table", "init_logit", Value::Number(0.0), ""),
        ] {
            let said = check_param(table, name, &value).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(said.contains(part) && said.is_empty() == part.is_empty(), "{table} {name}: {said}");
        }
    }
}

//! What the page asks of core, as a module of its own that is loaded beside it: the reward compiler, the tables of
//! parameters, the tasks, links. The page paints before it is there, and does not grow with tasks and settings. Everything
//! crosses as JSON text.

mod facts;

use facts::TaskFacts;
use goodhart_core::base;
use goodhart_core::experiment::Experiment;
use goodhart_core::link;
use goodhart_core::linter;
use goodhart_core::oracle;
use goodhart_core::oracle::memory::{Known, Memory};
use goodhart_core::plan::{Plan, plan, run_schema};
use goodhart_core::reward::{self, Diagnostic, EpisodeSchema};
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// What programs of the chosen task can see.
    static SCHEMA: RefCell<Option<EpisodeSchema>> = const { RefCell::new(None) };
    /// The task that was solved last.
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Serialize)]
struct Checked {
    diagnostics: Vec<Diagnostic>,
    components: Vec<String>,
}

fn main() {}

fn json<T: Serialize>(value: &T) -> String {
    // Plain data always serialises.
    serde_json::to_string(value).unwrap_or_default()
}

/// Every table of parameters: `{algorithm, run, reward_models, tasks, policies}`.
#[wasm_bindgen]
pub fn catalog() -> String {
    json(&facts::catalog())
}

/// Chooses the task that programs are for, a `Part` and the sections `reward_models` and `exploration` of its experiment
/// as JSON:
/// `{schema, view, action_names}`. A refused one leaves the last, and gives an empty text.
#[wasm_bindgen(js_name = setTask)]
pub fn set_task(parts: &str) -> String {
    let Some(task) = facts::task(parts) else { return String::new() };
    let facts = json(&TaskFacts::from(&task));
    SCHEMA.set(Some(task.schema));
    facts
}

/// What is wrong with a value (as JSON) of a parameter, in one sentence; empty where nothing is. `table` is `algorithm`,
/// `run`, `reward_models`, `task <kind>` or `policy <kind>`.
#[wasm_bindgen(js_name = checkParam)]
pub fn check_param(table: &str, name: &str, value: &str) -> String {
    match serde_json::from_str(value) {
        Ok(value) => facts::check_param(table, name, &value).err().map(|e| e.message).unwrap_or_default(),
        Err(e) => e.to_string(),
    }
}

/// What the compiler says of a program: `{diagnostics, components}`.
#[wasm_bindgen]
pub fn check(code: &str) -> String {
    SCHEMA.with_borrow(|schema| {
        let Some(schema) = schema else { return json(&Checked { diagnostics: Vec::new(), components: Vec::new() }) };
        let compiled = reward::compile(code, schema, &run_schema());
        let components = compiled.program.map(|p| p.components.iter().map(|c| c.name.clone()).collect());
        json(&Checked { diagnostics: compiled.diagnostics, components: components.unwrap_or_default() })
    })
}

/// What an editor can offer at a byte offset: `[{label, detail, kind}]`.
#[wasm_bindgen]
pub fn complete(code: &str, offset: usize) -> String {
    SCHEMA.with_borrow(|schema| match schema {
        Some(schema) => json(&reward::completions(code, offset, schema, &run_schema())),
        None => "[]".into(),
    })
}

/// What keeps an experiment (as JSON) from running: `[{place, message}]`.
#[wasm_bindgen]
pub fn problems(experiment: &str) -> String {
    match serde_json::from_str::<Experiment>(experiment) {
        Ok(experiment) => json(&plan(&experiment).err().unwrap_or_default()),
        Err(_) => "[]".into(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Decoded {
    Experiment(Box<Experiment>),
    Error(String),
}

/// The experiment of a link's fragment: `{experiment}` or `{error}`.
#[wasm_bindgen]
pub fn decode(fragment: &str) -> String {
    json(&match link::decode(fragment) {
        Ok(experiment) => Decoded::Experiment(Box::new(experiment)),
        Err(e) => Decoded::Error(e.to_string()),
    })
}

/// An experiment (as JSON) as it is written, with what it takes by default: `{experiment}` or `{error}`.
#[wasm_bindgen]
pub fn read(experiment: &str) -> String {
    json(&match serde_json::from_str(experiment) {
        Ok(experiment) => Decoded::Experiment(experiment),
        Err(e) => Decoded::Error(format!("this is not an experiment: {e}")),
    })
}

/// The fragment of an experiment (as JSON); empty where it is none.
#[wasm_bindgen]
pub fn encode(experiment: &str) -> String {
    serde_json::from_str(experiment).map(|e| link::encode(&e)).unwrap_or_default()
}

/// The name under which the base policy of an experiment (as JSON) is kept.
#[wasm_bindgen(js_name = baseKey)]
pub fn base_key(experiment: &str) -> String {
    serde_json::from_str(experiment).map(|e| base::key(&e)).unwrap_or_default()
}

/// Asks about the solved task of an experiment (as JSON); empty where it cannot run.
fn solved<T: Serialize>(experiment: &str, ask: impl FnOnce(&Known, &Plan) -> T) -> String {
    let Ok(experiment) = serde_json::from_str::<Experiment>(experiment) else { return String::new() };
    let Ok(plan) = plan(&experiment).map(Rc::new) else { return String::new() };
    MEMORY.with_borrow_mut(|memory| json(&ask(memory.solved(&experiment, &plan), &plan)))
}

/// What the exact oracle and the linter say of an arm of an experiment (as JSON): `oracle::report::Report`; empty where it
/// cannot run.
#[wasm_bindgen(js_name = oracle)]
pub fn solve(experiment: &str, arm: usize) -> String {
    solved(experiment, |known, plan| (arm < plan.arms.len()).then(|| linter::report_of(known, plan, arm)))
}

/// The STARC distances between all arms of an experiment (as JSON) and the true objective: `oracle::report::Distances`.
#[wasm_bindgen]
pub fn distances(experiment: &str) -> String {
    solved(experiment, |known, plan| match known {
        Ok(solver) => solver.distances(),
        Err(why) => oracle::unknown(plan, why),
    })
}

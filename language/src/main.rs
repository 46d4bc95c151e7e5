//! What the page asks of core, as a module of its own that is loaded beside it: the reward compiler, the tables of
//! parameters, the tasks, links. The page paints before it is there, and does not grow with tasks and settings. Plain data
//! crosses as JavaScript's, by `serde-wasm-bindgen`; only what strangers send crosses as text.

mod facts;

use facts::TaskFacts;
use goodhart_core::engine::warm_start;
use goodhart_core::experiment::{Experiment, MAX_ARMS};
use goodhart_core::link::{self, LinkError};
use goodhart_core::linter;
use goodhart_core::oracle::memory::{Known, MOST_RANGES, Memory};
use goodhart_core::oracle::{
    self,
    ranges::{mean, unknown},
};
use goodhart_core::plan::cost::Fit;
use goodhart_core::plan::{Plan, plan, run_schema};
use goodhart_core::reward::{self, Diagnostic, EpisodeSchema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use std::cell::RefCell;
use std::sync::Arc;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

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

fn give<T: Serialize>(value: &T) -> JsValue {
    // Plain data always serialises.
    value.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL)
}

/// What the page gives; None where it is of another type.
fn take<T: DeserializeOwned>(value: JsValue) -> Option<T> {
    serde_wasm_bindgen::from_value(value).ok()
}

/// Every table of parameters: `{algorithm, run, reward_models, exploration, base, tasks, policies}`.
#[wasm_bindgen]
pub fn catalog() -> JsValue {
    give(&facts::catalog())
}

/// Chooses the task that programs are for: a `Part` and the sections `reward_models`, `exploration` and `run` of its
/// experiment, as a list of four. Gives the instance that the run's first seed has of it: `{schema, view, action_names}`; a refused one leaves the last, and gives null.
#[wasm_bindgen(js_name = setTask)]
pub fn set_task(sections: JsValue) -> JsValue {
    let Some(task) = take(sections).and_then(facts::task) else { return JsValue::NULL };
    let facts = give(&TaskFacts::from(&task));
    SCHEMA.set(Some(task.schema));
    facts
}

/// What is wrong with a value of a parameter, in one sentence; empty where nothing is. `table` is `algorithm`, `run`,
/// `reward_models`, `exploration`, `base`, `task <kind>` or `policy <kind>`.
#[wasm_bindgen(js_name = checkParam)]
pub fn check_param(table: &str, name: &str, value: JsValue) -> String {
    match serde_wasm_bindgen::from_value(value) {
        Ok(value) => facts::check_param(table, name, &value).err().map(|e| e.message).unwrap_or_default(),
        Err(e) => e.to_string(),
    }
}

/// What the compiler says of a program: `{diagnostics, components}`.
#[wasm_bindgen]
pub fn check(code: &str) -> JsValue {
    SCHEMA.with_borrow(|schema| {
        let Some(schema) = schema else { return give(&Checked { diagnostics: Vec::new(), components: Vec::new() }) };
        let compiled = reward::compile(code, schema, &run_schema());
        let components = compiled.program.map(|p| p.components.iter().map(|c| c.name.clone()).collect());
        give(&Checked { diagnostics: compiled.diagnostics, components: components.unwrap_or_default() })
    })
}

/// Whether two texts are the same program.
#[wasm_bindgen]
pub fn same(a: &str, b: &str) -> bool {
    reward::same(a, b)
}

/// What an editor can offer at a byte offset: `[{label, detail, kind}]`; null before a task is chosen.
#[wasm_bindgen]
pub fn complete(code: &str, offset: usize) -> JsValue {
    SCHEMA.with_borrow(|schema| match schema {
        Some(schema) => give(&reward::completions(code, offset, schema, &run_schema())),
        None => JsValue::NULL,
    })
}

/// What keeps an experiment from running: `[{place, message}]`.
#[wasm_bindgen]
pub fn problems(experiment: JsValue) -> JsValue {
    let problems = take::<Experiment>(experiment).and_then(|experiment| plan(&experiment).err());
    give(&problems.unwrap_or_default())
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Fitted {
    Fit(Fit),
    Error(String),
}

/// How an experiment fits into a browser with so many cores and so many bytes: `{fit}` or `{error}`; null where it cannot
/// run.
#[wasm_bindgen]
pub fn fit(experiment: JsValue, cores: usize, room: f64) -> JsValue {
    let Some(plan) = take::<Experiment>(experiment).and_then(|e| plan(&e).ok()) else { return JsValue::NULL };
    give(&plan.cost.fit(cores, room).map_or_else(Fitted::Error, Fitted::Fit))
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Decoded {
    Experiment(Box<Experiment>),
    Error(String),
}

/// The experiment of a link's fragment: `{experiment}` or `{error}`.
#[wasm_bindgen]
pub fn decode(fragment: &str) -> JsValue {
    decoded(link::decode(fragment))
}

/// The experiment of a JSON text that anybody may have sent, within the bounds of links: `{experiment}` or `{error}`.
#[wasm_bindgen]
pub fn read(json: &str) -> JsValue {
    decoded(link::read(json))
}

fn decoded(read: Result<Experiment, LinkError>) -> JsValue {
    give(&match read {
        Ok(experiment) if experiment.arms.len() > MAX_ARMS => Decoded::Error(format!(
            "This experiment has {} arms, and at most {MAX_ARMS} can run.",
            experiment.arms.len()
        )),
        Ok(experiment) => Decoded::Experiment(Box::new(experiment.visible())),
        Err(e) => Decoded::Error(e.to_string()),
    })
}

/// The fragment of an experiment.
///
/// Errors: why it has none, as a text.
#[wasm_bindgen]
pub fn encode(experiment: JsValue) -> Result<String, JsValue> {
    let experiment = take(experiment).ok_or("it is no experiment")?;
    link::encode(&experiment).map_err(|e| e.to_string().into())
}

/// The name under which the base policy of an experiment is kept.
#[wasm_bindgen(js_name = baseKey)]
pub fn base_key(experiment: JsValue) -> String {
    take(experiment).map(|e| warm_start::key(&e)).unwrap_or_default()
}

/// Asks about the solved task of an experiment; null where it cannot run.
fn solved<T: Serialize>(experiment: JsValue, ask: impl FnOnce(&Known, &Plan) -> T) -> JsValue {
    let Some(experiment) = take::<Experiment>(experiment) else { return JsValue::NULL };
    let Ok(plan) = plan(&experiment).map(Arc::new) else { return JsValue::NULL };
    MEMORY.with_borrow_mut(|memory| give(&ask(memory.solved(&experiment, &plan), &plan)))
}

/// What the exact oracle and the linter say of an arm of an experiment: `oracle::report::Report`; null where it cannot run.
#[wasm_bindgen(js_name = oracle)]
pub fn solve(experiment: JsValue, arm: usize) -> JsValue {
    solved(experiment, |known, plan| (arm < plan.arms.len()).then(|| linter::report_of(known, plan, arm)))
}

/// The STARC distances between all arms of an experiment and the true objective: `oracle::report::Distances`.
#[wasm_bindgen]
pub fn distances(experiment: JsValue) -> JsValue {
    solved(experiment, |known, plan| match known {
        Ok(solver) => solver.distances(),
        Err(why) => oracle::unknown(plan, why),
    })
}

/// What the task of an experiment and its rewards can give, in the mean over the instances of its (first eight) seeds:
/// `oracle::ranges::Ranges`.
#[wasm_bindgen]
pub fn ranges(experiment: JsValue) -> JsValue {
    let Some(experiment) = take::<Experiment>(experiment) else { return JsValue::NULL };
    let Ok(plan) = plan(&experiment).map(Arc::new) else { return JsValue::NULL };
    let of_seed = |seed: usize| {
        let (alone, plan) = (experiment.of_seed(seed as u32), plan.of_seed(seed));
        MEMORY.with_borrow_mut(|memory| match memory.solved(&alone, &plan) {
            Ok(solver) => solver.ranges(),
            Err(_) => unknown(&plan),
        })
    };
    give(&mean(&(0..plan.instances.len().min(MOST_RANGES)).map(of_seed).collect::<Vec<_>>()))
}

//! What the page asks of core, as a module of its own that is loaded beside it: the reward compiler, the tables of
//! parameters, the tasks, links. The page paints before it is there, and does not grow with tasks and settings. Plain data
//! crosses as JavaScript's, by `serde-wasm-bindgen`; only what strangers send crosses as text.

mod answers;
mod facts;

use goodhart_core::experiment::Experiment;
use goodhart_core::link::{self, LinkError};
use goodhart_core::reward;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::{JsValue, wasm_bindgen};

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
/// experiment, as a list of four. Gives the instance that the run's first seed has of it: `{schema, view, action_names}`; a
/// refused one leaves the last, and gives null.
#[wasm_bindgen(js_name = setTask)]
pub fn set_task(sections: JsValue) -> JsValue {
    give(&take(sections).and_then(answers::set_task))
}

/// What is wrong with a value of a parameter, in one sentence; empty where nothing is. `table` is `algorithm`, `run`,
/// `reward_models`, `exploration`, `base`, `task <kind>` or `policy <kind>`.
#[wasm_bindgen(js_name = checkParam)]
pub fn check_param(table: &str, name: &str, value: JsValue) -> String {
    match serde_wasm_bindgen::from_value(value) {
        Ok(value) => answers::check_param(table, name, &value).err().map(|e| e.message).unwrap_or_default(),
        Err(e) => e.to_string(),
    }
}

/// What the compiler says of the text of a task program, for these values of its parameters: `[diagnostic]`.
#[wasm_bindgen(js_name = checkTask)]
pub fn check_task(code: &str, values: JsValue) -> JsValue {
    give(&answers::check_task(code, &take(values).unwrap_or_default()))
}

/// What the compiler says of a program: `{diagnostics, components}`.
#[wasm_bindgen]
pub fn check(code: &str) -> JsValue {
    give(&answers::check(code))
}

/// Whether two texts are the same program.
#[wasm_bindgen]
pub fn same(a: &str, b: &str) -> bool {
    reward::same(a, b)
}

/// What an editor can offer at a byte offset: `[{label, detail, kind}]`; null before a task is chosen.
#[wasm_bindgen]
pub fn complete(code: &str, offset: usize) -> JsValue {
    give(&answers::complete(code, offset))
}

/// What an editor can offer at a byte offset of a task program: `[{label, detail, kind}]`.
#[wasm_bindgen(js_name = completeTask)]
pub fn complete_task(code: &str, offset: usize) -> JsValue {
    give(&answers::complete_task(code, offset))
}

/// What keeps an experiment from running: `[{place, message}]`.
#[wasm_bindgen]
pub fn problems(experiment: JsValue) -> JsValue {
    give(&take(experiment).as_ref().map(answers::problems).unwrap_or_default())
}

/// How an experiment fits into a browser with so many cores and so many bytes: `{fit}` or `{error}`; null where it cannot
/// run.
#[wasm_bindgen]
pub fn fit(experiment: JsValue, cores: usize, room: f64) -> JsValue {
    give(&take(experiment).and_then(|experiment| answers::fit(&experiment, cores, room)))
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

/// The base policies that an experiment's seeds start from: `[number, the name under which it is kept]` of each.
#[wasm_bindgen(js_name = baseKeys)]
pub fn base_keys(experiment: JsValue) -> JsValue {
    give(&take(experiment).as_ref().map(answers::base_keys).unwrap_or_default())
}

/// What the exact oracle and the linter say of an arm of an experiment: `oracle::report::ArmReport`; null where it cannot run.
#[wasm_bindgen(js_name = oracle)]
pub fn solve(experiment: JsValue, arm: usize) -> JsValue {
    give(&take(experiment).and_then(|experiment| answers::solve(&experiment, arm)))
}

/// The STARC distances between all arms of an experiment and the true objective: `oracle::report::Distances`; null where
/// it cannot run.
#[wasm_bindgen]
pub fn distances(experiment: JsValue) -> JsValue {
    give(&take(experiment).as_ref().and_then(answers::distances))
}

/// What the task of an experiment and its rewards can give, in the mean over the instances of its (first eight) seeds:
/// `oracle::ranges::Ranges`; null where it cannot run.
#[wasm_bindgen]
pub fn ranges(experiment: JsValue) -> JsValue {
    give(&take(experiment).as_ref().and_then(answers::ranges))
}

//! The reward compiler as a module of its own, loaded beside the page like the code editor that asks it: so the page
//! paints before there is a compiler. Everything crosses as JSON text; the page reads it with the types of core.

use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::Overrides;
use goodhart_core::plan::{build_task, plan, run_schema};
use goodhart_core::reward::{self, Diagnostic, EpisodeSchema};
use serde::Serialize;
use std::cell::RefCell;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// What programs of the chosen task can see.
    static SCHEMA: RefCell<Option<EpisodeSchema>> = const { RefCell::new(None) };
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

/// Chooses the task that programs are for: a `Part` and the section `reward_models` of its experiment, as JSON. A refused
/// one leaves the last.
#[wasm_bindgen(js_name = setTask)]
pub fn set_task(parts: &str) {
    let parts = serde_json::from_str::<(Part, Option<Overrides>)>(parts).ok();
    if let Some((task, _)) = parts.and_then(|(part, models)| build_task(&part, models.as_ref()).ok()) {
        SCHEMA.set(Some(task.schema));
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

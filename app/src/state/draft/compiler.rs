//! The reward compiler beside the page: diagnostics on every keystroke, completion, and what keeps an experiment from
//! running. Without it (it did not load) the engine's own words arrive a moment later.

use crate::browser::modules;
use crate::browser::modules::LanguageModule;
use crate::browser::plain::{from_js, to_js};
use crate::model::ArmId;
use crate::state::app::App;
use crate::state::draft::checks::{ArmCheck, Language, TaskFacts, sections};
use crate::state::draft::tables::Catalog;
use crate::state::library::gallery;
use crate::state::notices::Level;
use crate::storage::base_policies;
use goodhart_core::engine::Bases;
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Value;
use goodhart_core::plan::Problem;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::prelude::JsValue;

impl App {
    /// Waits for the compiler, then looks at everything with it.
    pub async fn load_compiler(self) {
        let Ok(module) = modules::language().await else {
            let text = "The reward compiler could not be loaded. The run goes on, but there are no settings, no links and no checks while you type: reload the page when you are online.";
            return self.notify(Level::Warning, text, None);
        };
        let catalog = module.catalog().ok().and_then(from_js::<Catalog>);
        self.compiler.set_value(Some(module));
        if let Some(catalog) = catalog {
            // The tables live as long as the page.
            self.catalog.set(Box::leak(Box::new(catalog)));
        }
        self.language.set(None);
        self.check_all();
        self.save();
    }

    /// Asks the compiler; the default while it is not there.
    pub(in crate::state) fn ask<T: Default>(self, f: impl FnOnce(&LanguageModule) -> Option<T>) -> T {
        self.compiler.with_value(|c| c.as_ref().and_then(f)).unwrap_or_default()
    }

    /// What keeps an experiment from running.
    pub fn problems_of(self, experiment: &Experiment) -> Vec<Problem> {
        self.ask(|c| from_js(c.problems(&to_js(experiment)).ok()?))
    }

    /// Whether the task of an experiment takes the sections beside it; true while there is no compiler to ask.
    pub(in crate::state) fn takes(self, e: &Experiment) -> bool {
        let parts = sections(e, 0);
        let refused = self.ask(|c| Some(c.set_task(&to_js(&parts)).ok()?.is_null()));
        // The task that was asked about is now the one that programs are checked for.
        self.language.set(None);
        !refused
    }

    /// Compiles an arm's code for its diagnostics.
    pub fn check_code(self, code: &str) -> ArmCheck {
        self.ask(|c| from_js(c.check(code).ok()?))
    }

    /// Whether two texts are the same program.
    pub(in crate::state) fn same_program(self, a: &str, b: &str) -> bool {
        a == b || self.ask(|c| c.same(a, b).ok())
    }

    /// Completions at a byte offset, as the editor wants them.
    pub fn complete(self, code: &str, offset: usize) -> JsValue {
        self.ask(|c| c.complete(code, offset).ok())
    }

    /// The same for the program of the task.
    pub fn complete_task(self, code: &str, offset: usize) -> JsValue {
        self.ask(|c| c.complete_task(code, offset).ok())
    }

    /// Compiles every arm anew; after a change of the task this includes the task itself.
    pub fn check_all(self) {
        let parts = self.draft.with_untracked(|e| sections(e, self.seed.get_untracked()));
        let stale = self.language.with_untracked(|l| l.as_ref().is_none_or(|l| l.sections != parts));
        // While the task's parameters are refused (the panel says why) the last good task serves the editor.
        if stale {
            let told: Option<TaskFacts> = self.ask(|c| Some(from_js(c.set_task(&to_js(&parts)).ok()?)));
            if let Some(task) = told {
                self.language.set(Some(Arc::new(Language { sections: parts, task })));
            }
        }
        let arms = self.arms.get_untracked();
        self.checks.update(|checks| checks.retain(|id, _| arms.contains(id)));
        arms.into_iter().for_each(|arm| self.check_arm(arm));
    }

    pub fn check_arm(self, arm: ArmId) {
        let Some(code) = self.with_arm_untracked(arm, |a| a.code.clone()) else { return };
        let mut check = self.check_code(&code);
        if check.is_error() {
            // The program before it goes on, with its components.
            let program = self.last_compiled(arm, &code);
            check.components = program.map(|p| self.check_code(&p).components).unwrap_or_default();
        } else if self.compiler.with_value(Option::is_some) {
            self.compiled.update_value(|compiled| drop(compiled.insert(arm, code)));
        }
        self.checks.update(|checks| drop(checks.insert(arm, check)));
    }

    /// What the compiler says of an arm; nothing where there is no such arm.
    pub fn check_of(self, arm: ArmId) -> ArmCheck {
        self.checks.with(|checks| checks.get(&arm).cloned().unwrap_or_default())
    }

    /// The base policies that the seeds of an experiment start from: the number of each, and the name under which it is kept.
    pub fn base_keys(self, experiment: &Experiment) -> Vec<(u32, String)> {
        if experiment.base.as_ref().is_none_or(|base| base.steps == 0) {
            return Vec::new();
        }
        self.ask(|c| from_js(c.base_keys(&to_js(experiment)).ok()?))
    }

    /// Those of the base policies that an experiment needs which are at hand.
    pub(in crate::state) async fn find_base_policies(self, experiment: &Experiment) -> Bases {
        let mut bases = Bases::default();
        for (number, key) in self.base_keys(experiment) {
            let ships = gallery::index().await.is_ok_and(|index| index.bases.contains(&key));
            if let Some(params) = base_policies::find(&key, ships).await {
                bases.put(number, params);
            }
        }
        bases
    }

    /// What is wrong with a value of a parameter, in one sentence.
    pub fn problem_of(self, table: &str, name: &str, value: &Value) -> Option<String> {
        Some(self.ask(|c| c.check_param(table, name, &to_js(value)).ok())).filter(|problem| !problem.is_empty())
    }

    /// Reads the language of the draft's task.
    pub fn with_language<T>(self, f: impl FnOnce(&Language) -> T) -> Option<T> {
        self.language.with(|l| l.as_deref().map(f))
    }
}

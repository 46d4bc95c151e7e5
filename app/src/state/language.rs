//! The reward compiler beside the page: diagnostics on every keystroke, completion, and what keeps an experiment from
//! running. Without it (it did not load) the engine's own words arrive a moment later.

use super::App;
use crate::parts::{self, LanguageModule};
use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::Overrides;
pub use goodhart_core::plan::Problem;
use goodhart_core::plan::build_task;
use goodhart_core::reward::schema::EpisodeSchema;
use goodhart_core::reward::{Diagnostic, Severity};
use goodhart_core::tasks::TaskView;
use leptos::prelude::*;
use serde::Deserialize;

/// What views need to know of a task, made once for each task.
pub struct Language {
    part: Part,
    reward_models: Option<Overrides>,
    pub schema: EpisodeSchema,
    pub view: TaskView,
    pub action_names: Vec<String>,
}

impl Language {
    fn new(part: &Part, models: &Option<Overrides>) -> Result<Self, Vec<Problem>> {
        let (task, _) = build_task(part, models.as_ref())?;
        let (part, reward_models) = (part.clone(), models.clone());
        Ok(Self { part, reward_models, schema: task.schema, view: task.view, action_names: task.action_names })
    }
}

/// What the compiler says of an arm's code.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct ArmCheck {
    pub diagnostics: Vec<Diagnostic>,
    /// Components of the program; of the last one that compiled, while it does not.
    pub components: Vec<String>,
}

impl ArmCheck {
    pub fn is_error(&self) -> bool {
        self.errors() > 0
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }
}

impl App {
    /// Waits for the compiler, then looks at everything with it.
    pub async fn load_compiler(self) {
        let Ok(module) = parts::language().await else { return };
        self.compiler.set_value(Some(module));
        self.language.set_value(None);
        self.check_all();
    }

    /// Asks the compiler; the default while it is not there.
    fn ask<T: Default>(self, f: impl FnOnce(&LanguageModule) -> Option<T>) -> T {
        self.compiler.with_value(|c| c.as_ref().and_then(f)).unwrap_or_default()
    }

    /// What keeps an experiment from running.
    pub fn problems_of(self, experiment: &Experiment) -> Vec<Problem> {
        let text = serde_json::to_string(experiment).unwrap_or_default();
        self.ask(|c| serde_json::from_str(&c.problems(&text).ok()?).ok())
    }

    /// Compiles an arm's code for its diagnostics.
    pub fn check_code(self, code: &str) -> ArmCheck {
        self.ask(|c| serde_json::from_str(&c.check(code).ok()?).ok())
    }

    /// Completions at a byte offset, as JSON.
    pub fn complete(self, code: &str, offset: usize) -> String {
        self.ask(|c| c.complete(code, offset).ok())
    }

    /// Compiles every arm anew; after a change of the task this includes the task itself.
    pub fn check_all(self) {
        let parts = self.draft.with_untracked(|e| (e.task.clone(), e.reward_models.clone()));
        let is_now = |l: &Language| l.part == parts.0 && l.reward_models == parts.1;
        let stale = self.language.with_value(|l| !l.as_ref().is_some_and(is_now));
        // While the task's parameters are refused (the panel says why) the last good task serves the editor.
        if stale && let Ok(language) = Language::new(&parts.0, &parts.1) {
            let text = serde_json::to_string(&parts).unwrap_or_default();
            self.ask(|c| c.set_task(&text).ok());
            self.language.set_value(Some(language));
        }
        let codes: Vec<String> = self.draft.with_untracked(|e| e.arms.iter().map(|a| a.code.clone()).collect());
        self.checks.set(codes.iter().map(|code| self.check_code(code)).collect());
    }

    pub fn check_arm(self, arm: usize) {
        let Some(code) = self.draft.with_untracked(|e| e.arms.get(arm).map(|a| a.code.clone())) else { return };
        let mut check = self.check_code(&code);
        self.checks.update(|checks| {
            if let Some(slot) = checks.get_mut(arm) {
                // While the code is broken the program before it goes on, with its components.
                if check.is_error() {
                    check.components = std::mem::take(&mut slot.components);
                }
                *slot = check;
            }
        });
    }

    /// What to draw of the draft's task.
    pub fn task_view(self) -> Option<TaskView> {
        self.language.with_value(|l| l.as_ref().map(|l| l.view.clone()))
    }

    /// Reads the language of the draft's task.
    pub fn with_language<T>(self, f: impl FnOnce(&Language) -> T) -> Option<T> {
        self.language.with_value(|l| l.as_ref().map(f))
    }
}

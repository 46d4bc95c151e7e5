//! The reward compiler in the page: diagnostics on every keystroke and completion, for the draft's task.

use super::App;
use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::ParamError;
pub use goodhart_core::plan::Problem;
use goodhart_core::plan::{plan, run_schema};
use goodhart_core::reward::schema::{EpisodeSchema, RunSchema};
use goodhart_core::reward::{self, Completion, Diagnostic, Severity};
use goodhart_core::tasks::{self, TaskView};
use leptos::prelude::*;

/// What keeps an experiment from running.
pub fn problems(experiment: &Experiment) -> Vec<Problem> {
    plan(experiment).err().unwrap_or_default()
}

/// What the compiler needs to know of a task, made once for each task.
pub struct Language {
    part: Part,
    pub schema: EpisodeSchema,
    pub run: RunSchema,
    pub view: TaskView,
    pub action_names: Vec<String>,
}

impl Language {
    pub fn new(part: &Part) -> Result<Self, Vec<ParamError>> {
        let task = tasks::build(&part.kind, &part.params)?;
        Ok(Self {
            part: part.clone(),
            schema: task.schema,
            run: run_schema(),
            view: task.view,
            action_names: task.action_names,
        })
    }

    /// Completions at a byte offset.
    pub fn complete(&self, source: &str, offset: usize) -> Vec<Completion> {
        reward::completions(source, offset, &self.schema, &self.run)
    }
}

/// What the compiler says of an arm's code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArmCheck {
    pub diagnostics: Vec<Diagnostic>,
    /// Components of the program; of the last one that compiled, while it does not.
    pub components: Vec<String>,
}

impl ArmCheck {
    pub fn is_error(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }
}

impl App {
    /// Compiles an arm's code for its diagnostics.
    pub fn check_code(self, code: &str) -> ArmCheck {
        let mut check = ArmCheck::default();
        self.language.with_value(|language| {
            let Some(language) = language else { return };
            let compiled = reward::compile(code, &language.schema, &language.run);
            check.components =
                compiled.program.map(|p| p.components.iter().map(|c| c.name.clone()).collect()).unwrap_or_default();
            check.diagnostics = compiled.diagnostics;
        });
        check
    }

    /// Compiles every arm anew; after a change of the task this includes the task itself.
    pub fn check_all(self) {
        let part = self.draft.with_untracked(|e| e.task.clone());
        let stale = self.language.with_value(|l| l.as_ref().is_none_or(|l| l.part != part));
        // While the task's parameters are refused (the panel says why) the last good task serves the editor.
        if stale && let Ok(language) = Language::new(&part) {
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

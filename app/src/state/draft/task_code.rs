//! The task of the draft as a program that the person can change.

use crate::browser::plain::{from_js, to_js};
use crate::state::app::App;
use crate::state::draft::tables::{Spec, Table};
use crate::state::notices::{Action, Level};
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Value;
use goodhart_core::reward::{Diagnostic, Severity};
use leptos::prelude::*;

/// The kind of task whose program is one of its parameters, and that parameter.
const PROGRAM: &str = "program";
const CODE: &str = "code";

impl App {
    /// The text of the draft's task; None where the task is no program of the experiment's own.
    pub fn task_code(self) -> Option<String> {
        let written = self.draft.with(|draft| {
            (draft.task.kind == PROGRAM).then(|| match draft.task.params.get(CODE) {
                Some(Value::Text(text)) => Some(text.clone()),
                _ => None,
            })
        })?;
        written.or_else(|| self.starter())
    }

    /// The text of the draft's task where it is a program that ships, and cannot be changed as it stands.
    pub fn shipped_code(self) -> Option<&'static str> {
        let kind = self.draft.with(|draft| draft.task.kind.clone());
        if kind == PROGRAM {
            return None;
        }
        self.tables().tasks.iter().find(|of| of.name == kind)?.source.as_deref()
    }

    /// Makes a program that ships the experiment's own, with the values of its parameters as they are.
    pub fn own_task_code(self) {
        let Some(code) = untrack(|| self.shipped_code()) else { return };
        self.remember_for_undo("the task");
        self.draft.update(|e| {
            e.task.kind = PROGRAM.into();
            e.task.params.insert(CODE.into(), Value::Text(code.into()));
        });
        self.check_all();
        self.draft_changed();
        self.notify(Level::Info, "The task's program is the experiment's own now: change it.", Some(Action::Undo));
    }

    /// What a program starts from that nobody has written yet.
    fn starter(self) -> Option<String> {
        let kind = self.tables().tasks.iter().find(|kind| kind.name == PROGRAM)?;
        match &kind.table.iter().find(|spec| spec.name == CODE)?.default {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }

    /// New code of the task, typed by the person. What it shapes starts anew once it compiles.
    pub fn set_task_code(self, code: String) {
        self.set_param(Table::Task, CODE, Some(Value::Text(code)));
        // A policy that takes steps and one that writes are two; the same policy stays where the task takes it.
        let compiles =
            self.draft.with_untracked(|draft| self.check_task(draft)).iter().all(|d| d.severity != Severity::Error);
        if compiles && self.fit_policy() {
            self.draft_changed();
        }
    }

    /// What the compiler says of the draft's task program.
    pub fn check_task(self, draft: &Experiment) -> Vec<Diagnostic> {
        let mut values = draft.task.params.clone();
        let Some(Value::Text(code)) = values.remove(CODE) else { return Vec::new() };
        self.ask(|c| from_js(c.check_task(&code, &to_js(&values)).ok()?))
    }

    /// The parameters that the program of the draft's task declares; None where the task has a fixed table.
    pub fn declared(self) -> Option<&'static [Spec]> {
        if self.draft.with(|draft| draft.task.kind != PROGRAM) {
            return None;
        }
        let told = self.language.with(|l| l.as_ref().map(|l| l.sections.clone()));
        let known = self.declared.get_value();
        if let Some((sections, specs)) = known
            && told.as_ref() == Some(&sections)
        {
            return Some(specs);
        }
        let specs =
            self.with_language(|l| l.table.iter().filter(|spec| spec.name != CODE).cloned().collect::<Vec<_>>());
        // The rows live as long as the page, as those of all tables do; there are as many as there were tables.
        let specs: &'static [Spec] = match (self.declared.get_value(), specs.unwrap_or_default()) {
            (Some((_, known)), new) if *known == new[..] => known,
            (_, new) => Box::leak(new.into_boxed_slice()),
        };
        if let Some(sections) = told {
            self.declared.set_value(Some((sections, specs)));
        }
        Some(specs)
    }
}

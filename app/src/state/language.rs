//! The reward compiler beside the page: diagnostics on every keystroke, completion, and what keeps an experiment from
//! running. Without it (it did not load) the engine's own words arrive a moment later.

use super::{App, Catalog, Level};
use crate::parts::{self, LanguageModule};
use crate::plain::{Plain, write};
use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::{Overrides, Value};
pub use goodhart_core::plan::Problem;
use goodhart_core::reward::schema::{EpisodeSchema, Field, Ty};
use goodhart_core::reward::{Diagnostic, Severity};
use leptos::prelude::*;
use std::sync::Arc;

/// What a page draws of a task, as far as it has a drawing for it (see `TaskView` of core).
#[derive(Clone, Debug, PartialEq)]
pub enum TaskView {
    Arms {
        contexts: usize,
        arms: usize,
        payoff: Vec<f32>,
        proxy: Vec<f32>,
        hack: Vec<bool>,
    },
    Grid {
        rows: usize,
        cols: usize,
        cells: Vec<char>,
        first_state: usize,
    },
    Tokens {
        prompt_len: usize,
        end_token: u32,
    },
    Choices {
        states: Vec<String>,
    },
    /// Steps with actions by name.
    Other,
}

/// What views need to know of a task, told once for each task.
pub struct Language {
    part: Part,
    reward_models: Option<Overrides>,
    exploration: Option<Overrides>,
    pub schema: EpisodeSchema,
    pub view: TaskView,
    pub action_names: Vec<String>,
}

/// What decides which fields an episode has: the task, and the sections `reward_models` and `exploration`.
type Sections = (Part, Option<Overrides>, Option<Overrides>);

impl Language {
    fn read((part, reward_models, exploration): Sections, task: &Plain) -> Self {
        let schema = task.get("schema");
        let field = |f: &Plain| Field {
            name: f.text("name"),
            ty: TYPES.iter().find(|(name, _)| *name == f.text("ty")).map_or(Ty::Float, |(_, ty)| *ty),
            cap: f.count("cap"),
            offset: f.count("offset"),
            help: f.text("help"),
        };
        let schema = EpisodeSchema {
            fields: schema.list("fields").iter().map(field).collect(),
            stride: schema.count("stride"),
            tokens: schema.texts("tokens"),
            horizon: schema.count("horizon"),
            length_field: schema.text("length_field"),
        };
        let view = task.get("view");
        let view = match view.text("kind").as_str() {
            "arms" => TaskView::Arms {
                contexts: view.count("contexts"),
                arms: view.count("arms"),
                payoff: view.floats("payoff"),
                proxy: view.floats("proxy"),
                hack: view.list("hack").iter().map(Plain::is_true).collect(),
            },
            "grid" => TaskView::Grid {
                rows: view.count("rows"),
                cols: view.count("cols"),
                cells: view.texts("cells").iter().filter_map(|c| c.chars().next()).collect(),
                first_state: view.count("first_state"),
            },
            "choices" => TaskView::Choices { states: view.texts("states") },
            "tokens" => {
                TaskView::Tokens { prompt_len: view.count("prompt_len"), end_token: view.count("end_token") as u32 }
            }
            _ => TaskView::Other,
        };
        Self { part, reward_models, exploration, schema, view, action_names: task.texts("action_names") }
    }
}

/// The types of fields by the names that core gives them.
const TYPES: &[(&str, Ty)] = &[
    ("Float", Ty::Float),
    ("Int", Ty::Int),
    ("Bool", Ty::Bool),
    ("Token", Ty::Token),
    ("Optional", Ty::Optional),
    ("Floats", Ty::Floats),
    ("Ints", Ty::Ints),
    ("Bools", Ty::Bools),
    ("Tokens", Ty::Tokens),
];

/// A diagnostic as the language module tells it.
pub fn diagnostic(d: &Plain) -> Diagnostic {
    Diagnostic {
        severity: if d.text("severity").eq_ignore_ascii_case("error") { Severity::Error } else { Severity::Warning },
        start: d.count("start"),
        end: d.count("end"),
        line: d.count("line") as u32,
        column: d.count("column") as u32,
        message: d.text("message"),
        suggestion: d.some("suggestion").map(|s| s.as_text()),
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
        self.errors() > 0
    }

    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }
}

impl App {
    /// Waits for the compiler, then looks at everything with it.
    pub async fn load_compiler(self) {
        let Ok(module) = parts::language().await else {
            let text = "The reward compiler could not be loaded. The run goes on, but there are no settings, no links and no checks while you type: reload the page when you are online.";
            return self.notify(Level::Warning, text, None);
        };
        let catalog = module.catalog().ok().and_then(|text| Some(Catalog::read(&Plain::parse(&text)?)));
        self.compiler.set_value(Some(module));
        if let Some(catalog) = catalog {
            // The tables live as long as the page.
            self.catalog.set(Box::leak(Box::new(catalog)));
        }
        self.language.set(None);
        self.check_all();
        self.keep();
    }

    /// Asks the compiler; the default while it is not there.
    pub(super) fn ask<T: Default>(self, f: impl FnOnce(&LanguageModule) -> Option<T>) -> T {
        self.compiler.with_value(|c| c.as_ref().and_then(f)).unwrap_or_default()
    }

    /// What keeps an experiment from running.
    pub fn problems_of(self, experiment: &Experiment) -> Vec<Problem> {
        let problem = |p: &Plain| Problem { place: p.text("place"), message: p.text("message") };
        self.ask(|c| {
            let told = Plain::parse(&c.problems(&write(experiment)).ok()?)?;
            Some(told.items().iter().map(problem).collect())
        })
    }

    /// Compiles an arm's code for its diagnostics.
    pub fn check_code(self, code: &str) -> ArmCheck {
        self.ask(|c| {
            let told = Plain::parse(&c.check(code).ok()?)?;
            let diagnostics = told.list("diagnostics").iter().map(diagnostic).collect();
            Some(ArmCheck { diagnostics, components: told.texts("components") })
        })
    }

    /// Completions at a byte offset, as JSON.
    pub fn complete(self, code: &str, offset: usize) -> String {
        self.ask(|c| c.complete(code, offset).ok())
    }

    /// Compiles every arm anew; after a change of the task this includes the task itself.
    pub fn check_all(self) {
        let parts = self.draft.with_untracked(|e| (e.task.clone(), e.reward_models.clone(), e.exploration.clone()));
        let is_now = |l: &Arc<Language>| (&l.part, &l.reward_models, &l.exploration) == (&parts.0, &parts.1, &parts.2);
        let stale = self.language.with_untracked(|l| !l.as_ref().is_some_and(is_now));
        // While the task's parameters are refused (the panel says why) the last good task serves the editor.
        if stale {
            let told = self.ask(|c| Some(Plain::parse(&c.set_task(&write(&parts)).ok()?)));
            if let Some(task) = told {
                self.language.set(Some(Arc::new(Language::read(parts, &task))));
            }
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

    /// The name under which an experiment's base policy is kept; None where training starts from the initial parameters.
    pub fn base_key(self, experiment: &Experiment) -> Option<String> {
        experiment.base.as_ref().filter(|b| b.steps > 0)?;
        let text = write(experiment);
        Some(self.ask(|c| c.base_key(&text).ok())).filter(|key| !key.is_empty())
    }

    /// What is wrong with a value of a parameter, in one sentence.
    pub fn problem_of(self, table: &str, name: &str, value: &Value) -> Option<String> {
        let text = write(value);
        Some(self.ask(|c| c.check_param(table, name, &text).ok())).filter(|problem| !problem.is_empty())
    }

    /// Reads the language of the draft's task.
    pub fn with_language<T>(self, f: impl FnOnce(&Language) -> T) -> Option<T> {
        self.language.with(|l| l.as_deref().map(f))
    }
}

//! What the reward compiler says of the draft: facts of its task, and diagnostics of each program.

use crate::model::run_params;
use crate::state::draft::tables::Spec;
use goodhart_core::experiment::{Experiment, Part};
use goodhart_core::params::{Overrides, Value};
use goodhart_core::reward::schema::EpisodeSchema;
use goodhart_core::reward::{Diagnostic, Severity};
use goodhart_core::tasks::TaskView;
use serde::Deserialize;
use std::ops::Deref;

/// What views need to know of a task: asked once for each task.
pub struct Language {
    pub sections: Sections,
    pub task: TaskFacts,
}

/// What decides which fields an episode has, and which instance of the task is drawn: the task, the sections
/// `reward_models` and `exploration`, and of `run` what tells the watched seed.
pub type Sections = (Part, Option<Overrides>, Option<Overrides>, Overrides);

/// The sections of an experiment as the seed of that index has them.
pub fn sections(e: &Experiment, seed: u32) -> Sections {
    let first = run_params(e).first_seed.saturating_add(seed);
    let mut run = Overrides::from([("first_seed".into(), Value::Number(f64::from(first)))]);
    run.extend(e.run.get("instances").map(|value| ("instances".into(), value.clone())));
    (e.task.clone(), e.reward_models.clone(), e.exploration.clone(), run)
}

/// As the language module tells it.
#[derive(Deserialize)]
pub struct TaskFacts {
    pub schema: EpisodeSchema,
    pub view: TaskView,
    pub action_names: Vec<String>,
    /// Its parameters, as its kind or its program declares them.
    #[serde(default)]
    pub table: Vec<Spec>,
}

impl Deref for Language {
    type Target = TaskFacts;

    fn deref(&self) -> &TaskFacts {
        &self.task
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

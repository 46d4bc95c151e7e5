//! Running: load, run, pause, step, reset; and what the engine tells.

use super::edit::Table;
use super::{Action, App, Level, RunData, run_params};
use crate::engine_client::Choice;
use crate::{bases, time};
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Overrides;
use goodhart_core::protocol::Anatomy;
use leptos::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// How often the engine is asked for a checkpoint to fall back on.
const SAVE_MS: u64 = 5000;

/// What the run is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The engine is not there yet.
    Starting,
    /// The base policy is being warmed up.
    Base {
        step: u32,
        of: u32,
        loss: f32,
    },
    /// The reward models are learned.
    Models {
        step: u32,
        of: u32,
    },
    Loading,
    /// The browser compiles the WebGPU engine's shaders.
    Compiling {
        stage: u32,
        of: u32,
    },
    Paused,
    Running,
    /// Training a given number of updates.
    Stepping,
    Finished,
    /// Nothing can run; why.
    Stuck(String),
}

impl Phase {
    /// The name that scripts see.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Base { .. } => "base",
            Phase::Models { .. } => "models",
            Phase::Loading | Phase::Compiling { .. } => "loading",
            Phase::Paused => "paused",
            Phase::Running | Phase::Stepping => "running",
            Phase::Finished => "finished",
            Phase::Stuck(_) => "stuck",
        }
    }

    pub fn is_moving(&self) -> bool {
        matches!(self, Phase::Running | Phase::Stepping)
    }
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    Full,
    Twenty,
    Five,
    One,
}

impl Speed {
    pub const ALL: [Speed; 4] = [Speed::Full, Speed::Twenty, Speed::Five, Speed::One];

    pub fn label(self) -> &'static str {
        match self {
            Speed::Full => "full speed",
            Speed::Twenty => "20 updates/s",
            Speed::Five => "5 updates/s",
            Speed::One => "1 update/s",
        }
    }

    fn delay_ms(self) -> u32 {
        match self {
            Speed::Full => 0,
            Speed::Twenty => 50,
            Speed::Five => 200,
            Speed::One => 1000,
        }
    }
}

/// How the newest edit of an arm fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EditState {
    /// What is on screen is what runs.
    #[default]
    None,
    Sent,
    InUse {
        update: u32,
    },
    Refused {
        error: String,
    },
}

/// An edit on its way to the engine.
pub(super) struct Pending {
    pub(super) arm: usize,
    pub(super) code: Option<String>,
    pub(super) algorithm: Option<Overrides>,
}

/// What no view reads.
#[derive(Default)]
pub(crate) struct Internal {
    pub(super) trail: super::history::Trail,
    /// Run as soon as the engine is ready.
    pub(super) wants_run: bool,
    /// Counts loads, so that a late base policy of an older load is dropped.
    pub(super) load: u32,
    pub(super) next_edit: u32,
    pub(super) pending: HashMap<u32, Pending>,
    pub(super) follow: u32,
    pub(super) followed: f64,
    pub(super) keep: u32,
    pub(super) consult: u32,
    pub(super) ask_ranges: u32,
    pub(super) ranges: super::ranges::Known,
    pub(super) frame: bool,
    pub(super) drawn: f64,
    pub(super) anatomy: Option<Arc<Anatomy>>,
    pub(super) anatomy_drawn: f64,
    pub(super) verdict_next: f64,
    pub(super) rate: f32,
    pub(super) waiting: Vec<Waiter>,
    /// A pause is on its way; `pauses` counts them, so that a later one takes back what was to follow an earlier.
    pub(super) pausing: bool,
    pub(super) pauses: u32,
}

/// A promise of the automation interface.
pub(super) struct Waiter {
    pub until: Until,
    pub done: Box<dyn FnOnce(Result<u32, String>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Ready,
    Rest,
}

impl App {
    /// Loads the draft from update 0.
    pub fn load(self, then_run: bool) {
        let draft = self.draft.get_untracked();
        let problems = self.problems_of(&draft);
        self.problems.set(problems.clone());
        if !problems.is_empty() {
            self.stuck(goodhart_core::plan::join(&problems));
            return;
        }
        let run = run_params(&draft);
        let components = self.checks.with_untracked(|c| c.iter().map(|c| c.components.clone()).collect());
        self.wake(Until::Rest, &Err("The run was replaced by another one.".into()));
        // The base policy takes a moment to be found; until then the old run must not write into the new one's rows.
        self.act(|s| s.retire());
        self.data.set_value(RunData::new(draft.arms.len(), run.seeds as usize, components));
        self.update.set(0);
        self.rate.set(0.0);
        self.anatomy.set(None);
        self.verdict.set(Vec::new());
        self.models.set(Vec::new());
        self.models_on.set(None);
        self.moment.set(None);
        self.edits.set(vec![EditState::None; draft.arms.len()]);
        self.seed.update(|s| *s = (*s).min(run.seeds - 1));
        self.notices.update(|n| n.retain(|n| n.action != Some(Action::Restart)));
        self.phase.set(Phase::Loading);
        self.loaded.set(Some(draft.clone()));
        self.tick.update(|t| *t += 1);
        let load = self.internal.try_update_value(|i| {
            i.wants_run = then_run;
            i.pausing = false;
            i.load += 1;
            i.pending.clear();
            i.anatomy = None;
            i.verdict_next = 0.0;
            i.load
        });
        wasm_bindgen_futures::spawn_local(async move {
            let base = bases::find(self, &draft).await;
            if self.internal.with_value(|i| Some(i.load)) == load {
                self.act(|s| s.load(draft, base));
                self.watch();
            }
        });
    }

    pub fn toggle_run(self) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping => self.pause(),
            _ => self.run(),
        }
    }

    pub fn run(self) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping if self.is_pausing() => self.after_pause(move || self.run()),
            Phase::Paused | Phase::Stepping => {
                self.phase.set(Phase::Running);
                let delay = self.speed.get_untracked().delay_ms();
                self.act(|s| s.run(delay));
            }
            Phase::Running => {}
            Phase::Starting | Phase::Base { .. } | Phase::Models { .. } | Phase::Loading | Phase::Compiling { .. } => {
                self.internal.update_value(|i| i.wants_run = true)
            }
            Phase::Finished | Phase::Stuck(_) => self.load(true),
        }
    }

    pub fn pause(self) {
        let moving = self.phase.with_untracked(Phase::is_moving);
        self.internal.update_value(|i| {
            i.wants_run = false;
            i.pausing = moving;
            i.pauses += 1;
        });
        self.act(|s| s.pause());
    }

    /// The run was told to pause and does not rest yet.
    pub(crate) fn is_pausing(self) -> bool {
        self.internal.with_value(|i| i.pausing)
    }

    /// Does something once the run rests, unless it is paused once more before.
    fn after_pause(self, then: impl FnOnce() + 'static) {
        let ticket = self.internal.with_value(|i| i.pauses);
        self.when_resting(move |rests| {
            if rests.is_ok() && self.internal.with_value(|i| i.pauses) == ticket {
                then();
            }
        });
    }

    pub fn step(self, n: u32) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping if self.is_pausing() => self.after_pause(move || self.step(n)),
            Phase::Paused | Phase::Running | Phase::Stepping => {
                self.phase.set(Phase::Stepping);
                self.act(|s| s.step(n));
            }
            _ => self.notify(Level::Info, "A step needs a run that is ready and not finished.", None),
        }
    }

    pub fn reset(self) {
        self.load(false);
    }

    /// Loads the draft anew, running on if the run was, or was about to.
    pub fn restart(self) {
        let moving = self.phase.with_untracked(Phase::is_moving) || self.internal.with_value(|i| i.wants_run);
        self.load(moving);
    }

    pub fn set_speed(self, speed: Speed) {
        self.speed.set(speed);
        if self.phase.with_untracked(|p| *p == Phase::Running) {
            self.act(|s| s.run(speed.delay_ms()));
        }
    }

    /// Another engine: the run starts anew on it.
    pub fn choose_engine(self, choice: Choice) {
        self.choice.set(choice);
        super::store::set_setting("engine", (choice != Choice::Auto).then_some(choice.name()));
        self.act(|s| {
            s.choose(choice);
            Vec::new()
        });
        self.restart();
    }

    pub fn choose_arm(self, arm: usize) {
        self.arm.set(arm);
        self.watch();
    }

    pub fn choose_seed(self, seed: u32) {
        self.seed.set(seed);
        self.watch();
    }

    fn watch(self) {
        let (arm, seed) = (self.arm.get_untracked() as u32, self.seed.get_untracked());
        self.act(|s| s.watch(arm, seed));
    }

    pub(super) fn act(self, f: impl FnOnce(&mut crate::engine_client::Session) -> Vec<crate::engine_client::Effect>) {
        // Cloned first: what follows may come back here.
        if let Some(client) = self.client.get_value() {
            client.act(f);
        }
    }

    /// Asks for checkpoints from time to time while the run moves.
    pub fn save_regularly(self) {
        time::every(SAVE_MS, move || {
            if self.phase.with_untracked(Phase::is_moving) {
                self.act(|s| s.save());
            }
        });
    }

    /// The overrides that a table of the draft holds.
    pub fn overrides(self, table: Table) -> Overrides {
        self.draft.with(|e| match table {
            Table::Task => e.task.params.clone(),
            Table::Policy => e.policy.params.clone(),
            Table::Run => e.run.clone(),
            Table::RewardModels => e.reward_models.clone().unwrap_or_default(),
            Table::Algorithm => e.algorithm.clone(),
            Table::Arm(i) => e.arms.get(i).map(|a| a.algorithm.clone()).unwrap_or_default(),
        })
    }
}

pub fn arm_names(e: &Experiment) -> Vec<String> {
    e.arms.iter().map(|a| a.name.clone()).collect()
}

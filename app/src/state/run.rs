//! Running: load, run, pause, step, reset; and what the engine tells.

use super::edit::Table;
use super::{Action, App, Level, RunData, listeners, problems};
use crate::engine_client::{Choice, Told};
use crate::{bases, time};
use goodhart_core::algorithm::Settings;
use goodhart_core::experiment::{Experiment, RunParams};
use goodhart_core::metrics::verdict::{Line, verdict};
use goodhart_core::params::{Overrides, Params};
use goodhart_core::protocol::Anatomy;
use leptos::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use wasm_bindgen::prelude::JsValue;

/// From the last keystroke to the new reward being sent.
const FOLLOW_MS: u64 = 30;
/// Least time between two drawings of new rows, and of the anatomy.
const DRAW_MS: f64 = 80.0;
const ANATOMY_MS: f64 = 250.0;
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
    Loading,
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
            Phase::Loading => "loading",
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
struct Pending {
    arm: usize,
    code: Option<String>,
    algorithm: Option<Overrides>,
}

/// What no view reads.
#[derive(Default)]
pub(crate) struct Internal {
    /// Run as soon as the engine is ready.
    wants_run: bool,
    /// Counts loads, so that a late base policy of an older load is dropped.
    load: u32,
    next_edit: u32,
    pending: HashMap<u32, Pending>,
    follow: u32,
    pub(super) keep: u32,
    frame: bool,
    drawn: f64,
    anatomy: Option<Arc<Anatomy>>,
    anatomy_drawn: f64,
    verdict_next: f64,
    rate: f32,
    pub(super) waiting: Vec<Waiter>,
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
        let problems = problems(&draft);
        self.problems.set(problems.clone());
        if !problems.is_empty() {
            self.stuck(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
            return;
        }
        let run = RunParams::resolve(&[&draft.run]).unwrap_or_default();
        let components = self.checks.with_untracked(|c| c.iter().map(|c| c.components.clone()).collect());
        self.data.set_value(RunData::new(draft.arms.len(), run.seeds as usize, components));
        self.update.set(0);
        self.rate.set(0.0);
        self.anatomy.set(None);
        self.verdict.set(Vec::new());
        self.edits.set(vec![EditState::None; draft.arms.len()]);
        self.seed.update(|s| *s = (*s).min(run.seeds - 1));
        self.notices.update(|n| n.retain(|n| n.action != Some(Action::Restart)));
        self.phase.set(Phase::Loading);
        self.loaded.set(Some(draft.clone()));
        self.tick.update(|t| *t += 1);
        let load = self.internal.try_update_value(|i| {
            i.wants_run = then_run;
            i.load += 1;
            i.pending.clear();
            i.anatomy = None;
            i.verdict_next = 0.0;
            i.load
        });
        wasm_bindgen_futures::spawn_local(async move {
            let base = bases::find(&draft).await;
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
            Phase::Paused | Phase::Stepping => {
                self.phase.set(Phase::Running);
                let delay = self.speed.get_untracked().delay_ms();
                self.act(|s| s.run(delay));
            }
            Phase::Running => {}
            Phase::Starting | Phase::Base { .. } | Phase::Loading => self.internal.update_value(|i| i.wants_run = true),
            Phase::Finished | Phase::Stuck(_) => self.load(true),
        }
    }

    pub fn pause(self) {
        self.internal.update_value(|i| i.wants_run = false);
        self.act(|s| s.pause());
    }

    pub fn step(self, n: u32) {
        match self.phase.get_untracked() {
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

    /// Loads the draft anew, running on if the run was.
    pub fn restart(self) {
        let moving = self.phase.with_untracked(Phase::is_moving);
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

    /// Lets the engine follow the draft, shortly after the last change.
    pub(super) fn follow_soon(self) {
        let Some(ticket) = self.internal.try_update_value(|i| {
            i.follow += 1;
            i.follow
        }) else {
            return;
        };
        time::after(FOLLOW_MS, move || {
            if self.internal.with_value(|i| i.follow) == ticket {
                self.follow();
            }
        });
    }

    fn follow(self) {
        let draft = self.draft.get_untracked();
        self.problems.set(problems(&draft));
        let Some(loaded) = self.loaded.get_untracked() else {
            self.load(false);
            return;
        };
        let moving = self.phase.with_untracked(Phase::is_moving);
        if shape(&draft) != shape(&loaded) {
            if self.update.get_untracked() == 0 && !moving {
                self.load(false);
            } else {
                let text = "The run still uses the task, policy, arms or lengths from before your change.";
                self.notify(Level::Info, text, Some(Action::Restart));
            }
            return;
        }
        self.notices.update(|n| n.retain(|n| n.action != Some(Action::Restart)));
        if matches!(self.phase.get_untracked(), Phase::Stuck(_)) {
            self.load(false);
            return;
        }
        for arm in 0..draft.arms.len() {
            self.follow_code(arm, &draft, &loaded);
            self.follow_settings(arm, &draft, &loaded);
        }
    }

    fn follow_code(self, arm: usize, draft: &Experiment, loaded: &Experiment) {
        let code = &draft.arms[arm].code;
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.code.is_some()).max_by_key(|(id, _)| **id);
            sent.and_then(|(_, p)| p.code.clone())
        });
        if *code == newest.unwrap_or_else(|| loaded.arms[arm].code.clone()) {
            return;
        }
        // A program that does not compile is shown by the editor; the old one keeps running.
        if self.checks.with_untracked(|c| c.get(arm).is_none_or(|c| c.is_error())) {
            return;
        }
        let edit = self.next_edit(Pending { arm, code: Some(code.clone()), algorithm: None });
        self.act(|s| s.set_program(arm as u32, edit, code.clone()));
    }

    fn follow_settings(self, arm: usize, draft: &Experiment, loaded: &Experiment) {
        let layers = |e: &Experiment| Settings::resolve(&[&e.algorithm, &e.arms[arm].algorithm]);
        let (Ok(wanted), Ok(shared)) = (layers(draft), Settings::resolve(&[&loaded.algorithm])) else { return };
        // What the worker is told is a diff against the algorithm that it loaded.
        let diff: Overrides = Settings::TABLE
            .iter()
            .filter_map(|spec| Some((spec.name, wanted.get(spec.name)?)))
            .filter(|(name, value)| shared.get(name).as_ref() != Some(value))
            .map(|(name, value)| (name.to_string(), value))
            .collect();
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.algorithm.is_some());
            sent.max_by_key(|(id, _)| **id).and_then(|(_, p)| p.algorithm.clone())
        });
        let in_use = match newest {
            Some(sent) => Settings::resolve(&[&loaded.algorithm, &sent]),
            None => layers(loaded),
        };
        if in_use.as_ref() == Ok(&wanted) {
            return;
        }
        let edit = self.next_edit(Pending { arm, code: None, algorithm: Some(diff.clone()) });
        self.act(|s| s.set_algorithm(arm as u32, edit, diff));
    }

    fn next_edit(self, pending: Pending) -> u32 {
        let arm = pending.arm;
        self.edits.update(|e| {
            if let Some(state) = e.get_mut(arm) {
                *state = EditState::Sent;
            }
        });
        self.internal
            .try_update_value(|i| {
                i.next_edit += 1;
                i.pending.insert(i.next_edit, pending);
                i.next_edit
            })
            .unwrap_or_default()
    }

    /// What the engine says.
    pub(super) fn told(self, told: Told) {
        match told {
            Told::Engine(view) => self.engine.set(Some(view)),
            Told::BaseProgress { step, of, loss } => self.phase.set(Phase::Base { step, of, loss }),
            Told::BaseMade(params) => {
                if let Some(experiment) = self.loaded.get_untracked() {
                    wasm_bindgen_futures::spawn_local(async move { bases::keep(&experiment, &params).await });
                }
            }
            Told::Ready => self.on_ready(),
            Told::Rows { index, values } => {
                let done = self.with_data(|d| {
                    let before = d.complete();
                    d.put(&index, &values);
                    (d.complete() > before).then(|| d.complete())
                });
                if let Some(done) = done {
                    self.emit("update", || (done as u32).into());
                }
                self.draw_soon();
            }
            Told::Anatomy(anatomy) => {
                self.internal.update_value(|i| i.anatomy = Some(Arc::new(*anatomy)));
                self.draw_soon();
            }
            Told::Rate(rate) => self.internal.update_value(|i| i.rate = rate),
            Told::Edited { arm, edit, update, error } => self.on_edited(arm as usize, edit, update, error),
            Told::Paused { update, finished } => {
                self.update.set(update);
                self.phase.set(if finished { Phase::Finished } else { Phase::Paused });
                self.internal.update_value(|i| i.verdict_next = 0.0);
                self.draw();
                self.wake(Until::Rest, &Ok(update));
            }
            Told::Moved { message, rewind } => {
                self.notify(Level::Warning, message, None);
                if let Some(update) = rewind {
                    self.data.update_value(|d| d.truncate(update as usize));
                    self.draw_soon();
                }
            }
            Told::Stuck(message) => self.stuck(message),
        }
    }

    fn on_ready(self) {
        let runs = self.internal.try_update_value(|i| std::mem::take(&mut i.wants_run)).unwrap_or_default();
        // After a fallback the run is already under way.
        if !self.phase.with_untracked(Phase::is_moving) {
            self.phase.set(Phase::Paused);
        }
        self.wake(Until::Ready, &Ok(self.update.get_untracked()));
        if runs {
            self.run();
        }
        self.follow_soon();
    }

    fn on_edited(self, arm: usize, edit: u32, update: u32, error: Option<String>) {
        let Some(Some(done)) = self.internal.try_update_value(|i| i.pending.remove(&edit)) else { return };
        let newest = self.internal.with_value(|i| i.pending.iter().all(|(id, p)| p.arm != arm || *id < edit));
        let state = match &error {
            None => EditState::InUse { update },
            Some(error) => EditState::Refused { error: error.clone() },
        };
        if newest {
            self.edits.update(|e| {
                if let Some(slot) = e.get_mut(arm) {
                    *slot = state;
                }
            });
        }
        if error.is_some() {
            return;
        }
        if let Some(code) = &done.code {
            let components = self.check_code(code).components;
            self.data.update_value(|d| d.renew(arm, update as usize, components));
        }
        self.loaded.update(|loaded| {
            let Some(slot) = loaded.as_mut().and_then(|e| e.arms.get_mut(arm)) else { return };
            if let Some(code) = done.code {
                slot.code = code;
            }
            if let Some(algorithm) = done.algorithm {
                slot.algorithm = algorithm;
            }
        });
    }

    /// Tells scripts; the value is made only for those who listen.
    pub(crate) fn emit(self, event: &str, value: impl FnOnce() -> JsValue) {
        let all = self.listeners.with_value(|l| l.of(event));
        if !all.is_empty() {
            listeners::call(&all, &value());
        }
    }

    fn stuck(self, message: String) {
        self.internal.update_value(|i| i.wants_run = false);
        self.wake(Until::Ready, &Err(message.clone()));
        self.wake(Until::Rest, &Err(message.clone()));
        self.phase.set(Phase::Stuck(message));
    }

    /// Draws what came in, soon: at most every DRAW_MS, and not in a hidden tab.
    fn draw_soon(self) {
        let Some(wait) = self.internal.try_update_value(|i| {
            let wait = (!i.frame).then(|| (i.drawn + DRAW_MS - time::now()).max(0.0));
            i.frame = true;
            wait
        }) else {
            return;
        };
        if let Some(wait) = wait {
            time::after(wait as u64, move || request_animation_frame(move || self.draw()));
        }
    }

    fn draw(self) {
        let now = time::now();
        let mut anatomy = None;
        let mut rate = 0.0;
        let mut judge = false;
        self.internal.update_value(|i| {
            i.frame = false;
            i.drawn = now;
            rate = i.rate;
            if now >= i.anatomy_drawn + ANATOMY_MS || !self.phase.with_untracked(Phase::is_moving) {
                anatomy = i.anatomy.take();
                i.anatomy_drawn = now;
            }
            judge = now >= i.verdict_next;
        });
        if let Some(anatomy) = anatomy {
            self.anatomy.set(Some(anatomy));
        }
        self.update.set(self.with_data(|d| d.complete() as u32));
        self.rate.set(rate);
        self.tick.update(|t| *t += 1);
        if judge {
            self.judge();
            // The verdict may take a tenth of the time at most.
            let cost = time::now() - now;
            self.internal.update_value(|i| i.verdict_next = now + (10.0 * cost).max(500.0));
        }
    }

    fn judge(self) {
        let names = self.arm_names();
        let lines = self.with_data(|d| verdict(&d.curves, &names));
        let count = |lines: &[Line]| lines.iter().map(|l| l.alarms.len()).sum::<usize>();
        let more = count(&lines) != self.verdict.with_untracked(|v| count(v));
        self.verdict.set(lines);
        if more {
            self.emit("alarms", || crate::api::fired(self));
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

    /// Calls `done` when the engine is ready, or rests, or cannot.
    pub(crate) fn when_ready(self, done: impl FnOnce(Result<u32, String>) + 'static) {
        match self.phase.get_untracked() {
            Phase::Starting | Phase::Loading | Phase::Base { .. } => self.wait(Until::Ready, done),
            Phase::Stuck(message) => done(Err(message)),
            _ => done(Ok(self.update.get_untracked())),
        }
    }

    pub(crate) fn when_resting(self, done: impl FnOnce(Result<u32, String>) + 'static) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping => self.wait(Until::Rest, done),
            Phase::Stuck(message) => done(Err(message)),
            _ => done(Ok(self.update.get_untracked())),
        }
    }

    fn wait(self, until: Until, done: impl FnOnce(Result<u32, String>) + 'static) {
        self.internal.update_value(|i| i.waiting.push(Waiter { until, done: Box::new(done) }));
    }

    fn wake(self, until: Until, result: &Result<u32, String>) {
        let woken = self.internal.try_update_value(|i| {
            let (now, later) = std::mem::take(&mut i.waiting).into_iter().partition(|w| w.until == until);
            i.waiting = later;
            now
        });
        for waiter in woken.unwrap_or_else(Vec::new) {
            (waiter.done)(result.clone());
        }
    }

    /// The overrides that a table of the draft holds.
    pub fn overrides(self, table: Table) -> Overrides {
        self.draft.with(|e| match table {
            Table::Task => e.task.params.clone(),
            Table::Policy => e.policy.params.clone(),
            Table::Run => e.run.clone(),
            Table::Algorithm => e.algorithm.clone(),
            Table::Arm(i) => e.arms.get(i).map(|a| a.algorithm.clone()).unwrap_or_default(),
        })
    }
}

pub fn arm_names(e: &Experiment) -> Vec<String> {
    e.arms.iter().map(|a| a.name.clone()).collect()
}

/// What a running engine cannot change: everything but programs, settings and words.
fn shape(e: &Experiment) -> impl PartialEq + use<> {
    (
        e.task.clone(),
        e.policy.clone(),
        e.base.clone(),
        RunParams::resolve(&[&e.run]).ok(),
        arm_names(e).len(),
        critic(e),
    )
}

/// A value head is part of the policy's shape.
fn critic(e: &Experiment) -> bool {
    let gae = |arm: &Overrides| {
        Settings::resolve(&[&e.algorithm, arm])
            .is_ok_and(|s| s.estimator == goodhart_core::algorithm::settings::Estimator::Gae)
    };
    e.arms.iter().any(|a| gae(&a.algorithm))
}

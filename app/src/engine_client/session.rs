//! One session with the engine workers, as a pure state machine: what comes in from workers and people goes through
//! methods, what is to be done comes out as effects. No browser here, so that tests run it natively.
//!
//! On the CPU every worker owns some of the seeds; on WebGPU one worker owns all. A worker that fails goes on from its
//! last checkpoint: WebGPU's on the CPU, the CPU's once more on the CPU.

use super::slot::{Slot, Stage};
use goodhart_core::experiment::{Experiment, RunParams};
use goodhart_core::params::{Overrides, Params};
use goodhart_core::protocol::{Adapter, Anatomy, Checkpoint, Command, EngineKind, Event, RowIndex};
use std::collections::BTreeMap;

/// How often a CPU worker may fail without having trained on since.
const MAX_FAILURES: u32 = 2;

/// What the person wants to train on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// WebGPU on a hardware adapter, else the CPU.
    #[default]
    Auto,
    Cpu,
    Gpu,
}

impl Choice {
    pub const ALL: [Choice; 3] = [Choice::Auto, Choice::Cpu, Choice::Gpu];

    pub fn name(self) -> &'static str {
        match self {
            Choice::Auto => "auto",
            Choice::Cpu => "cpu",
            Choice::Gpu => "gpu",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// The engine in use, as the page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineView {
    pub kind: EngineKind,
    pub adapter: Option<Adapter>,
    pub workers: usize,
}

/// What is to be done in the browser.
#[derive(Debug)]
pub enum Effect {
    /// Start the worker of a slot (ending the one that is there).
    Start(usize),
    Stop(usize),
    Send(usize, Command),
    Tell(Told),
}

/// What the page is told.
#[derive(Debug)]
pub enum Told {
    Engine(EngineView),
    BaseProgress {
        step: u32,
        of: u32,
        loss: f32,
    },
    /// A base policy was warmed up: worth keeping.
    BaseMade(Vec<f32>),
    /// Every worker is ready for commands.
    Ready,
    Rows {
        index: Vec<RowIndex>,
        values: Vec<f32>,
    },
    Anatomy(Box<Anatomy>),
    Rate(f32),
    /// An edit is used by every lane from `update` on, or was refused.
    Edited {
        arm: u32,
        edit: u32,
        update: u32,
        error: Option<String>,
    },
    Paused {
        update: u32,
        finished: bool,
    },
    /// Training goes on from a checkpoint. With `rewind`, rows from that update on are to be dropped: the CPU engine's
    /// come again bit for bit, another engine's do not.
    Moved {
        message: String,
        rewind: Option<u32>,
    },
    /// No engine can run this.
    Stuck(String),
}

/// What is trained, and how far it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Rest,
    Run { delay_ms: u32 },
    Reach { update: u32 },
}

/// An edit sent to the workers and not yet answered by all.
struct Edit {
    command: Command,
    arm: u32,
    waiting: Vec<usize>,
    update: u32,
    error: Option<String>,
}

/// What is loaded.
struct Plan {
    experiment: Experiment,
    base: Option<Vec<f32>>,
    kind: EngineKind,
    seeds: u32,
}

pub struct Session {
    choice: Choice,
    cores: usize,
    slots: Vec<Slot>,
    run: u32,
    plan: Option<Plan>,
    /// The choice had to be given up (WebGPU failed); holds until the person chooses again.
    no_gpu: bool,
    wish: Wish,
    watch: (u32, u32),
    edits: BTreeMap<u32, Edit>,
    adapter: Option<Option<Adapter>>,
    told_pause: bool,
    /// With a graphics card, the automatic choice tries both engines on the experiment and keeps the faster.
    trial: Option<Trial>,
    faster: Option<EngineKind>,
}

/// Both engines in turn: a few updates each, by the workers' own clocks.
struct Trial {
    kind: EngineKind,
    cpu_rate: f32,
    /// What was wished for meanwhile.
    wish: Wish,
}

/// Updates of a trial; the first ones are slower than the rest.
const TRIAL_UPDATES: u32 = 6;

impl Session {
    pub fn new(choice: Choice, cores: usize) -> (Self, Vec<Effect>) {
        let session = Self {
            choice,
            cores: cores.clamp(1, 64),
            slots: vec![Slot::default()],
            run: 0,
            plan: None,
            no_gpu: false,
            wish: Wish::Rest,
            watch: (0, 0),
            edits: BTreeMap::new(),
            adapter: None,
            told_pause: true,
            trial: None,
            faster: None,
        };
        (session, vec![Effect::Start(0)])
    }

    /// A new choice of engine; takes effect with the next load.
    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        self.no_gpu = false;
        self.faster = None;
    }

    /// Loads an experiment from update 0; the run rests until told otherwise.
    pub fn load(&mut self, experiment: Experiment, base: Option<Vec<f32>>) -> Vec<Effect> {
        let run = RunParams::resolve(&[&experiment.run]).unwrap_or_default();
        self.wish = Wish::Rest;
        self.told_pause = true;
        self.trial = None;
        self.faster = None;
        self.edits.clear();
        self.plan = Some(Plan { experiment, base, kind: EngineKind::Cpu, seeds: run.seeds });
        self.begin(None)
    }

    pub fn run(&mut self, delay_ms: u32) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Run { delay_ms };
            return Vec::new();
        }
        self.wish = Wish::Run { delay_ms };
        self.told_pause = false;
        let run = self.run;
        self.to_ready(|slot| (!slot.finished).then_some(Command::Run { run, delay_ms }))
    }

    pub fn pause(&mut self) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Rest;
            return Vec::new();
        }
        if matches!(self.wish, Wish::Rest) {
            return Vec::new();
        }
        self.wish = Wish::Rest;
        let run = self.run;
        let mut effects = self.to_ready(|slot| (!slot.paused).then_some(Command::Pause { run }));
        effects.extend(self.settle());
        effects
    }

    /// Trains until every lane has done `n` more updates than the furthest.
    pub fn step(&mut self, n: u32) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Reach { update: n };
            return Vec::new();
        }
        let target = self.busy().map(|s| s.update).max().unwrap_or(0) + n;
        self.told_pause = false;
        self.reach(target)
    }

    pub fn set_program(&mut self, arm: u32, edit: u32, code: String) -> Vec<Effect> {
        let command = Command::SetProgram { run: self.run, arm, edit, code };
        self.edit(arm, edit, command)
    }

    pub fn set_algorithm(&mut self, arm: u32, edit: u32, algorithm: Overrides) -> Vec<Effect> {
        let command = Command::SetAlgorithm { run: self.run, arm, edit, algorithm };
        self.edit(arm, edit, command)
    }

    /// The lane that the anatomy shows.
    pub fn watch(&mut self, arm: u32, seed: u32) -> Vec<Effect> {
        self.watch = (arm, seed);
        let run = self.run;
        self.to_ready(|_| Some(Command::Watch { run, arm, seed }))
    }

    /// Asks every worker for a checkpoint, for the case that it fails.
    pub fn save(&mut self) -> Vec<Effect> {
        let run = self.run;
        self.to_ready(|slot| {
            let newer = slot.checkpoint.as_ref().is_none_or(|c| c.update < slot.update);
            newer.then_some(Command::Save { run })
        })
    }

    /// A worker says something.
    pub fn on_event(&mut self, at: usize, event: Event) -> Vec<Effect> {
        if let Event::Started { adapter } = event {
            return self.on_started(at, adapter);
        }
        if run_of(&event) != Some(self.run) || self.slots.get(at).is_none_or(|s| s.stage == Stage::Idle) {
            return Vec::new();
        }
        match event {
            Event::Started { .. } => Vec::new(),
            Event::BaseProgress { step, of, loss, .. } => vec![Effect::Tell(Told::BaseProgress { step, of, loss })],
            Event::Base { params, .. } => self.on_base(params),
            Event::Ready { engine, .. } => self.on_ready(at, engine.adapter),
            Event::Report { index, values, anatomy, updates_per_s, .. } => {
                self.on_report(at, index, values, anatomy, updates_per_s)
            }
            Event::Edited { edit, update, error, .. } => self.on_edited(at, edit, update, error),
            Event::Checkpointed { checkpoint, .. } => {
                self.slots[at].checkpoint = Some(checkpoint);
                Vec::new()
            }
            Event::Paused { update, finished, .. } => {
                let slot = &mut self.slots[at];
                slot.update = update;
                slot.paused = true;
                slot.finished = finished;
                self.settle()
            }
            Event::Failed { message, checkpoint, .. } => self.on_failed(at, message, checkpoint),
        }
    }

    /// A worker died.
    pub fn on_crash(&mut self, at: usize, message: String) -> Vec<Effect> {
        if at >= self.slots.len() || self.slots[at].stage == Stage::Dead {
            return Vec::new();
        }
        if !self.slots[at].started {
            // It never ran: starting it again would fail again.
            self.slots[at].stage = Stage::Dead;
            return vec![Effect::Stop(at), Effect::Tell(Told::Stuck(format!("The engine did not start: {message}.")))];
        }
        self.on_failed(at, message, None)
    }

    fn on_started(&mut self, at: usize, adapter: Option<Adapter>) -> Vec<Effect> {
        let Some(slot) = self.slots.get_mut(at) else { return Vec::new() };
        slot.started = true;
        if self.adapter.is_none() {
            self.adapter = Some(adapter);
            if self.plan.is_some() && self.slots.iter().all(|s| s.seeds.is_empty()) {
                return self.begin(None);
            }
        }
        self.load_slot(at)
    }

    fn on_base(&mut self, params: Vec<f32>) -> Vec<Effect> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        plan.base = Some(params.clone());
        let mut effects = vec![Effect::Tell(Told::BaseMade(params))];
        for at in 0..self.slots.len() {
            effects.extend(self.load_slot(at));
        }
        effects
    }

    fn on_ready(&mut self, at: usize, adapter: Option<Adapter>) -> Vec<Effect> {
        let (run, (arm, seed)) = (self.run, self.watch);
        let slot = &mut self.slots[at];
        slot.stage = Stage::Ready;
        slot.update = slot.checkpoint.as_ref().map_or(0, |c| c.update);
        let mut effects = vec![Effect::Send(at, Command::Watch { run, arm, seed })];
        for edit in self.edits.values() {
            if edit.waiting.contains(&at) {
                effects.push(Effect::Send(at, edit.command.clone()));
            }
        }
        let slot = &mut self.slots[at];
        match self.wish {
            Wish::Rest => slot.paused = true,
            Wish::Run { delay_ms } => {
                slot.paused = false;
                effects.push(Effect::Send(at, Command::Run { run, delay_ms }));
            }
            Wish::Reach { update } if update > slot.update => {
                slot.paused = false;
                effects.push(Effect::Send(at, Command::Step { run, n: update - slot.update }));
            }
            Wish::Reach { .. } => slot.paused = true,
        }
        if self.busy().all(|s| s.stage == Stage::Ready)
            && let Some(plan) = &self.plan
        {
            let workers = self.busy().count();
            if self.trial.is_none() {
                effects.push(Effect::Tell(Told::Engine(EngineView { kind: plan.kind, adapter, workers })));
                effects.push(Effect::Tell(Told::Ready));
            }
        }
        effects.extend(self.settle());
        effects
    }

    fn on_report(
        &mut self,
        at: usize,
        index: Vec<RowIndex>,
        values: Vec<f32>,
        anatomy: Option<Box<Anatomy>>,
        rate: f32,
    ) -> Vec<Effect> {
        let slot = &mut self.slots[at];
        if let Some(last) = index.iter().map(|i| i.update + 1).max() {
            slot.update = slot.update.max(last);
            slot.failures = 0;
        }
        slot.rate = rate;
        if self.trial.is_some() {
            return Vec::new();
        }
        // The run is as fast as its slowest worker.
        let rate = self.busy().map(|s| s.rate).fold(f32::INFINITY, f32::min);
        let mut effects = vec![Effect::Tell(Told::Rows { index, values }), Effect::Tell(Told::Rate(rate))];
        if let Some(anatomy) = anatomy
            && (anatomy.arm, anatomy.seed) == self.watch
        {
            effects.push(Effect::Tell(Told::Anatomy(anatomy)));
        }
        effects
    }

    fn edit(&mut self, arm: u32, edit: u32, command: Command) -> Vec<Effect> {
        let waiting: Vec<usize> = (0..self.slots.len()).filter(|at| !self.slots[*at].seeds.is_empty()).collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        let ready = waiting.iter().filter(|at| self.slots[**at].stage == Stage::Ready);
        let effects = ready.map(|at| Effect::Send(*at, command.clone())).collect();
        self.edits.insert(edit, Edit { command, arm, waiting, update: 0, error: None });
        effects
    }

    fn on_edited(&mut self, at: usize, id: u32, update: u32, error: Option<String>) -> Vec<Effect> {
        let Some(edit) = self.edits.get_mut(&id) else { return Vec::new() };
        edit.waiting.retain(|w| *w != at);
        edit.update = edit.update.max(update);
        edit.error = edit.error.take().or(error);
        if !edit.waiting.is_empty() {
            return Vec::new();
        }
        let Some(done) = self.edits.remove(&id) else { return Vec::new() };
        if done.error.is_none() {
            self.adopt(done.command);
        }
        vec![Effect::Tell(Told::Edited { arm: done.arm, edit: id, update: done.update, error: done.error })]
    }

    /// An edit in use becomes part of what is loaded, so that a restart from a checkpoint keeps it.
    fn adopt(&mut self, command: Command) {
        let Some(plan) = &mut self.plan else { return };
        match command {
            Command::SetProgram { arm, code, .. } => {
                if let Some(arm) = plan.experiment.arms.get_mut(arm as usize) {
                    arm.code = code;
                }
            }
            Command::SetAlgorithm { arm, algorithm, .. } => {
                if let Some(arm) = plan.experiment.arms.get_mut(arm as usize) {
                    arm.algorithm = algorithm;
                }
            }
            _ => {}
        }
    }

    /// A worker's engine is gone. The worker is started anew in any case: after a panic its memory cannot be trusted.
    fn on_failed(&mut self, at: usize, message: String, last: Option<Checkpoint>) -> Vec<Effect> {
        let Some(kind) = self.plan.as_ref().map(|p| p.kind) else { return Vec::new() };
        let was_ready = self.slots[at].stage == Stage::Ready;
        let slot = &mut self.slots[at];
        slot.checkpoint = last.or(slot.checkpoint.take());
        slot.failures += 1;
        slot.started = false;
        slot.update = slot.checkpoint.as_ref().map_or(0, |c| c.update);
        let update = slot.update;
        let mut effects = vec![Effect::Start(at)];
        if kind == EngineKind::Gpu {
            self.no_gpu = true;
            let checkpoint = slot.checkpoint.take();
            if let Some(trial) = self.trial.take() {
                // It never ran: nothing is lost, and nothing needs to be said but which engine it is.
                self.wish = trial.wish;
                effects.extend(self.begin(None));
                return effects;
            }
            let message = format!("WebGPU stopped ({message}); the run goes on on the CPU from update {update}.");
            effects.push(Effect::Tell(Told::Moved { message, rewind: Some(update) }));
            effects.extend(self.begin(checkpoint));
        } else if slot.failures > MAX_FAILURES || !was_ready {
            slot.stage = Stage::Idle;
            self.wish = Wish::Rest;
            effects.push(Effect::Tell(Told::Stuck(message)));
        } else {
            slot.stage = Stage::Waiting;
            let message = format!("An engine worker stopped ({message}); it goes on from update {update}.");
            effects.push(Effect::Tell(Told::Moved { message, rewind: None }));
        }
        effects
    }

    /// Splits the seeds among workers and loads them, from update 0 or from a checkpoint of all lanes.
    fn begin(&mut self, checkpoint: Option<Checkpoint>) -> Vec<Effect> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        let wants_gpu = match (self.choice, &self.adapter) {
            _ if self.no_gpu => false,
            (Choice::Cpu, _) => false,
            (Choice::Gpu, _) => true,
            (Choice::Auto, Some(Some(a))) if !a.software => match (&self.trial, self.faster) {
                (Some(trial), _) => trial.kind == EngineKind::Gpu,
                (None, Some(kind)) => kind == EngineKind::Gpu,
                (None, None) => {
                    self.trial = Some(Trial { kind: EngineKind::Cpu, cpu_rate: 0.0, wish: self.wish });
                    self.wish = Wish::Reach { update: TRIAL_UPDATES };
                    false
                }
            },
            (Choice::Auto, Some(_)) => false,
            // Which engine is not known before the first worker has looked for an adapter.
            (Choice::Auto, None) => return Vec::new(),
        };
        self.run += 1;
        plan.kind = if wants_gpu { EngineKind::Gpu } else { EngineKind::Cpu };
        let seeds = plan.seeds as usize;
        let workers = if wants_gpu { 1 } else { self.cores.min(seeds).max(1) };
        let mut effects = Vec::new();
        while self.slots.len() > workers {
            self.slots.pop();
            effects.push(Effect::Stop(self.slots.len()));
        }
        while self.slots.len() < workers {
            effects.push(Effect::Start(self.slots.len()));
            self.slots.push(Slot::default());
        }
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.stage == Stage::Dead {
                effects.push(Effect::Start(at));
            }
            let own: Vec<u32> = (0..seeds as u32).filter(|s| *s as usize % workers == at).collect();
            let lanes = checkpoint.as_ref().map(|c| Checkpoint {
                update: c.update,
                lanes: c.lanes.iter().filter(|l| own.contains(&l.seed)).cloned().collect(),
            });
            slot.assign(own, lanes);
        }
        for edit in self.edits.values_mut() {
            edit.waiting = (0..workers).collect();
            match &mut edit.command {
                Command::SetProgram { run, .. } | Command::SetAlgorithm { run, .. } => *run = self.run,
                _ => {}
            }
        }
        for at in 0..workers {
            effects.extend(self.load_slot(at));
        }
        effects
    }

    /// Sends a started worker its seeds. Without a base policy only the first is loaded: it makes one for all.
    fn load_slot(&mut self, at: usize) -> Vec<Effect> {
        let (Some(plan), Some(slot)) = (&self.plan, self.slots.get_mut(at)) else { return Vec::new() };
        if !slot.started || slot.stage != Stage::Waiting || slot.seeds.is_empty() {
            return Vec::new();
        }
        let needs_base = plan.experiment.base.as_ref().is_some_and(|b| b.steps > 0) && plan.base.is_none();
        if needs_base && at > 0 {
            return Vec::new();
        }
        slot.stage = Stage::Loading;
        vec![Effect::Send(
            at,
            Command::Load {
                run: self.run,
                experiment: Box::new(plan.experiment.clone()),
                seeds: slot.seeds.clone(),
                engine: plan.kind,
                base: plan.base.clone(),
                checkpoint: slot.checkpoint.clone(),
            },
        )]
    }

    /// When every lane rests: brings the ones behind up to the furthest, then tells.
    fn settle(&mut self) -> Vec<Effect> {
        if self.trial.is_some() {
            return self.settle_trial();
        }
        if self.told_pause || !self.busy().all(|s| s.stage == Stage::Ready && s.paused) {
            return Vec::new();
        }
        let furthest = self.busy().map(|s| s.update).max().unwrap_or(0);
        if self.busy().any(|s| s.update < furthest && !s.finished) {
            return self.reach(furthest);
        }
        self.wish = Wish::Rest;
        self.told_pause = true;
        let finished = self.busy().all(|s| s.finished);
        vec![Effect::Tell(Told::Paused { update: furthest, finished })]
    }

    /// The engine on trial is through: the other one's turn, or the faster one's.
    fn settle_trial(&mut self) -> Vec<Effect> {
        if !self.busy().all(|s| s.stage == Stage::Ready && s.paused && s.update > 0) {
            return Vec::new();
        }
        let rate = self.busy().map(|s| s.rate).fold(f32::INFINITY, f32::min);
        let Some(trial) = &mut self.trial else { return Vec::new() };
        if trial.kind == EngineKind::Cpu {
            trial.cpu_rate = rate;
            trial.kind = EngineKind::Gpu;
        } else {
            self.faster = Some(if rate > trial.cpu_rate { EngineKind::Gpu } else { EngineKind::Cpu });
            self.wish = trial.wish;
            self.trial = None;
            self.told_pause = matches!(self.wish, Wish::Rest);
        }
        self.begin(None)
    }

    fn reach(&mut self, update: u32) -> Vec<Effect> {
        self.wish = Wish::Reach { update };
        let run = self.run;
        let mut effects = self.to_ready(|slot| {
            let behind = update.saturating_sub(slot.update);
            (behind > 0 && !slot.finished).then_some(Command::Step { run, n: behind })
        });
        effects.extend(self.settle());
        effects
    }

    fn busy(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|s| !s.seeds.is_empty())
    }

    /// Sends each ready worker its command; one that is told to train is no longer paused.
    fn to_ready(&mut self, command: impl Fn(&Slot) -> Option<Command>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.stage == Stage::Ready
                && !slot.seeds.is_empty()
                && let Some(command) = command(slot)
            {
                if matches!(command, Command::Run { .. } | Command::Step { .. }) {
                    slot.paused = false;
                }
                effects.push(Effect::Send(at, command));
            }
        }
        effects
    }
}

fn run_of(event: &Event) -> Option<u32> {
    match event {
        Event::Started { .. } => None,
        Event::BaseProgress { run, .. }
        | Event::Base { run, .. }
        | Event::Ready { run, .. }
        | Event::Report { run, .. }
        | Event::Edited { run, .. }
        | Event::Checkpointed { run, .. }
        | Event::Paused { run, .. }
        | Event::Failed { run, .. } => Some(*run),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

//! One session with the engine workers, as a pure state machine: what comes in from workers and people goes through
//! methods, what is to be done comes out as effects. No browser here, so that tests run it natively.
//!
//! On the CPU every worker owns some of the seeds; on WebGPU one worker owns all. A worker that fails goes on from its
//! last checkpoint: WebGPU's on the CPU, the CPU's once more on the CPU.

use super::messages::{Choice, ClientEvent, Effect, EngineView, Start};
use super::slot::{Slot, Stage};
use super::state::{Crew, Plan, Session, Wish};
use crate::model::run_params;
use crate::text::sentence;
use goodhart_core::experiment::Experiment;
use goodhart_core::protocol::{Adapter, Anatomy, BasePolicy, Command, EngineKind, Event, RowIndex, wire};

impl Session {
    /// A new choice of engine; takes effect with the next load.
    pub fn choose(&mut self, choice: Choice) {
        self.choice = choice;
        self.no_gpu = false;
        self.faster = None;
    }

    /// Loads an experiment with the numbers of its arms' identities; the run rests until told otherwise.
    pub fn load(&mut self, experiment: Experiment, ids: Vec<u32>, start: Start) -> Vec<Effect> {
        let Start { bases, bounds, past } = start;
        let run = run_params(&experiment);
        self.wish = Wish::Rest;
        self.pause_reported = true;
        self.pausing = None;
        self.trial = None;
        // What another visit found out is not tried again.
        self.faster = past.as_ref().map(|past| past.kind);
        let from = past.map(|past| past.checkpoints).unwrap_or_default();
        self.edits.clear();
        self.regroup = None;
        let (crew, kind) = (Crew { experiment, ids }, EngineKind::Cpu);
        self.plan = Some(Plan { crew, bases, kind, seeds: run.seeds, bounds, from });
        self.begin(None)
    }

    /// Another experiment is about to be loaded: what workers still say of the run in hand is no longer heard.
    pub fn retire(&mut self) -> Vec<Effect> {
        let run = self.run;
        let effects = self.send_ready(|slot| (!slot.paused).then_some(Command::Pause { run, at: None }));
        self.run += 1;
        self.regroup = None;
        effects
    }

    pub fn run(&mut self, delay_ms: u32) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Run { delay_ms };
            return Vec::new();
        }
        if let Some(regroup) = &mut self.regroup {
            regroup.wish = Wish::Run { delay_ms };
            return self.catch_up();
        }
        self.wish = Wish::Run { delay_ms };
        self.pause_reported = false;
        self.pausing = None;
        let run = self.run;
        let mut effects = self.pace();
        effects.extend(self.send_ready(|slot| (!slot.finished).then_some(Command::Run { run, delay_ms })));
        effects
    }

    /// Rests at the update on screen, which no lane has not reached.
    pub fn pause(&mut self, shown: u32) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Rest;
            return Vec::new();
        }
        let mut at = Some(shown);
        if let Some(regroup) = &mut self.regroup {
            regroup.wish = Wish::Rest;
            at = None;
        }
        if matches!(self.wish, Wish::Rest) {
            return Vec::new();
        }
        self.wish = Wish::Rest;
        self.begin_pause(shown);
        let run = self.run;
        let mut effects = self.send_ready(|slot| (!slot.paused).then_some(Command::Pause { run, at }));
        effects.extend(self.settle());
        effects
    }

    /// Trains until every lane has done `n` more updates than the furthest.
    pub fn step(&mut self, n: u32) -> Vec<Effect> {
        if let Some(trial) = &mut self.trial {
            trial.wish = Wish::Reach { update: n };
            return Vec::new();
        }
        if let Some(regroup) = &mut self.regroup {
            regroup.wish = Wish::Reach { update: regroup.at + n };
            return self.catch_up();
        }
        let target = self.busy().map(|s| s.update).max().unwrap_or(0) + n;
        self.pause_reported = false;
        self.pausing = None;
        self.reach(target)
    }

    /// Those that catch up train, if anybody is to.
    fn catch_up(&mut self) -> Vec<Effect> {
        let Some(at) = self.regroup.as_ref().filter(|r| !r.gathers).map(|r| r.at) else { return Vec::new() };
        self.pause_reported = false;
        self.reach(at)
    }

    /// The lane that the anatomy shows: the number of its strategy, and its seed.
    pub fn watch(&mut self, arm: u32, seed: u32) -> Vec<Effect> {
        self.watch = (arm, seed);
        let command = self.watching();
        self.send_ready(|_| command.clone())
    }

    /// What workers are told of the lane that is watched, if it is loaded.
    fn watching(&self) -> Option<Command> {
        let (arm, seed) = self.watch;
        let arm = self.plan.as_ref()?.crew.place(arm)? as u32;
        Some(Command::Watch { run: self.run, arm, seed })
    }

    /// Asks every worker for a checkpoint, for the case that it fails.
    pub fn save(&mut self) -> Vec<Effect> {
        let run = self.run;
        self.send_ready(|slot| {
            let newer = slot.checkpoint.as_ref().is_none_or(|c| c.update < slot.update);
            newer.then_some(Command::Save { run })
        })
    }

    /// A worker says something.
    pub fn on_event(&mut self, at: usize, event: Event) -> Vec<Effect> {
        self.heard(at, run_of(&event));
        if let Event::Started { adapter } = event {
            return self.on_started(at, adapter);
        }
        if run_of(&event) != Some(self.run) || self.slots.get(at).is_none_or(|s| s.stage == Stage::Idle) {
            return Vec::new();
        }
        match event {
            Event::Started { .. } | Event::Alive { .. } => Vec::new(),
            Event::BaseProgress { step, of, loss, .. } => {
                vec![Effect::Tell(ClientEvent::BaseProgress { step, of, loss })]
            }
            Event::Base { policy, .. } => self.on_base(policy),
            Event::ModelsProgress { step, of, .. } => {
                self.slots[at].models = (step, of);
                let (step, of) = self.busy().fold((0, 0), |all, s| (all.0 + s.models.0, all.1 + s.models.1));
                vec![Effect::Tell(ClientEvent::ModelsProgress { step, of })]
            }
            Event::CompileProgress { stage, of, .. } => vec![Effect::Tell(ClientEvent::Compiling { stage, of })],
            Event::Models { reports, on, .. } => vec![Effect::Tell(ClientEvent::Models { reports, on })],
            Event::Notice { message, .. } => vec![Effect::Tell(ClientEvent::Moved { message, rewind: None })],
            Event::Ready { engine, .. } => self.on_ready(at, engine.adapter),
            Event::Report { index, values, anatomy, updates_per_s, .. } => {
                self.on_report(at, index, values, anatomy, updates_per_s)
            }
            Event::Edited { edit, update, error, .. } => self.on_edited(at, edit, update, error),
            Event::Checkpointed { checkpoint, .. } => {
                let (state, lanes) = (wire::encode(&checkpoint), checkpoint.lanes.len());
                self.slots[at].checkpoint = Some(checkpoint);
                if self.trial.is_some() {
                    return Vec::new();
                }
                let mut effects =
                    vec![Effect::Tell(ClientEvent::Checkpoint { load: self.run, worker: at, lanes, state })];
                effects.extend(self.gathered());
                effects
            }
            Event::Paused { update, finished, .. } => {
                let slot = &mut self.slots[at];
                slot.update = update;
                // The late answer to a pause that was taken back: it has been told to train since.
                let late = match self.wish {
                    Wish::Rest => false,
                    Wish::Run { .. } => true,
                    Wish::Reach { update: target } => update < target,
                };
                if late && !finished && !slot.paused && self.trial.is_none() {
                    return Vec::new();
                }
                slot.paused = true;
                slot.finished = finished;
                let mut effects = Vec::new();
                // A person's pause: the page may be closed while it lasts. Workers that rest by themselves send what they have.
                let lasts = self.wish == Wish::Rest && self.regroup.is_none() && self.trial.is_none();
                let went_back = slot.checkpoint.as_ref().is_some_and(|c| c.update > update);
                if went_back {
                    // It went back to what is on screen: what it sent from later on will be trained anew.
                    slot.checkpoint = None;
                }
                if went_back || (lasts && update > 0 && !slot.is_kept()) {
                    effects.push(Effect::Send(at, Command::Save { run: self.run }));
                }
                effects.extend(self.settle());
                effects
            }
            Event::Outgrown { .. } => vec![Effect::Stop(at), self.begin_anew(at)],
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
            let message = sentence(message.trim_start_matches("Uncaught "));
            let why = format!("The engine did not start: {message} Run tries again.");
            let mut effects = vec![Effect::Stop(at)];
            effects.extend(self.stick(why));
            return effects;
        }
        self.on_lost(at, message)
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

    fn on_base(&mut self, policy: BasePolicy) -> Vec<Effect> {
        let Some(plan) = &mut self.plan else { return Vec::new() };
        plan.bases.put(policy.number, policy.params.clone());
        let mut effects = vec![Effect::Tell(ClientEvent::BaseMade(policy))];
        for at in 0..self.slots.len() {
            effects.extend(self.load_slot(at));
        }
        effects
    }

    fn on_ready(&mut self, at: usize, adapter: Option<Adapter>) -> Vec<Effect> {
        let run = self.run;
        let updates = self.plan.as_ref().map_or(u32::MAX, |plan| run_params(&plan.crew.experiment).updates);
        let slot = &mut self.slots[at];
        slot.stage = Stage::Ready;
        slot.update = slot.checkpoint.as_ref().map_or(0, |c| c.update);
        slot.pace = 0;
        slot.finished = slot.update >= updates;
        let mut effects: Vec<Effect> = self.watching().map(|c| Effect::Send(at, c)).into_iter().collect();
        for (id, edit) in &self.edits {
            if edit.waiting.contains(&at) {
                effects.extend(self.command_of(*id, edit).map(|c| Effect::Send(at, c)));
            }
        }
        effects.extend(self.pace());
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
                effects.push(Effect::Tell(ClientEvent::Engine(EngineView { kind: plan.kind, adapter, workers })));
                effects.push(Effect::Tell(ClientEvent::Ready));
            }
        }
        effects.extend(self.settle());
        effects
    }

    fn on_report(
        &mut self,
        at: usize,
        mut index: Vec<RowIndex>,
        values: Vec<f32>,
        anatomy: Option<Box<Anatomy>>,
        rate: f32,
    ) -> Vec<Effect> {
        let slot = &mut self.slots[at];
        if let Some(last) = index.iter().map(|i| i.update + 1).max() {
            slot.update = slot.update.max(last);
            slot.failures = 0;
            slot.life.train();
        }
        slot.rate = rate;
        if self.trial.is_some() {
            return self.pace();
        }
        let ids = self.plan.as_ref().map(|plan| plan.crew.ids.as_slice()).unwrap_or_default();
        let number = |arm: u32| ids.get(arm as usize).copied().unwrap_or(u32::MAX);
        index.iter_mut().for_each(|row| row.arm = number(row.arm));
        let anatomy = anatomy.map(|mut a| {
            a.arm = number(a.arm);
            a.scenes.iter_mut().for_each(|scene| scene.arm = number(scene.arm));
            a
        });
        // The run is as fast as its slowest worker.
        let rate = self.busy().map(|s| s.rate).fold(f32::INFINITY, f32::min);
        let mut effects =
            vec![Effect::Tell(ClientEvent::Rows { worker: at, index, values }), Effect::Tell(ClientEvent::Rate(rate))];
        if let Some(anatomy) = anatomy
            && (anatomy.arm, anatomy.seed) == self.watch
        {
            effects.push(Effect::Tell(ClientEvent::Anatomy(anatomy)));
        }
        effects.extend(self.pace());
        effects
    }

    /// When every lane rests: brings the ones behind up to the furthest, then tells.
    pub(super) fn settle(&mut self) -> Vec<Effect> {
        if self.trial.is_some() {
            return self.settle_trial();
        }
        if self.pause_reported || !self.busy().all(|s| s.stage == Stage::Ready && s.paused) {
            return Vec::new();
        }
        let furthest = self.busy().map(|s| s.update).max().unwrap_or(0);
        if self.busy().any(|s| s.update < furthest && !s.finished) {
            return self.reach(furthest);
        }
        let mut update = furthest;
        if let Some(regroup) = &self.regroup {
            if regroup.gathers || furthest >= regroup.at {
                return self.gather();
            }
            update = regroup.at;
        }
        self.wish = Wish::Rest;
        self.pause_reported = true;
        let finished = self.busy().all(|s| s.finished);
        vec![Effect::Tell(ClientEvent::Paused { update, finished })]
    }

    fn reach(&mut self, update: u32) -> Vec<Effect> {
        self.wish = Wish::Reach { update };
        let run = self.run;
        let mut effects = self.pace();
        effects.extend(self.send_ready(|slot| {
            let behind = update.saturating_sub(slot.update);
            (behind > 0 && !slot.finished).then_some(Command::Step { run, n: behind })
        }));
        effects.extend(self.settle());
        effects
    }

    pub(super) fn busy(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().filter(|s| !s.seeds.is_empty())
    }

    /// Sends each ready worker its command; one that is told to train is no longer paused.
    pub(super) fn send_ready(&mut self, command: impl Fn(&Slot) -> Option<Command>) -> Vec<Effect> {
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
        | Event::ModelsProgress { run, .. }
        | Event::CompileProgress { run, .. }
        | Event::Models { run, .. }
        | Event::Notice { run, .. }
        | Event::Ready { run, .. }
        | Event::Report { run, .. }
        | Event::Edited { run, .. }
        | Event::Checkpointed { run, .. }
        | Event::Paused { run, .. }
        | Event::Outgrown { run }
        | Event::Failed { run, .. }
        | Event::Alive { run } => Some(*run),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
pub(super) mod tests;

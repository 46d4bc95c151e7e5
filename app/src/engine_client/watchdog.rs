//! Nothing that a worker does keeps a person waiting: a worker that says nothing for long, that does not begin what it is
//! told to load, or that goes on long after a pause, is ended and begun anew from its last checkpoint.
//!
//! Workers give signs of life every half second (`Event::Alive`), also from the middle of a long update. All times are
//! milliseconds of the page's clock.

use super::messages::{Bounds, ClientEvent, Effect};
use super::recover::MAX_FAILURES;
use super::slot::{Life, Slot, Stage};
use super::state::{Pausing, Session, Wish};
use goodhart_core::protocol::EngineKind;

/// How often the page looks after the workers.
pub(super) const EVERY: u64 = 100;
/// A page that was not called for so long slept, or was hidden: what the workers said meanwhile may still be on its way.
const SLEPT: f64 = 1500.0;
/// From a pause to the page's saying that it rests, with or without the workers' word.
const ANSWER: f64 = 120.0;
/// From a pause to the end of a worker that trains on; from a load to the end of one that does not begin it.
const GIVE_UP: f64 = 1500.0;
/// Silence after which a worker counts as lost: in training, and while it builds an engine.
const SILENCE: f64 = 3000.0;
const LOADING: f64 = 10_000.0;
/// The same before its module runs, which may have to come over a slow network; and once it has come to another worker.
const STARTING: f64 = 60_000.0;
const STARTING_AGAIN: f64 = 15_000.0;
/// How many times what an update may take by its plan a worker may be silent in the first one.
const FIRST: f64 = 1.5;
/// How many times its longest silence in training so far a worker may be silent.
const LONGER: f64 = 4.0;

impl Session {
    /// Tells the time, in milliseconds of a clock that only goes forward.
    pub fn at(&mut self, now: f64) {
        self.now = now;
    }

    /// A worker said something.
    pub(super) fn heard(&mut self, at: usize, run: Option<u32>) {
        // While the page itself was held up, what had been said waited.
        let on_time = self.now - self.ticked < 3.0 * EVERY as f64;
        let (now, is_this) = (self.now, run == Some(self.run));
        if let Some(slot) = self.slots.get_mut(at) {
            slot.life.hear(now, on_time && is_this && slot.stage == Stage::Ready);
            if is_this {
                slot.life.asked = None;
            }
        }
    }

    /// Starts the worker of a slot, ending the one that is there.
    pub(super) fn start_worker(&mut self, at: usize) -> Effect {
        let now = self.now;
        if let Some(slot) = self.slots.get_mut(at) {
            slot.started = false;
            slot.life = Life { heard: now, longest: slot.life.longest, ..Life::default() };
        }
        Effect::Start(at)
    }

    /// Looks after the workers; to be called every `EVERY` milliseconds.
    pub fn tick(&mut self) -> Vec<Effect> {
        let slept = self.now - self.ticked > SLEPT;
        self.ticked = self.now;
        if slept {
            for slot in &mut self.slots {
                slot.life.heard = self.now;
                slot.life.asked = slot.life.asked.map(|_| self.now);
            }
            return Vec::new();
        }
        let mut effects = self.answer_pause();
        for at in 0..self.slots.len() {
            let slot = &self.slots[at];
            if matches!(slot.stage, Stage::Idle | Stage::Dead) {
                continue;
            }
            if slot.life.asked.is_some_and(|since| self.now - since > GIVE_UP) {
                effects.push(self.begin_anew(at));
            } else if self.now - slot.life.heard > self.patience(slot) {
                effects.extend(self.on_silent(at));
            }
        }
        effects
    }

    /// How long a worker may be silent. Doubled with every time that it was ended and has not trained since: a machine
    /// that is slow is not to be taken for one that hangs for ever.
    fn patience(&self, slot: &Slot) -> f64 {
        if !slot.started {
            return if self.adapter.is_some() { STARTING_AGAIN } else { STARTING };
        }
        let first =
            if slot.life.trained { 0.0 } else { FIRST * 1000.0 * self.plan.as_ref().map_or(0.0, |p| p.bounds.seconds) };
        let least =
            if slot.stage == Stage::Ready { SILENCE.max(LONGER * slot.life.longest).max(first) } else { LOADING };
        least * f64::from(1u32 << slot.failures.min(8))
    }

    /// The next update may take longer than those before it.
    pub(super) fn expect_slower(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.life.trained = false);
    }

    /// What is known of the loaded experiment's cost after an edit.
    pub fn expect(&mut self, bounds: Bounds) {
        if let Some(plan) = &mut self.plan {
            plan.bounds.seconds = bounds.seconds;
        }
    }

    /// A worker says nothing any more: it hangs, or it died without a word.
    fn on_silent(&mut self, at: usize) -> Vec<Effect> {
        let slot = &mut self.slots[at];
        if slot.started {
            return self.on_lost(at, "An engine worker stopped answering.".into());
        }
        slot.failures += 1;
        if slot.failures > MAX_FAILURES {
            return self.on_crash(at, "it does not answer.".into());
        }
        vec![self.start_worker(at)]
    }

    /// The workers are told to pause at what is on screen.
    pub(super) fn begin_pause(&mut self, shown: u32) {
        self.pausing = Some(Pausing { since: self.now, shown, answered: false });
    }

    /// A pause is answered for the person, whatever the workers do; one that does not stop is ended.
    fn answer_pause(&mut self) -> Vec<Effect> {
        let Some(pausing) = &mut self.pausing else { return Vec::new() };
        let waited = self.now - pausing.since;
        let trains_on = |slot: &Slot| slot.stage == Stage::Ready && !slot.paused && !slot.seeds.is_empty();
        let late: Vec<usize> = (0..self.slots.len()).filter(|at| trains_on(&self.slots[*at])).collect();
        if late.is_empty() {
            self.pausing = None;
            return Vec::new();
        }
        let mut effects = Vec::new();
        if !pausing.answered && waited > ANSWER {
            pausing.answered = true;
            effects.push(Effect::Tell(ClientEvent::Answered { update: pausing.shown }));
        }
        // What a device does ends soon, and cannot be ended. A worker whose updates are short will answer, unless it hangs:
        // begun anew it could not rest at what is on screen, which its last checkpoint may be beyond.
        let on_cpu = self.plan.as_ref().is_some_and(|plan| plan.kind == EngineKind::Cpu);
        let holds_up = |at: &usize| f64::from(self.slots[*at].rate) * GIVE_UP < 2.0 * 1000.0;
        if on_cpu && waited > GIVE_UP && late.iter().any(holds_up) {
            // Nobody catches up: that would be to train on.
            self.pausing = None;
            self.wish = Wish::Rest;
            self.pause_reported = true;
            effects.extend(late.into_iter().map(|at| self.begin_anew(at)).collect::<Vec<_>>());
        }
        effects
    }

    /// Ends a worker through no fault of its own and begins it anew from its last checkpoint.
    pub(super) fn begin_anew(&mut self, at: usize) -> Effect {
        self.slots[at].stage = Stage::Waiting;
        self.go_back(at);
        self.start_worker(at)
    }
}

#[cfg(test)]
#[path = "watchdog_tests.rs"]
mod tests;

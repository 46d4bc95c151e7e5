//! What the session does when a worker fails: WebGPU's run goes on on the CPU, the CPU's once more on the CPU, both from
//! their last checkpoint.

use super::messages::{ClientEvent, Effect};
use super::slot::Stage;
use super::state::{Session, Wish};
use crate::text::sentence;
use goodhart_core::protocol::{Checkpoint, Command, EngineKind};

/// How often a CPU worker may fail without having trained on since.
pub(super) const MAX_FAILURES: u32 = 2;

impl Session {
    /// A worker says that its engine is gone. The worker is started anew in any case: after a panic its memory cannot be
    /// trusted. An engine that could not be built would fail again.
    pub(super) fn on_failed(&mut self, at: usize, message: String, last: Option<Checkpoint>) -> Vec<Effect> {
        let slot = &mut self.slots[at];
        slot.checkpoint = newer(last, slot.checkpoint.take());
        let can_again = self.slots[at].stage == Stage::Ready;
        self.fail(at, message, can_again)
    }

    /// A worker is lost, whatever it was at.
    pub(super) fn on_lost(&mut self, at: usize, message: String) -> Vec<Effect> {
        self.fail(at, message, true)
    }

    fn fail(&mut self, at: usize, message: String, can_again: bool) -> Vec<Effect> {
        let Some(kind) = self.plan.as_ref().map(|p| p.kind) else { return vec![self.start_worker(at)] };
        let was_ready = self.slots[at].stage == Stage::Ready;
        self.slots[at].failures += 1;
        self.go_back(at);
        let effects = vec![self.start_worker(at)];
        match kind {
            EngineKind::Gpu => self.leave_gpu(at, message, was_ready, effects),
            EngineKind::Cpu => self.revive(at, message, can_again, effects),
        }
    }

    /// A worker's seeds are where its last checkpoint was.
    pub(super) fn go_back(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        slot.update = slot.checkpoint.as_ref().map_or(0, |c| c.update);
        // What it had taken over is gone with it.
        for edit in self.edits.values_mut().filter(|e| !e.waiting.contains(&at)) {
            edit.waiting.push(at);
        }
    }

    /// WebGPU's run goes on on the CPU.
    fn leave_gpu(&mut self, at: usize, message: String, was_ready: bool, mut effects: Vec<Effect>) -> Vec<Effect> {
        self.no_gpu = true;
        let checkpoint = self.slots[at].checkpoint.take();
        if let Some(trial) = self.trial.take() {
            // It never ran: nothing is lost, and nothing needs to be said but which engine it is.
            self.wish = trial.wish;
            effects.extend(self.begin(None));
            return effects;
        }
        let update = checkpoint.as_ref().map_or(0, |c| c.update);
        let what = if was_ready || checkpoint.is_some() {
            format!("{} The run goes on on the CPU from update {update}.", sentence(&message))
        } else {
            format!("{} The CPU trains this run instead.", sentence(&message))
        };
        // Where only some catch up, their rows are replaced as they come, and those of the others stay.
        let rewind = self.regroup.is_none().then_some(update);
        effects.push(Effect::Tell(ClientEvent::Moved { message: what, rewind }));
        effects.extend(self.begin(checkpoint));
        effects
    }

    /// A CPU worker's seeds go on in a new worker, unless they fail again and again.
    fn revive(&mut self, at: usize, message: String, can_again: bool, mut effects: Vec<Effect>) -> Vec<Effect> {
        let slot = &mut self.slots[at];
        if slot.failures > MAX_FAILURES || !can_again {
            slot.stage = Stage::Idle;
            effects.extend(self.stick(sentence(&message)));
            return effects;
        }
        slot.stage = Stage::Waiting;
        let message = format!("{} An engine worker was started anew from update {}.", sentence(&message), slot.update);
        effects.push(Effect::Tell(ClientEvent::Moved { message, rewind: None }));
        effects
    }

    /// The run cannot go on. Its workers have nothing more to do: what one still says of it, such as how far it is with
    /// loading it, is not heard, and one that starts only now is not sent it. The next load is for all of them.
    pub(super) fn stick(&mut self, why: String) -> Vec<Effect> {
        self.wish = Wish::Rest;
        let run = self.run;
        let mut effects = self.send_ready(|slot| (!slot.paused).then_some(Command::Pause { run, at: None }));
        for slot in self.slots.iter_mut().filter(|slot| slot.stage != Stage::Dead) {
            slot.stage = Stage::Idle;
        }
        effects.push(Effect::Tell(ClientEvent::Stuck(why)));
        effects
    }
}

fn newer(a: Option<Checkpoint>, b: Option<Checkpoint>) -> Option<Checkpoint> {
    [a, b].into_iter().flatten().max_by_key(|c| c.update)
}

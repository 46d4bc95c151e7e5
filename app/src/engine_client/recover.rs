//! What the session does when a worker fails: WebGPU's run goes on on the CPU, the CPU's once more on the CPU, both from
//! their last checkpoint.

use super::session::{Session, Wish};
use super::slot::Stage;
use super::told::{Effect, Told};
use goodhart_core::protocol::{Checkpoint, EngineKind};

/// How often a CPU worker may fail without having trained on since.
pub(super) const MAX_FAILURES: u32 = 2;

impl Session {
    /// A worker's engine is gone. The worker is started anew in any case: after a panic its memory cannot be trusted.
    pub(super) fn on_failed(&mut self, at: usize, message: String, last: Option<Checkpoint>) -> Vec<Effect> {
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
}

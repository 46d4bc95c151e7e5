//! No worker runs far ahead of another: what is on screen is what all have, and a pause goes back to it.

use super::messages::Effect;
use super::slot::Stage;
use super::state::Session;
use goodhart_core::protocol::Command;

/// Least number of updates that a worker may be ahead of the slowest.
const MIN_LEAD: u32 = 2;

impl Session {
    /// Tells workers near the update that they may train to how much further they may: about half a second further than
    /// the slowest one, which the run is as fast as anyway.
    pub(super) fn pace(&mut self) -> Vec<Effect> {
        if self.busy().count() < 2 {
            return Vec::new();
        }
        let slowest = self.busy().filter(|s| !s.finished).map(|s| s.update).min().unwrap_or(0);
        let rate = self.busy().map(|s| s.rate).fold(f32::INFINITY, f32::min);
        let lead = MIN_LEAD.max((0.4 * rate) as u32);
        let run = self.run;
        let mut effects = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate().filter(|(_, s)| s.stage == Stage::Ready) {
            let is_near = slot.pace.saturating_sub(slot.update) <= lead / 2;
            if is_near && slowest + lead > slot.pace && !slot.seeds.is_empty() {
                slot.pace = slowest + lead;
                effects.push(Effect::Send(at, Command::Pace { run, update: slot.pace }));
            }
        }
        effects
    }
}

//! Strategies that leave or join a run under way. Those that stay keep what they have: every worker rests and sends a
//! checkpoint, and the run goes on from its lanes. One that joins is trained alone from update 0 until it has caught up;
//! lanes never meet and their random numbers are keyed by seed, so it comes to what it would have come to beside the
//! others. Then all go on together.

use super::messages::{ClientEvent, Effect};
use super::state::{Crew, Regroup, Session, Wish};
use crate::model::has_critic;
use goodhart_core::experiment::Experiment;
use goodhart_core::protocol::{Checkpoint, Command, LaneState};

/// An arm that is trained only to give the policy the shape that the others have.
const NOBODY: u32 = u32::MAX;

impl Session {
    /// From now on these strategies run, those of `anew` from update 0. `shown` is the update on screen, at which those
    /// that stay are gathered. They go on with their programs and settings in use, whatever `experiment` says.
    pub fn regroup(&mut self, experiment: Experiment, ids: Vec<u32>, anew: Vec<u32>, shown: u32) -> Vec<Effect> {
        let Some(plan) = &self.plan else { return Vec::new() };
        let mut whole = Crew { experiment, ids };
        let known = [Some(&plan.crew), self.regroup.as_ref().map(|r| &r.whole)];
        for (arm, id) in whole.experiment.arms.iter_mut().zip(&whole.ids).filter(|(_, id)| !anew.contains(id)) {
            if let Some(used) = known.into_iter().flatten().find_map(|crew| crew.arm(*id)) {
                (arm.code, arm.algorithm) = (used.code.clone(), used.algorithm.clone());
            }
        }
        self.regroup_as(whole, anew, shown)
    }

    /// The same strategies go on from what they have as `experiment` says: with a value head that joins the policies or leaves
    /// them, or for more updates. Their edits under way are given up.
    pub fn refit(&mut self, experiment: Experiment, ids: Vec<u32>, shown: u32) -> Vec<Effect> {
        self.edits.clear();
        self.regroup_as(Crew { experiment, ids }, Vec::new(), shown)
    }

    fn regroup_as(&mut self, whole: Crew, anew: Vec<u32>, shown: u32) -> Vec<Effect> {
        let Some(plan) = &self.plan else { return Vec::new() };
        self.edits.retain(|_, edit| whole.place(edit.arm).is_some() && !anew.contains(&edit.arm));
        let untrained = self.busy().all(|slot| slot.update == 0);
        if let Some(regroup) = &mut self.regroup {
            regroup.have.retain(|lane| whole.place(lane.arm).is_some() && !anew.contains(&lane.arm));
            regroup.anew.extend(anew);
            let goes_on = plan.crew.ids.iter().any(|id| whole.place(*id).is_some());
            regroup.whole = whole;
            return if regroup.gathers || (goes_on && !untrained) { Vec::new() } else { self.assemble() };
        }
        if let Some(trial) = self.trial.take() {
            self.wish = trial.wish;
            return self.begin_with(whole, None);
        }
        if untrained {
            return self.begin_with(whole, None);
        }
        // A run that is over has nothing else to do: who joins it starts at once.
        let over = self.busy().all(|slot| slot.finished);
        let wish = if over { Wish::Reach { update: 0 } } else { self.wish };
        self.regroup = Some(Regroup { whole, anew, have: Vec::new(), at: 0, wish, gathers: true });
        self.wish = Wish::Rest;
        self.pause_reported = false;
        let run = self.run;
        let mut effects = self.send_ready(|slot| (!slot.paused).then_some(Command::Pause { run, at: Some(shown) }));
        effects.extend(self.settle());
        effects
    }

    /// Every worker rests at one update: asks those for a checkpoint whose last one is older; goes on when all have one.
    pub(super) fn gather(&mut self) -> Vec<Effect> {
        let Some(regroup) = &mut self.regroup else { return Vec::new() };
        regroup.gathers = true;
        self.wish = Wish::Rest;
        let run = self.run;
        let asked = self.send_ready(|slot| (!slot.is_kept()).then_some(Command::Save { run }));
        if asked.is_empty() { self.gathered() } else { asked }
    }

    /// A checkpoint came in: whether it was the last one that was waited for.
    pub(super) fn gathered(&mut self) -> Vec<Effect> {
        if !self.regroup.as_ref().is_some_and(|r| r.gathers) || !self.busy().all(|slot| slot.paused && slot.is_kept()) {
            return Vec::new();
        }
        let (Some(regroup), Some(plan)) = (&mut self.regroup, &self.plan) else { return Vec::new() };
        for checkpoint in self.slots.iter_mut().filter_map(|slot| slot.checkpoint.take()) {
            regroup.at = checkpoint.update;
            for lane in checkpoint.lanes {
                let id = plan.crew.ids.get(lane.arm as usize).copied().unwrap_or(NOBODY);
                if regroup.whole.place(id).is_some() && !regroup.anew.contains(&id) {
                    regroup.have.push(LaneState { arm: id, ..lane });
                }
            }
        }
        self.assemble()
    }

    /// Trains those that nobody has anything of from update 0; when there are none left, all go on together.
    fn assemble(&mut self) -> Vec<Effect> {
        let Some(regroup) = &mut self.regroup else { return Vec::new() };
        regroup.gathers = false;
        regroup.anew.clear();
        let mut missing = regroup.whole.only(|id| !regroup.has(id));
        if missing.ids.is_empty() {
            let Some(regroup) = self.regroup.take() else { return Vec::new() };
            let place = |lane: LaneState| Some(LaneState { arm: regroup.whole.place(lane.arm)? as u32, ..lane });
            let lanes = regroup.have.into_iter().filter_map(place).collect();
            self.wish = regroup.wish;
            let mut effects = vec![Effect::Tell(ClientEvent::Together)];
            effects.extend(self.begin_with(regroup.whole, Some(Checkpoint { update: regroup.at, lanes })));
            return effects;
        }
        // A value head is a part of every policy of a run where one strategy has it.
        if has_critic(&regroup.whole.experiment) && !has_critic(&missing.experiment) {
            let mut alone = regroup.whole.experiment.clone();
            let shapes = regroup.whole.experiment.arms.iter().find(|arm| {
                alone.arms = vec![(*arm).clone()];
                has_critic(&alone)
            });
            missing.experiment.arms.extend(shapes.cloned());
            missing.ids.extend(shapes.map(|_| NOBODY));
        }
        let (ids, of) = (missing.ids.iter().copied().filter(|id| *id != NOBODY).collect(), regroup.at);
        self.wish = match regroup.wish {
            Wish::Rest => Wish::Rest,
            Wish::Run { .. } | Wish::Reach { .. } => Wish::Reach { update: regroup.at },
        };
        let moves = self.wish != Wish::Rest;
        let mut effects = vec![Effect::Tell(ClientEvent::CatchingUp { ids, of, moves })];
        effects.extend(self.begin_with(missing, None));
        effects
    }

    /// Loads these strategies in place of those that are loaded.
    fn begin_with(&mut self, crew: Crew, checkpoint: Option<Checkpoint>) -> Vec<Effect> {
        if let Some(plan) = &mut self.plan {
            plan.crew = crew;
        }
        self.pause_reported = false;
        self.begin(checkpoint)
    }
}

#[cfg(test)]
#[path = "regroup_tests.rs"]
mod tests;

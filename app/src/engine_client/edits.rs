//! Edits of programs and settings on their way to the workers. One is in use when every worker uses it; it then is a part
//! of what is loaded.

use super::messages::{ClientEvent, Effect};
use super::state::{Change, Edit, Session};
use goodhart_core::params::Overrides;
use goodhart_core::protocol::Command;

impl Session {
    pub fn set_program(&mut self, arm: u32, edit: u32, code: String) -> Vec<Effect> {
        self.expect_slower();
        self.edit(arm, edit, Change::Program(code))
    }

    pub fn set_algorithm(&mut self, arm: u32, edit: u32, algorithm: Overrides) -> Vec<Effect> {
        self.edit(arm, edit, Change::Algorithm(algorithm))
    }

    fn edit(&mut self, arm: u32, id: u32, change: Change) -> Vec<Effect> {
        let waiting: Vec<usize> = (0..self.slots.len()).filter(|at| !self.slots[*at].seeds.is_empty()).collect();
        let edit = Edit { change, arm, waiting, update: 0, error: None };
        // A strategy that is not loaded just now has its edit when it is.
        let command = self.command_of(id, &edit);
        self.edits.insert(id, edit);
        self.send_ready(|_| command.clone())
    }

    pub(super) fn command_of(&self, id: u32, edit: &Edit) -> Option<Command> {
        let arm = self.plan.as_ref()?.crew.place(edit.arm)? as u32;
        let run = self.run;
        Some(match edit.change.clone() {
            Change::Program(code) => Command::SetProgram { run, arm, edit: id, code },
            Change::Algorithm(algorithm) => Command::SetAlgorithm { run, arm, edit: id, algorithm },
        })
    }

    pub(super) fn on_edited(&mut self, at: usize, id: u32, update: u32, error: Option<String>) -> Vec<Effect> {
        let Some(edit) = self.edits.get_mut(&id) else { return Vec::new() };
        edit.waiting.retain(|w| *w != at);
        edit.update = edit.update.max(update);
        edit.error = edit.error.take().or(error);
        if !edit.waiting.is_empty() {
            return Vec::new();
        }
        let Some(done) = self.edits.remove(&id) else { return Vec::new() };
        let mut effects = Vec::new();
        if done.error.is_none() {
            self.adopt(done.arm, done.change);
            if self.edits.is_empty() {
                // A crash then does not go back to updates that another program trained.
                effects = self.save();
            }
        }
        effects.push(Effect::Tell(ClientEvent::Edited {
            arm: done.arm,
            edit: id,
            update: done.update,
            error: done.error,
        }));
        effects
    }

    /// An edit in use becomes part of what is loaded, so that a restart from a checkpoint keeps it.
    fn adopt(&mut self, id: u32, change: Change) {
        let crews = [self.plan.as_mut().map(|plan| &mut plan.crew), self.regroup.as_mut().map(|r| &mut r.whole)];
        for crew in crews.into_iter().flatten() {
            let Some(arm) = crew.arm_mut(id) else { continue };
            match change.clone() {
                Change::Program(code) => arm.code = code,
                Change::Algorithm(algorithm) => arm.algorithm = algorithm,
            }
        }
    }
}

//! What the engine says, and when the page draws it.

use crate::browser::time;
use crate::engine_client::ClientEvent;
use crate::model::ArmId;
use crate::state::app::App;
use crate::state::listeners;
use crate::state::notices::{Action, Level};
use crate::state::run::phase::{EditState, Joining, Judged, Phase, Until};
use crate::storage::base_policies;
use goodhart_core::experiment::{Arm, Experiment};
use goodhart_core::metrics::verdict::verdict;
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::prelude::JsValue;

/// Least time between two drawings of new rows, and of the anatomy.
const DRAW_MS: f64 = 80.0;
const ANATOMY_MS: f64 = 250.0;
/// Anatomies that wait for their update to be on screen.
const MAX_ANATOMIES: usize = 8;

impl App {
    /// What the engine says.
    pub(in crate::state) fn on_client_event(self, event: ClientEvent) {
        match event {
            ClientEvent::Engine(view) => self.engine.set(Some(view)),
            ClientEvent::BaseProgress { step, of, loss } => self.phase.set(Phase::Base { step, of, loss }),
            ClientEvent::ModelsProgress { step, of } => self.phase.set(Phase::Models { step, of }),
            // After a fallback or an edit the run is under way.
            ClientEvent::Compiling { stage, of } => {
                if !self.phase.with_untracked(Phase::is_moving) {
                    self.phase.set(Phase::Compiling { stage, of });
                }
            }
            // A seed that is learned again, on another engine, comes to the same.
            ClientEvent::Models { reports, on } => {
                self.models_on.set(on);
                self.models.update(|all| {
                    all.retain(|old| reports.iter().all(|new| new.seed != old.seed));
                    all.extend(reports);
                });
            }
            ClientEvent::BaseMade(made) => {
                let keys = self.loaded.with_untracked(|l| l.as_ref().map(|l| self.base_keys(&l.experiment)));
                let own = keys.unwrap_or_default().into_iter().find(|(number, _)| *number == made.number);
                if let Some((_, key)) = own {
                    wasm_bindgen_futures::spawn_local(async move { base_policies::save(&key, &made.params).await });
                }
            }
            ClientEvent::Ready => self.on_ready(),
            ClientEvent::Rows { worker, index, values } => {
                self.queue_rows(worker, &index, &values);
                let done = self.with_data(|d| {
                    let before = d.complete();
                    d.put(&index, &values);
                    (d.complete() > before).then(|| d.complete())
                });
                if let Some(done) = done {
                    self.first_update_ends();
                    self.emit("update", || (done as u32).into());
                }
                self.draw_soon();
            }
            ClientEvent::Checkpoint { load, worker, lanes, state } => self.queue_checkpoint(load, worker, lanes, state),
            // Workers may still speak of a strategy that has just left the run.
            ClientEvent::Anatomy(anatomy)
                if self.loaded.with_untracked(|l| {
                    l.as_ref().is_none_or(|l| l.place(ArmId::from_number(anatomy.arm)).is_none())
                }) => {}
            ClientEvent::Anatomy(anatomy) => {
                self.internal.update_value(|i| {
                    i.anatomies.push(Arc::new(*anatomy));
                    if i.anatomies.len() > MAX_ANATOMIES {
                        i.anatomies.remove(0);
                    }
                });
                self.draw_soon();
            }
            ClientEvent::Rate(rate) => self.internal.update_value(|i| i.rate = rate),
            ClientEvent::CatchingUp { ids, of, moves } => {
                let ids = ids.into_iter().map(ArmId::from_number).collect();
                self.joining.set(Some(Joining { ids, of }));
                if moves && !self.phase.with_untracked(Phase::is_moving) {
                    self.phase.set(Phase::Stepping);
                }
            }
            ClientEvent::Together => self.joining.set(None),
            ClientEvent::Edited { arm, edit, update, error } => {
                self.on_edited(ArmId::from_number(arm), edit, update, error)
            }
            ClientEvent::Paused { update, finished } => {
                self.first_update_ends();
                self.update.set(update);
                // What lanes that were further have sent is not a part of what rests.
                self.data.update_value(|d| d.truncate(update as usize));
                self.internal.update_value(|i| i.anatomies.retain(|a| a.update < update));
                self.phase.set(if finished { Phase::Finished } else { Phase::Paused });
                if finished {
                    self.withdraw(Action::Undo);
                }
                self.internal.update_value(|i| {
                    i.pausing = false;
                    i.verdict_next = 0.0;
                });
                self.draw();
                // At the next visit it rests as well, also where its checkpoints were of now before.
                self.save_run();
                self.resolve(Until::Rest, &Ok(update));
            }
            ClientEvent::Answered { update } => {
                self.first_update_left();
                self.phase.set(Phase::Paused);
                self.internal.update_value(|i| i.pausing = false);
                self.draw();
                self.resolve(Until::Rest, &Ok(update));
            }
            ClientEvent::Moved { message, rewind } => {
                self.notify(Level::Warning, message, None);
                if let Some(update) = rewind {
                    self.data.update_value(|d| d.truncate(update as usize));
                    self.draw_soon();
                }
            }
            ClientEvent::Stuck(message) => self.stuck(message),
        }
    }

    fn on_ready(self) {
        self.loaded_at.set(self.update.get_untracked());
        let runs = self.internal.try_update_value(|i| std::mem::take(&mut i.wants_run)).unwrap_or_default();
        // After a fallback the run is already under way.
        if !self.phase.with_untracked(Phase::is_moving) {
            let over = self.update.get_untracked() >= self.loaded_run().updates;
            self.phase.set(if over { Phase::Finished } else { Phase::Paused });
        }
        self.resolve(Until::Ready, &Ok(self.update.get_untracked()));
        if runs {
            self.run();
        }
        self.sync_soon();
    }

    fn on_edited(self, arm: ArmId, edit: u32, update: u32, error: Option<String>) {
        let Some(Some(done)) = self.internal.try_update_value(|i| i.pending.remove(&edit)) else { return };
        let newest = self.internal.with_value(|i| i.pending.iter().all(|(id, p)| p.arm != arm || *id < edit));
        let state = match &error {
            None => EditState::InUse { update, settings: done.code.is_none() },
            Some(error) => EditState::Refused { error: error.clone() },
        };
        if newest {
            self.edits.update(|e| drop(e.insert(arm, state)));
        }
        if error.is_some() {
            return;
        }
        let components = done.code.as_ref().map(|code| self.check_code(code).components);
        self.data.update_value(|d| d.renew(arm, update as usize, components));
        self.loaded.update(|loaded| {
            let Some(slot) = loaded.as_mut().and_then(|l| l.arm_mut(arm)) else { return };
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

    pub(in crate::state) fn stuck(self, message: String) {
        self.data.update_value(|d| d.lift_limit());
        self.joining.set(None);
        self.first_update_left();
        self.internal.update_value(|i| {
            i.wants_run = false;
            i.pausing = false;
        });
        self.resolve(Until::Ready, &Err(message.clone()));
        self.resolve(Until::Rest, &Err(message.clone()));
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

    /// Shows the curves; the anatomy and the verdict follow as tasks of their own, so that none is long.
    pub(in crate::state) fn draw(self) {
        let now = time::now();
        let moving = self.phase.with_untracked(Phase::is_moving);
        let mut rate = 0.0;
        let mut anatomy_due = false;
        let mut verdict_due = false;
        let shown = self.with_data(|d| d.complete() as u32);
        self.internal.update_value(|i| {
            i.frame = false;
            i.drawn = now;
            rate = i.rate;
            let comes = i.anatomies.iter().any(|a| a.update < shown);
            anatomy_due = comes && (!moving || now >= i.anatomy_drawn + ANATOMY_MS);
            verdict_due = now >= i.verdict_next;
        });
        self.update.set(shown);
        self.rate.set(rate);
        self.tick.update(|t| *t += 1);
        if anatomy_due {
            time::after(0, move || self.show_anatomy());
        }
        if verdict_due {
            // Once at a time: the next one is due when this one has said what it costs.
            self.internal.update_value(|i| i.verdict_next = f64::INFINITY);
            time::after(0, move || self.update_verdict());
        }
    }

    /// Shows the newest anatomy of what is on screen.
    fn show_anatomy(self) {
        let shown = self.update.get_untracked();
        let newest = self.internal.try_update_value(|i| {
            i.anatomy_drawn = time::now();
            let at = i.anatomies.iter().rposition(|a| a.update < shown)?;
            i.anatomies.drain(..=at).next_back()
        });
        if let Some(Some(anatomy)) = newest {
            self.anatomy.set(Some(anatomy));
        }
    }

    /// Whether what runs of an arm is what the experiment's texts are about.
    fn runs_as_shipped(self, id: ArmId) -> bool {
        self.shipped.with_untracked(|shipped| {
            let Some(shipped) = shipped else { return true };
            self.loaded.with_untracked(|loaded| {
                let Some(arm) = loaded.as_ref().and_then(|l| l.arm(id)) else { return false };
                loaded.as_ref().is_some_and(|l| same_story(&l.experiment, arm, &shipped.experiment))
            })
        })
    }

    /// Looks whether the experiment's moment has come.
    fn look_for_moment(self, names: &[(ArmId, String)]) {
        let updates = self.loaded_run().updates as usize;
        let seen = self.moment.get_untracked();
        let found = self.draft.with_untracked(|e| e.moment.clone()).and_then(|moment| {
            let (id, _) = names.iter().find(|(_, name)| *name == moment.arm)?;
            let edited = self.with_data(|d| d.edits(*id)).first().copied();
            // What happens after an edit is another story; what happened before it did happen.
            if edited.is_some() || !self.runs_as_shipped(*id) {
                return seen.filter(|(arm, at)| arm == id && edited.is_some_and(|edited| (*at as usize) < edited));
            }
            let update = self.with_data(|d| moment.find(d.mean(*id, &moment.metric)?, updates))?;
            Some((*id, update as u32))
        });
        if self.moment.get_untracked() != found {
            self.moment.set(found);
        }
    }

    pub(in crate::state) fn update_verdict(self) {
        let start = time::now();
        let runners = self.runners();
        let (measured, task) = self.measured(&runners);
        let lines = self.with_data(|d| {
            let judged = |(line, (id, _)): (_, &(ArmId, String))| Judged { id: *id, line, edits: d.edits(*id) };
            verdict(&d.curves, &measured, task).into_iter().zip(&runners).map(judged).collect::<Vec<_>>()
        });
        let count = |lines: &[Judged]| lines.iter().map(|l| l.line.alarms.len()).sum::<usize>();
        let more = count(&lines) != self.verdict.with_untracked(|v| count(v));
        self.verdict.set(lines);
        self.look_for_moment(&runners);
        if more {
            self.emit("alarms", || crate::api::fired(self));
        }
        // The verdict may take a tenth of the time at most.
        let cost = time::now() - start;
        self.internal.update_value(|i| i.verdict_next = start + (10.0 * cost).max(500.0));
    }
}

/// Whether an arm of an experiment learns from the same program, in the same task and by the same settings as the shipped
/// one of its name. How many updates and seeds there are makes no other story.
fn same_story(runs: &Experiment, arm: &Arm, shipped: &Experiment) -> bool {
    runs.task == shipped.task
        && runs.policy == shipped.policy
        && runs.base == shipped.base
        && runs.algorithm == shipped.algorithm
        && runs.reward_models == shipped.reward_models
        && runs.exploration == shipped.exploration
        && shipped.arms.contains(arm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::params::Value;

    #[test]
    fn an_edited_program_is_another_story_and_fewer_seeds_are_not() {
        let shipped = crate::state::failing_rewards::experiment();
        let mut runs = shipped.clone();
        runs.run.insert("seeds".into(), Value::Number(2.0));
        assert!(same_story(&runs, &runs.arms[1], &shipped));
        runs.arms.remove(0);
        assert!(same_story(&runs, &runs.arms[0], &shipped), "another arm that is gone");
        let mut arm = runs.arms[0].clone();
        arm.code += "# edited";
        assert!(!same_story(&runs, &arm, &shipped));
        runs.algorithm.insert("learning_rate".into(), Value::Number(0.5));
        assert!(!same_story(&runs, &runs.arms[0], &shipped));
    }
}

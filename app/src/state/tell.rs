//! What the engine says, and when the page draws it.

use super::run::{EditState, Phase, Until};
use super::{App, Level, listeners};
use crate::engine_client::Told;
use crate::{bases, time};
use goodhart_core::metrics::verdict::{Line, verdict};
use leptos::prelude::*;
use std::sync::Arc;
use wasm_bindgen::prelude::JsValue;

/// Least time between two drawings of new rows, and of the anatomy.
const DRAW_MS: f64 = 80.0;
const ANATOMY_MS: f64 = 250.0;

impl App {
    /// What the engine says.
    pub(super) fn told(self, told: Told) {
        match told {
            Told::Engine(view) => self.engine.set(Some(view)),
            Told::BaseProgress { step, of, loss } => self.phase.set(Phase::Base { step, of, loss }),
            Told::ModelsProgress { step, of } => self.phase.set(Phase::Models { step, of }),
            // After a fallback or an edit the run is under way.
            Told::Compiling { stage, of } => {
                if !self.phase.with_untracked(Phase::is_moving) {
                    self.phase.set(Phase::Compiling { stage, of });
                }
            }
            // A seed that is learned again, on another engine, comes to the same.
            Told::Models { reports, on } => {
                self.models_on.set(on);
                self.models.update(|all| {
                    all.retain(|old| reports.iter().all(|new| new.seed != old.seed));
                    all.extend(reports);
                });
            }
            Told::BaseMade(params) => {
                if let Some(experiment) = self.loaded.get_untracked() {
                    wasm_bindgen_futures::spawn_local(async move { bases::keep(self, &experiment, &params).await });
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
                self.internal.update_value(|i| {
                    i.pausing = false;
                    i.verdict_next = 0.0;
                });
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

    pub(super) fn stuck(self, message: String) {
        self.internal.update_value(|i| {
            i.wants_run = false;
            i.pausing = false;
        });
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

    /// Shows the curves; the anatomy and the verdict follow as tasks of their own, so that none is long.
    fn draw(self) {
        let now = time::now();
        let moving = self.phase.with_untracked(Phase::is_moving);
        let mut rate = 0.0;
        let mut dissect = false;
        let mut judge = false;
        self.internal.update_value(|i| {
            i.frame = false;
            i.drawn = now;
            rate = i.rate;
            dissect = i.anatomy.is_some() && (!moving || now >= i.anatomy_drawn + ANATOMY_MS);
            judge = now >= i.verdict_next;
        });
        self.update.set(self.with_data(|d| d.complete() as u32));
        self.rate.set(rate);
        self.tick.update(|t| *t += 1);
        if dissect {
            time::after(0, move || self.dissect());
        }
        if judge {
            // Once at a time: the next one is due when this one has said what it costs.
            self.internal.update_value(|i| i.verdict_next = f64::INFINITY);
            time::after(0, move || self.judge());
        }
    }

    fn dissect(self) {
        let anatomy = self.internal.try_update_value(|i| {
            i.anatomy_drawn = time::now();
            i.anatomy.take()
        });
        if let Some(Some(anatomy)) = anatomy {
            self.anatomy.set(Some(anatomy));
        }
    }

    /// Looks whether the experiment's moment has come.
    fn look_for_moment(self, arms: &[String]) {
        let updates = self.loaded_run().updates as usize;
        let found = self.draft.with_untracked(|e| e.moment.clone()).and_then(|moment| {
            let arm = arms.iter().position(|name| *name == moment.arm)?;
            let update = self.with_data(|d| moment.find(d.mean(arm, &moment.metric)?, updates))?;
            Some((arm, update as u32))
        });
        if self.moment.get_untracked() != found {
            self.moment.set(found);
        }
    }

    pub(super) fn judge(self) {
        let start = time::now();
        let names = self.arm_names();
        let (measured, task) = self.measured();
        let lines = self.with_data(|d| verdict(&d.curves, &measured, task));
        let count = |lines: &[Line]| lines.iter().map(|l| l.alarms.len()).sum::<usize>();
        let more = count(&lines) != self.verdict.with_untracked(|v| count(v));
        self.verdict.set(lines);
        self.look_for_moment(&names);
        if more {
            self.emit("alarms", || crate::api::fired(self));
        }
        // The verdict may take a tenth of the time at most.
        let cost = time::now() - start;
        self.internal.update_value(|i| i.verdict_next = start + (10.0 * cost).max(500.0));
    }
}

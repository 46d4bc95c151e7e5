//! The engine follows the draft: programs and settings are sent while it runs; a change of the run's shape needs a restart.

use super::catalog::{effective, has_critic, run_params};
use super::run::{EditState, Pending, Phase};
use super::{Action, App, Level};
use crate::time;
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Overrides;
use leptos::prelude::*;

/// From the last change to its being sent.
const FOLLOW_MS: u64 = 15;
/// A keystroke is sent at once if none was within these milliseconds.
const APART_MS: f64 = 40.0;

impl App {
    /// Lets the engine follow what is being typed: at once, but not in every character of a paste.
    pub(super) fn follow_typed(self) {
        let now = time::now();
        let apart = self.internal.try_update_value(|i| {
            let apart = now - i.followed >= APART_MS;
            if apart {
                i.followed = now;
                i.follow += 1;
            }
            apart
        });
        if apart == Some(true) { self.follow() } else { self.follow_soon() }
    }

    /// Lets the engine follow the draft, shortly after the last change.
    pub(super) fn follow_soon(self) {
        let Some(ticket) = self.internal.try_update_value(|i| {
            i.follow += 1;
            i.follow
        }) else {
            return;
        };
        time::after(FOLLOW_MS, move || {
            if self.internal.with_value(|i| i.follow) == ticket {
                self.follow();
            }
        });
    }

    fn follow(self) {
        let draft = self.draft.get_untracked();
        let Some(loaded) = self.loaded.get_untracked() else {
            self.load(false);
            return;
        };
        let moving = self.phase.with_untracked(Phase::is_moving);
        if shape(&draft) != shape(&loaded) {
            if self.update.get_untracked() == 0 && !moving {
                self.load(false);
            } else {
                let text = "The run still uses the task, policy, arms or lengths from before your change.";
                self.notify(Level::Info, text, Some(Action::Restart));
            }
            return;
        }
        self.notices.update(|n| n.retain(|n| n.action != Some(Action::Restart)));
        if matches!(self.phase.get_untracked(), Phase::Stuck(_)) {
            self.load(false);
            return;
        }
        for arm in 0..draft.arms.len() {
            self.follow_code(arm, &draft, &loaded);
            self.follow_settings(arm, &draft, &loaded);
        }
    }

    fn follow_code(self, arm: usize, draft: &Experiment, loaded: &Experiment) {
        let code = &draft.arms[arm].code;
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.code.is_some()).max_by_key(|(id, _)| **id);
            sent.and_then(|(_, p)| p.code.clone())
        });
        if *code == newest.unwrap_or_else(|| loaded.arms[arm].code.clone()) {
            return;
        }
        // A program that does not compile is shown by the editor; the old one keeps running.
        if self.checks.with_untracked(|c| c.get(arm).is_none_or(|c| c.is_error())) {
            return;
        }
        let edit = self.next_edit(Pending { arm, code: Some(code.clone()), algorithm: None });
        self.act(|s| s.set_program(arm as u32, edit, code.clone()));
    }

    fn follow_settings(self, arm: usize, draft: &Experiment, loaded: &Experiment) {
        let table = &self.catalog.get_untracked().algorithm;
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.algorithm.is_some());
            sent.max_by_key(|(id, _)| **id).and_then(|(_, p)| p.algorithm.clone())
        });
        let in_use = newest.as_ref().unwrap_or(&loaded.arms[arm].algorithm);
        let mut changed = false;
        // What the worker is told is a diff against the algorithm that it loaded.
        let mut diff = Overrides::new();
        for spec in table {
            let wanted = effective(spec, &[&draft.arms[arm].algorithm, &draft.algorithm]);
            changed |= wanted != effective(spec, &[in_use, &loaded.algorithm]);
            if wanted != effective(spec, &[&loaded.algorithm]) {
                diff.insert(spec.name.clone(), wanted);
            }
        }
        if !changed {
            return;
        }
        let edit = self.next_edit(Pending { arm, code: None, algorithm: Some(diff.clone()) });
        self.act(|s| s.set_algorithm(arm as u32, edit, diff));
    }

    fn next_edit(self, pending: Pending) -> u32 {
        let arm = pending.arm;
        self.edits.update(|e| {
            if let Some(state) = e.get_mut(arm) {
                *state = EditState::Sent;
            }
        });
        self.internal
            .try_update_value(|i| {
                i.next_edit += 1;
                i.pending.insert(i.next_edit, pending);
                i.next_edit
            })
            .unwrap_or_default()
    }
}

/// What a running engine cannot change: everything but programs, settings and words.
fn shape(e: &Experiment) -> impl PartialEq + use<> {
    let parts = (e.task.clone(), e.policy.clone(), e.base.clone(), e.reward_models.clone(), e.exploration.clone());
    (parts, run_params(e), e.arms.len(), has_critic(e))
}

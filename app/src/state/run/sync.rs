//! The engine follows the draft: programs and settings are sent while it runs; a change of the run's shape needs a restart.

use crate::browser::time;
use crate::model::{ArmId, Loaded, has_critic, run_params};
use crate::state::app::App;
use crate::state::draft::tables::{Table, effective};
use crate::state::notices::{Action, Level};
use crate::state::run::phase::{EditState, Pending, Phase};
use goodhart_core::experiment::{Arm, Experiment};
use goodhart_core::params::{Overrides, Value};
use leptos::prelude::*;

/// From the last change to its being sent.
const SYNC_MS: u64 = 15;
/// A keystroke is sent at once if none was within these milliseconds.
const APART_MS: f64 = 40.0;

impl App {
    /// Lets the engine follow what is being typed: at once, but not in every character of a paste.
    pub(in crate::state) fn sync_typed(self) {
        let now = time::now();
        let apart = self.internal.try_update_value(|i| {
            let apart = now - i.typed_at >= APART_MS;
            if apart {
                i.typed_at = now;
                i.syncs += 1;
            }
            apart
        });
        if apart == Some(true) { self.sync() } else { self.sync_soon() }
    }

    /// Lets the engine follow the draft, shortly after the last change.
    pub(in crate::state) fn sync_soon(self) {
        self.debounce(SYNC_MS, |i| &mut i.syncs, move |_| self.sync());
    }

    pub(in crate::state) fn sync(self) {
        if self.internal.with_value(|i| i.loading) {
            // It follows when it is ready.
            return;
        }
        let Some(loaded) = self.loaded.get_untracked() else {
            self.load(false);
            return;
        };
        let there = self.arms.get_untracked();
        let left = loaded.only(|id| there.contains(&id));
        if left.ids.is_empty() {
            return self.restart();
        }
        if left.ids.len() < loaded.ids.len() {
            self.regroup(left.clone(), &[]);
        }
        let loaded = left;
        let moving = self.phase.with_untracked(Phase::is_moving);
        let next = self.runnable();
        if shape(&next.experiment) != shape(&loaded.experiment) {
            let can_run = self.problems_of(&next.experiment).is_empty();
            if can_run && self.update.get_untracked() == 0 && !moving {
                self.load(false);
            } else if can_run && body(&next.experiment) == body(&loaded.experiment) {
                self.refit(next, &loaded);
            } else if can_run {
                let what = listed(&others(&next.experiment, &loaded.experiment));
                let text = format!("The run still uses {what} from before your change.");
                self.notify(Level::Info, text, Some(Action::Restart));
            } else {
                // What is wrong stands beside the control; the run goes on without it.
                self.withdraw(Action::Restart);
            }
            return;
        }
        self.withdraw(Action::Restart);
        if matches!(self.phase.get_untracked(), Phase::Stuck(_)) {
            self.load(false);
            return;
        }
        if next.ids != loaded.ids {
            self.regroup(next.clone(), &[]);
        }
        let loaded = self.loaded.get_untracked().unwrap_or(loaded);
        let shared = self.draft.with_untracked(|e| e.algorithm.clone());
        for (id, arm) in next.ids.into_iter().zip(next.experiment.arms) {
            let Some(used) = loaded.arm(id) else { continue };
            // Nothing more is trained of a strategy that is at its end.
            if self.is_over(id) {
                let edited = !self.same_program(&arm.code, &used.code);
                self.is_late(id, edited || self.changed(&[&arm.algorithm, &shared], used, &loaded));
                continue;
            }
            self.send_code(id, arm.code, used);
            self.send_settings(id, &[&arm.algorithm, &shared], used, &loaded);
        }
    }

    /// Whether a strategy has made all updates of the run.
    fn is_over(self, id: ArmId) -> bool {
        self.with_data(|d| d.complete_of(id)) >= self.loaded_run().updates as usize
    }

    fn is_late(self, id: ArmId, late: bool) {
        let was = untrack(|| self.edit_of(id));
        let now = if late { EditState::Late } else { EditState::None };
        if was != now && (late || was == EditState::Late) {
            self.edits.update(|e| drop(e.insert(id, now)));
        }
    }

    /// Whether the run may become one of this experiment, as far as time and memory go; if not, the person is told why.
    fn admits(self, experiment: &Experiment) -> bool {
        let fit = self.fit_of(experiment);
        let question = fit.as_ref().ok().and_then(|fit| self.question(fit));
        match (fit, question) {
            (Err(why), _) => self.notify(Level::Warning, format!("The run is as it was: {why}"), None),
            (Ok(_), Some(question)) => {
                self.notify(Level::Warning, format!("{question} The run is as it was."), Some(Action::Allow));
            }
            (Ok(fit), None) => {
                self.fit.set(fit);
                return true;
            }
        }
        false
    }

    /// From now on these strategies run; those of `anew` start from update 0 as if they were new.
    fn regroup(self, next: Loaded, anew: &[ArmId]) {
        if !self.admits(&next.experiment) {
            return;
        }
        let members = self.members(&next);
        self.data.update_value(|d| {
            let others = members.iter().filter(|(id, _)| !anew.contains(id)).cloned().collect();
            d.regroup(others);
            d.regroup(members);
        });
        let stays = |id: &ArmId| next.ids.contains(id);
        self.edits.update(|e| e.retain(|id, _| stays(id) && !anew.contains(id)));
        self.internal.update_value(|i| {
            i.pending.retain(|_, p| stays(&p.arm) && !anew.contains(&p.arm));
            i.verdict_next = 0.0;
        });
        let known = self.loaded.get_untracked();
        let mut loaded = next.clone();
        if let Some(known) = &known {
            loaded.experiment.algorithm = known.experiment.algorithm.clone();
        }
        for (id, arm) in loaded.ids.iter().zip(&mut loaded.experiment.arms) {
            match known.as_ref().and_then(|k| k.arm(*id)).filter(|_| !anew.contains(id)) {
                // What runs goes on with what it uses.
                Some(used) => (arm.code, arm.algorithm) = (used.code.clone(), used.algorithm.clone()),
                None => {
                    let wanted = [&arm.algorithm, &next.experiment.algorithm];
                    arm.algorithm = self.settings_diff(&wanted, &loaded.experiment.algorithm);
                }
            }
        }
        self.loaded.set(Some(loaded.clone()));
        // What a strategy that leaves, or is trained anew, was last seen to learn from is not shown as of now.
        let is_gone = |arm: u32| !loaded.ids.iter().any(|id| id.number() == arm && !anew.contains(id));
        if self.anatomy.with_untracked(|a| a.as_ref().is_some_and(|a| is_gone(a.arm))) {
            self.anatomy.set(None);
        }
        self.internal.update_value(|i| i.anatomies.retain(|a| !is_gone(a.arm)));
        let numbers = |ids: &[ArmId]| ids.iter().map(|id| id.number()).collect::<Vec<_>>();
        let (all, anew, shown) = (numbers(&loaded.ids), numbers(anew), self.update.get_untracked());
        self.act(|s| s.regroup(loaded.experiment, all, anew, shown));
        self.watch();
        self.draw();
    }

    /// A value head joins the policies as they are, or leaves them: they go on from the update on screen. Programs stay
    /// those in use; newer ones follow once the workers are ready.
    fn refit(self, mut next: Loaded, loaded: &Loaded) {
        for (id, arm) in next.ids.iter().zip(&mut next.experiment.arms) {
            if let Some(used) = loaded.arm(*id) {
                arm.code.clone_from(&used.code);
            }
        }
        let update = self.update.get_untracked();
        self.internal.update_value(|i| i.pending.clear());
        self.edits.set(next.ids.iter().map(|id| (*id, EditState::InUse { update, settings: true })).collect());
        self.withdraw(Action::Restart);
        let head = if has_critic(&next.experiment) { "a fresh value head" } else { "no value head any more" };
        self.notify(Level::Info, format!("The policies go on from update {update}, with {head}."), None);
        self.loaded.set(Some(next.clone()));
        let ids = next.ids.iter().map(|id| id.number()).collect();
        self.act(|s| s.refit(next.experiment, ids, update));
        self.watch();
        self.draw();
    }

    /// Trains the strategies whose edits came after the end anew with them; the others keep what they have.
    pub fn train_edited(self) {
        let is_late = |id: &ArmId| untrack(|| self.edit_of(*id)) == EditState::Late;
        let next = self.runnable();
        let late: Vec<ArmId> = next.ids.iter().copied().filter(is_late).collect();
        if late.len() == next.ids.len() { self.load(true) } else { self.regroup(next, &late) }
    }

    /// Trains all strategies of a run that is over as many updates again, from the policies as they are. Edits that came after
    /// the end are in use from there on.
    pub fn go_on(self) {
        let (Some(mut loaded), update) = (self.loaded.get_untracked(), self.update.get_untracked()) else { return };
        let mut next = self.runnable();
        let updates = Value::Number(f64::from(update + self.loaded_run().updates));
        next.experiment.run.insert("updates".into(), updates.clone());
        let problems = self.problems_of(&next.experiment);
        if !problems.is_empty() {
            let why = goodhart_core::plan::join(&problems);
            return self.notify(Level::Warning, format!("The run does not go on: {why}"), None);
        }
        loaded.experiment.run.insert("updates".into(), updates.clone());
        if shape(&next.experiment) != shape(&loaded.experiment) || next.ids != loaded.ids {
            let why = "The run does not go on: its task, policy, strategies or lengths are others by now.";
            return self.notify(Level::Warning, why, Some(Action::Restart));
        }
        if !self.admits(&next.experiment) {
            return;
        }
        for (id, components) in self.members(&next) {
            if untrack(|| self.edit_of(id)) == EditState::Late {
                let code = |l: &Loaded| l.arm(id).map(|arm| arm.code.clone()).unwrap_or_default();
                let settings = self.same_program(&code(&loaded), &code(&next));
                let components = (!settings).then_some(components);
                self.data.update_value(|d| d.renew(id, update as usize, components));
                self.edits.update(|edits| drop(edits.insert(id, EditState::InUse { update, settings })));
            }
        }
        self.loaded.set(Some(next.clone()));
        let ids = next.ids.iter().map(|id| id.number()).collect();
        self.act(|s| s.refit(next.experiment, ids, update));
        self.phase.set(Phase::Paused);
        self.set_param(Table::Run, "updates", Some(updates));
        self.run();
    }

    fn send_code(self, arm: ArmId, code: String, used: &Arm) {
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.code.is_some()).max_by_key(|(id, _)| **id);
            sent.and_then(|(_, p)| p.code.clone())
        });
        // A program that does not compile is shown by the editor; the old one keeps running.
        // Another text of the program that runs is no edit.
        if self.same_program(&code, newest.as_deref().unwrap_or(&used.code))
            || untrack(|| self.check_of(arm)).is_error()
        {
            return;
        }
        if let Some(question) = self.draft.with_untracked(|draft| self.too_slow(draft)) {
            return self.refuse_slow_edit(arm, question);
        }
        let edit = self.next_edit(Pending { arm, code: Some(code.clone()), algorithm: None });
        self.act(|s| s.set_program(arm.number(), edit, code));
    }

    /// Whether the settings of an arm differ from those in use.
    fn changed(self, wanted: &[&Overrides], used: &Arm, loaded: &Loaded) -> bool {
        let in_use = [&used.algorithm, &loaded.experiment.algorithm];
        self.catalog.get_untracked().algorithm.iter().any(|spec| effective(spec, wanted) != effective(spec, &in_use))
    }

    /// What a worker is told of settings: a diff against the algorithm that it loaded.
    fn settings_diff(self, wanted: &[&Overrides], algorithm: &Overrides) -> Overrides {
        let mut diff = Overrides::new();
        for spec in &self.catalog.get_untracked().algorithm {
            let value = effective(spec, wanted);
            if value != effective(spec, &[algorithm]) {
                diff.insert(spec.name.clone(), value);
            }
        }
        diff
    }

    fn send_settings(self, arm: ArmId, wanted: &[&Overrides], used: &Arm, loaded: &Loaded) {
        let newest = self.internal.with_value(|i| {
            let sent = i.pending.iter().filter(|(_, p)| p.arm == arm && p.algorithm.is_some());
            sent.max_by_key(|(id, _)| **id).and_then(|(_, p)| p.algorithm.clone())
        });
        let mut newest_used = used.clone();
        newest_used.algorithm = newest.unwrap_or(newest_used.algorithm);
        if !self.changed(wanted, &newest_used, loaded) {
            return;
        }
        let diff = self.settings_diff(wanted, &loaded.experiment.algorithm);
        let edit = self.next_edit(Pending { arm, code: None, algorithm: Some(diff.clone()) });
        self.act(|s| s.set_algorithm(arm.number(), edit, diff));
    }

    fn next_edit(self, pending: Pending) -> u32 {
        let arm = pending.arm;
        self.edits.update(|e| drop(e.insert(arm, EditState::Sent)));
        self.internal
            .try_update_value(|i| {
                i.next_edit += 1;
                i.pending.insert(i.next_edit, pending);
                i.next_edit
            })
            .unwrap_or_default()
    }
}

/// What a running engine cannot change: everything but which strategies there are, their programs, settings and words.
fn shape(e: &Experiment) -> impl PartialEq + use<> {
    (body(e), has_critic(e))
}

/// What of the shape differs between two experiments, by name.
fn others(a: &Experiment, b: &Experiment) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut settings = |a: &Overrides, b: &Overrides| {
        let all: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
        names.extend(all.into_iter().filter(|name| a.get(*name) != b.get(*name)).cloned());
    };
    for (a, b) in [(&a.task, &b.task), (&a.policy, &b.policy)] {
        if a.kind == b.kind {
            settings(&a.params, &b.params);
        }
    }
    let none = Overrides::new();
    settings(a.reward_models.as_ref().unwrap_or(&none), b.reward_models.as_ref().unwrap_or(&none));
    if run_params(a) != run_params(b) {
        settings(&a.run, &b.run);
    }
    let whole = [
        (a.task.kind != b.task.kind, "the task"),
        (a.policy.kind != b.policy.kind, "the policy"),
        (a.base != b.base, "the base policy"),
        (a.reward_models.is_some() != b.reward_models.is_some(), "the learned reward models"),
        (a.exploration != b.exploration, "the exploration memory"),
        (has_critic(a) != has_critic(b), "the value head"),
    ];
    whole.into_iter().filter(|(differs, _)| *differs).map(|(_, name)| name.into()).chain(names).collect()
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "what it had".into(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// The shape but for the value head, which joins a run and leaves it.
fn body(e: &Experiment) -> impl PartialEq + use<> {
    let parts = (e.task.clone(), e.policy.clone(), e.base.clone(), e.reward_models.clone(), e.exploration.clone());
    (parts, run_params(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::library::open::blank;

    #[test]
    fn what_a_run_still_uses_is_named() {
        let (a, mut b) = (blank(), blank());
        for (name, value) in [("num_generations", 4.0), ("seeds", 2.0), ("updates", 90.0)] {
            b.run.insert(name.into(), Value::Number(value));
        }
        b.task.params.insert("slip".into(), Value::Number(0.5));
        assert_eq!(listed(&others(&b, &a)), "slip, num_generations, seeds and updates");
        b = blank();
        b.task.kind = "length".into();
        assert_eq!(listed(&others(&b, &a)), "the task");
    }
}

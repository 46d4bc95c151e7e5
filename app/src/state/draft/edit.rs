//! Changes of the draft. Code and algorithm settings reach a running engine at once; what shapes the run (task, policy,
//! lengths, which arms there are) needs a restart, which happens by itself while nothing would be lost.

use crate::model::ArmId;
use crate::state::app::{App, Undo};
use crate::state::draft::sections::Section;
use crate::state::draft::tables::Table;
use crate::state::notices::{Action, Level};
use goodhart_core::experiment::MAX_ARMS;
use goodhart_core::experiment::{Arm, Experiment, NowTry, Part};
use goodhart_core::linter::edits;
use goodhart_core::oracle::report::Fix;
use goodhart_core::params::Value;
use goodhart_core::plan::Problem;
use goodhart_core::tasks::TaskView;
use leptos::prelude::*;

impl App {
    /// New code of an arm, typed by the person.
    pub fn set_code(self, arm: ArmId, code: String) {
        self.update_arm(arm, |a| a.code = code);
        self.withdraw(Action::Undo);
        self.check_arm(arm);
        self.sync_typed();
        self.save_soon();
    }

    /// Sets or (None) clears an override.
    pub fn set_param(self, table: Table, name: &str, value: Option<Value>) {
        let place = match table {
            Table::Arm(id) => untrack(|| self.place(id)),
            _ => None,
        };
        self.draft.update(|e| table.set(e, place, name, value));
        if matches!(table, Table::Task | Table::RewardModels | Table::Exploration) {
            self.check_all();
        }
        self.draft_changed();
    }

    /// Adds a section that the draft does without, with its defaults.
    pub fn add_section(self, section: &Section) {
        self.draft.update(|e| section.table.add_to(e));
        self.check_all();
        self.draft_changed();
    }

    /// Removes a section with all its settings.
    pub fn remove_section(self, section: &Section) {
        self.remember_for_undo("the section");
        self.draft.update(|e| section.table.remove_from(e));
        self.check_all();
        self.draft_changed();
        self.notify(Level::Info, format!("The section \"{}\" is removed.", section.title), Some(Action::Undo));
    }

    /// Why the draft cannot have a section; None where it can, and while there is no compiler to ask.
    pub fn refusal(self, section: &Section) -> Option<String> {
        self.draft.with_untracked(|e| section.refusal(e, |e| self.problems_of(e)))
    }

    /// Another task: its parameters start from their defaults, and the policy from one that fits.
    pub fn set_task(self, kind: &str) {
        self.remember_for_undo("the task");
        self.draft.update(|e| e.task = Part { kind: kind.to_string(), params: [].into() });
        let left = self.leave_what_does_not_fit();
        self.check_all();
        self.fit_policy();
        self.draft_changed();
        let without = if left.is_empty() { String::new() } else { format!(", without {}", left.join(" and ")) };
        self.notify(Level::Info, format!("The task is now {kind}{without}."), Some(Action::Undo));
    }

    /// Gives the draft a policy that suits its task, and leaves the one it has where that suits it. Says whether it changed
    /// anything.
    pub fn fit_policy(self) -> bool {
        let before = self.draft.with_untracked(|e| (e.policy.kind.clone(), e.base.is_some()));
        let writes = self.with_language(|l| matches!(l.view, TaskView::Tokens { .. })).unwrap_or_default();
        self.draft.update(|e| {
            if writes != (e.policy.kind == "transformer") {
                e.policy = Part { kind: if writes { "transformer" } else { "table" }.into(), params: [].into() };
            }
            if !writes {
                e.base = None;
            }
        });
        // A task whose policy sees numbers has no rows for a table.
        let refuses = |problems: Vec<Problem>| problems.iter().any(|problem| problem.place == "policy");
        if !writes && self.draft.with_untracked(|e| refuses(self.problems_of(e))) {
            self.draft.update(|e| e.policy = Part { kind: "mlp".into(), params: [].into() });
        }
        self.draft.with_untracked(|e| (e.policy.kind.clone(), e.base.is_some())) != before
    }

    /// Takes the sections out that the draft's task refuses, as few as will do, and names them.
    fn leave_what_does_not_fit(self) -> Vec<&'static str> {
        let draft = self.draft.get_untracked();
        let (models, memory) = (draft.reward_models.is_some(), draft.exploration.is_some());
        let without = |no_models: bool, no_memory: bool| {
            let mut e = draft.clone();
            if no_models {
                e.reward_models = None;
            }
            if no_memory {
                e.exploration = None;
            }
            e
        };
        let ways = [(false, false), (false, true), (true, false), (true, true)];
        let possible = ways.into_iter().filter(|(m, x)| (models || !m) && (memory || !x));
        let fits = possible.into_iter().find(|(m, x)| self.takes(&without(*m, *x)));
        let Some((no_models, no_memory)) = fits.filter(|way| *way != (false, false)) else { return Vec::new() };
        self.draft.set(without(no_models, no_memory));
        let names = [(no_models, "its learned reward models"), (no_memory, "its exploration memory")];
        names.into_iter().filter(|(gone, _)| *gone).map(|(_, name)| name).collect()
    }

    pub fn set_policy(self, kind: &str) {
        self.remember_for_undo("the policy");
        self.draft.update(|e| e.policy = Part { kind: kind.to_string(), params: [].into() });
        self.draft_changed();
    }

    pub fn set_title(self, title: String) {
        self.draft.update(|e| e.title = title);
        self.draft_changed();
    }

    pub fn rename_arm(self, arm: ArmId, name: String) {
        let name = name.trim().to_string();
        let own = untrack(|| self.place(arm));
        let others = |e: &Experiment| e.arms.iter().enumerate().any(|(i, a)| Some(i) != own && a.name == name);
        let taken = self.draft.with_untracked(others);
        if name.is_empty() || taken {
            let why = if taken {
                format!("Another strategy is called \"{name}\".")
            } else {
                "A strategy needs a name.".into()
            };
            self.notify(Level::Warning, why, None);
            return;
        }
        self.update_arm(arm, |a| a.name = name);
        self.draft_changed();
    }

    /// A copy of an arm, placed at the end.
    pub fn duplicate_arm(self, arm: ArmId) {
        if let Some(copy) = self.with_arm_untracked(arm, Arm::clone) {
            let name = copy.name.clone();
            self.add(copy, &name);
        }
    }

    /// A new arm with a program that compiles for every task.
    pub fn add_arm(self) {
        let code = "def accuracy(ep):\n    return 1.0 if ep.correct else 0.0\n".to_string();
        self.add(Arm { name: String::new(), code, algorithm: [].into(), ..Arm::default() }, "new");
    }

    /// Puts an arm at the end, under a name that is free, and chooses it.
    fn add(self, arm: Arm, name: &str) {
        if self.draft.with_untracked(|e| e.arms.len() >= MAX_ARMS) {
            return self.notify(Level::Warning, format!("An experiment has at most {MAX_ARMS} strategies."), None);
        }
        let made = self.identify_one();
        self.arms.update(|arms| arms.extend(&made));
        self.draft.update(|e| {
            let name = free_name(e, name);
            e.arms.push(Arm { name, ..arm });
        });
        self.check_all();
        if let Some(id) = made.first() {
            self.choose_arm(*id);
        }
        self.draft_changed();
    }

    pub fn remove_arm(self, arm: ArmId) {
        let Some(at) = untrack(|| self.place(arm)) else { return };
        if self.draft.with_untracked(|e| e.arms.len() < 2) {
            self.notify(Level::Warning, "An experiment needs at least one strategy.", None);
            return;
        }
        self.remember_for_undo("the strategy");
        let name = untrack(|| self.name_of(arm));
        self.arms.update(|arms| arms.retain(|id| *id != arm));
        self.draft.update(|e| drop(e.arms.remove(at)));
        self.check_all();
        if self.arm.get_untracked() == arm {
            let next = self.arms.with_untracked(|arms| arms[at.min(arms.len() - 1)]);
            self.choose_arm(next);
        }
        self.save_soon();
        // At once: nothing more is to be seen of it.
        self.sync();
        self.notify(Level::Info, format!("The strategy \"{name}\" is removed."), Some(Action::Undo));
    }

    /// Another experiment as the draft: all its arms are new ones.
    pub(in crate::state) fn put_draft(self, experiment: Experiment) {
        let arms = self.identify(&experiment.arms);
        self.arm.set(arms.first().copied().unwrap_or_default());
        self.arms.set(arms);
        self.edits.set([].into());
        self.checks.set([].into());
        self.draft.set(experiment);
    }

    /// Where the chosen arm is gone, the first one is chosen.
    fn choose_arm_that_is_there(self) {
        let (chosen, arms) = (self.arm.get_untracked(), self.arms.get_untracked());
        if let Some(first) = arms.first().filter(|_| !arms.contains(&chosen)) {
            self.choose_arm(*first);
        }
    }

    /// Keeps the draft as it is for `undo`.
    pub(in crate::state) fn remember_for_undo(self, what: &str) {
        let (experiment, arms) = (self.draft.get_untracked(), self.arms.get_untracked());
        self.withdraw(Action::Undo);
        self.undo.set(Some(Undo { what: what.to_string(), experiment, arms, tried: None, restarted: false }));
    }

    /// Takes back the last change that removed something.
    pub fn undo_last(self) {
        let Some(undo) = self.undo.get_untracked() else { return };
        self.undo.set(None);
        self.withdraw(Action::Undo);
        self.arms.set(undo.arms);
        self.draft.set(undo.experiment);
        self.choose_arm_that_is_there();
        self.check_all();
        self.save_soon();
        if undo.restarted { self.load(true) } else { self.sync_soon() }
    }

    /// Makes one of the experiment's edits, and trains: from update 0 on, or with the policies as they are.
    pub fn try_edit(self, index: usize, edit: &NowTry, anew: bool) {
        let before = self.draft.get_untracked();
        let edited = match edit.apply(&before) {
            Ok(edited) => edited,
            Err(why) => {
                let text = format!("This edit does not fit what is on screen: {why}.");
                return self.notify(Level::Warning, text, None);
            }
        };
        let arms = self.arms.get_untracked();
        let at = edited.arms.iter().position(|a| a.name == edit.arm);
        if let Some(arm) = at.and_then(|at| arms.get(at)) {
            self.choose_arm(*arm);
        }
        let what = "the edit".to_string();
        self.withdraw(Action::Undo);
        self.undo.set(Some(Undo { what, experiment: before, arms, tried: Some(index), restarted: anew }));
        self.draft.set(edited);
        self.check_all();
        self.save_soon();
        if anew {
            self.load(true);
        } else {
            self.sync_soon();
            self.run();
        }
    }

    /// Makes a fix that the linter offers for an arm whose program is still `code`.
    pub fn fix(self, arm: ArmId, code: &str, fix: &Fix) {
        let own = self.with_arm_untracked(arm, |a| a.code.clone()).filter(|own| own == code);
        let Some(fixed) = own.and_then(|own| edits::apply(&own, &fix.edits)) else {
            return self.notify(
                Level::Warning,
                "The program has changed since this was found: look at it again.",
                None,
            );
        };
        self.remember_for_undo("the fix");
        self.update_arm(arm, |arm| {
            arm.code = fixed;
            arm.algorithm.extend(fix.set.clone());
        });
        self.check_all();
        self.draft_changed();
        self.notify(Level::Info, format!("Done: {}.", fix.says), Some(Action::Undo));
    }

    /// The draft changed: keep it, put it in the address, and let the engine follow. What was offered to be taken back would
    /// take this change along.
    pub(in crate::state) fn draft_changed(self) {
        self.withdraw(Action::Undo);
        self.save_soon();
        self.sync_soon();
    }
}

/// `name`, or `name 2`, `name 3`, ... whichever is free.
fn free_name(e: &Experiment, name: &str) -> String {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
    let taken = |n: &str| e.arms.iter().any(|a| a.name == n);
    if !taken(stem) && !stem.is_empty() {
        return stem.to_string();
    }
    (2..).map(|i| format!("{stem} {i}")).find(|n| !taken(n)).unwrap_or_default()
}

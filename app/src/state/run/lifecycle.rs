//! Running: load, run, pause, step, reset; and what the engine tells.

use crate::engine_client::{Choice, Past, Start};
use crate::model::{ArmId, Loaded, run_params};
use crate::state::app::App;
use crate::state::notices::{Action, Level, Notice};
use crate::state::overlay::Discard;
use crate::state::run::consent::Wanted;
use crate::state::run::curves::RunData;
use crate::state::run::fit::bounds;
use crate::state::run::phase::{Phase, Speed, Until};
use crate::storage::drafts;
use crate::storage::runs::SavedRun;
use leptos::prelude::*;

impl App {
    /// Loads the draft from update 0. What cannot run stops no run that does.
    pub fn load(self, then_run: bool) {
        self.load_from(self.runnable(), then_run, None);
    }

    /// Loads strategies, from where the run of another visit was left if there is one.
    pub(in crate::state) fn load_from(self, next: Loaded, then_run: bool, mut past: Option<SavedRun>) {
        let draft = self.draft.get_untracked();
        let problems = self.problems_of(&draft);
        self.problems.set(problems.clone());
        // A strategy that does not compile is the problem only where no other is left.
        let problems = if next.ids.is_empty() { problems } else { self.problems_of(&next.experiment) };
        if !problems.is_empty() {
            let why = goodhart_core::plan::join(&problems);
            return if self.is_alive() {
                self.notify(Level::Warning, format!("The run is as it was, since this cannot run: {why}"), None);
            } else {
                self.stuck(why);
            };
        }
        let fit = match self.fit_of(&next.experiment) {
            Ok(fit) => fit,
            Err(why) => return self.stuck(why),
        };
        let run = run_params(&next.experiment);
        self.leave_run("The run was replaced by another one.");
        self.data.set_value(RunData::new(run.seeds as usize, self.members(&next)));
        let bounds = bounds(&fit);
        self.fit.set(fit);
        self.update.set(past.as_mut().map_or(0, |past| self.show_saved(past)));
        self.seed.update(|s| *s = (*s).min(run.seeds - 1));
        self.phase.set(Phase::Loading);
        self.loaded.set(Some(next.clone()));
        match &past {
            Some(past) => self.save_resumed_run(past, next.ids.len() * run.seeds as usize),
            None => self.save_new_run(),
        }
        self.tick.update(|t| *t += 1);
        let load = self.internal.try_update_value(|i| {
            i.wants_run = then_run;
            i.load += 1;
            i.loading = true;
            i.load
        });
        wasm_bindgen_futures::spawn_local(async move {
            let bases = self.find_base_policies(&next.experiment).await;
            if self.internal.with_value(|i| Some(i.load)) == load {
                self.internal.update_value(|i| i.loading = false);
                let numbers = next.ids.iter().map(|id| id.number()).collect();
                let past = past.map(|kept| Past { kind: kept.record.kind, checkpoints: kept.checkpoints });
                self.act(|s| s.load(next.experiment, numbers, Start { bases, bounds, past }));
                self.watch();
            }
        });
    }

    /// Nothing of the run in hand is to be seen or heard any more.
    pub(in crate::state) fn leave_run(self, why: &str) {
        self.resolve(Until::Rest, &Err(why.into()));
        // A base policy may take a moment to be found; until then the old run must not write into the new one's rows.
        self.act(|s| s.retire());
        self.first_update_ends();
        self.data.set_value(RunData::default());
        self.loaded.set(None);
        self.update.set(0);
        self.rate.set(0.0);
        self.anatomy.set(None);
        self.verdict.set(Vec::new());
        self.joining.set(None);
        self.models.set(Vec::new());
        self.models_on.set(None);
        self.moment.set(None);
        self.edits.set([].into());
        // What was told of it is of no run any more.
        let of_it = |n: &Notice| match n.action {
            None => n.level == Level::Info,
            Some(action) => matches!(action, Action::Restart | Action::Allow),
        };
        self.notices.update(|n| n.retain(|n| !of_it(n)));
        self.internal.update_value(|i| {
            i.wants_run = false;
            i.pausing = false;
            i.loading = false;
            i.pending.clear();
            i.anatomies.clear();
            i.verdict_next = 0.0;
        });
    }

    /// Whether there is a run that goes on or could.
    fn is_alive(self) -> bool {
        self.loaded.with_untracked(Option::is_some) && !self.phase.with_untracked(|p| matches!(p, Phase::Stuck(_)))
    }

    /// The strategies of a run with the components of their programs.
    pub(in crate::state) fn members(self, of: &Loaded) -> Vec<(ArmId, Vec<String>)> {
        let arms = of.ids.iter().zip(&of.experiment.arms);
        arms.map(|(id, arm)| (*id, self.check_code(&arm.code).components)).collect()
    }

    pub fn toggle_run(self) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping => self.pause(),
            // Either begins at update 0.
            Phase::Finished | Phase::Stuck(_) => self.ask_to_discard(Discard::Again),
            _ => self.run(),
        }
    }

    pub fn run(self) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping if self.is_pausing() => self.after_pause(move || self.run()),
            Phase::Paused | Phase::Stepping if self.asks_before_long_updates(Wanted::Run) => {}
            Phase::Paused | Phase::Stepping => {
                self.first_update_begins();
                self.data.update_value(|d| d.lift_limit());
                self.phase.set(Phase::Running);
                let delay = self.speed.get_untracked().delay_ms();
                self.act(|s| s.run(delay));
            }
            Phase::Running => {}
            Phase::Starting | Phase::Base { .. } | Phase::Models { .. } | Phase::Loading | Phase::Compiling { .. } => {
                self.internal.update_value(|i| i.wants_run = true)
            }
            Phase::Finished | Phase::Stuck(_) => self.load(true),
        }
    }

    pub fn pause(self) {
        let moving = self.phase.with_untracked(Phase::is_moving);
        self.internal.update_value(|i| {
            i.wants_run = false;
            i.pausing = moving;
            i.pauses += 1;
        });
        // What is on screen is where the run rests; lanes that are further go back to it.
        let shown = self.update.get_untracked();
        if moving {
            self.data.update_value(|d| d.limit_to(shown as usize));
        }
        self.act(|s| s.pause(shown));
    }

    /// The run was told to pause and does not rest yet.
    pub(crate) fn is_pausing(self) -> bool {
        self.internal.with_value(|i| i.pausing)
    }

    /// Does something once the run rests, unless it is paused once more before.
    fn after_pause(self, then: impl FnOnce() + 'static) {
        let ticket = self.internal.with_value(|i| i.pauses);
        self.when_resting(move |rests| {
            if rests.is_ok() && self.internal.with_value(|i| i.pauses) == ticket {
                then();
            }
        });
    }

    pub fn step(self, n: u32) {
        match self.phase.get_untracked() {
            Phase::Running | Phase::Stepping if self.is_pausing() => self.after_pause(move || self.step(n)),
            Phase::Paused | Phase::Running | Phase::Stepping if self.asks_before_long_updates(Wanted::Step(n)) => {}
            Phase::Paused | Phase::Running | Phase::Stepping => {
                self.first_update_begins();
                self.data.update_value(|d| d.lift_limit());
                self.phase.set(Phase::Stepping);
                self.act(|s| s.step(n));
            }
            _ => self.notify(Level::Info, "A step needs a run that is ready and not finished.", None),
        }
    }

    pub fn reset(self) {
        self.load(false);
    }

    /// Loads the draft anew, running on if the run was, or was about to.
    pub fn restart(self) {
        let moving = self.phase.with_untracked(Phase::is_moving) || self.internal.with_value(|i| i.wants_run);
        self.load(moving);
    }

    pub fn set_speed(self, speed: Speed) {
        self.speed.set(speed);
        if self.phase.with_untracked(|p| *p == Phase::Running) {
            self.act(|s| s.run(speed.delay_ms()));
        }
    }

    /// Another engine: the run starts anew on it.
    pub fn choose_engine(self, choice: Choice) {
        self.choice.set(choice);
        drafts::set_setting("engine", (choice != Choice::Auto).then_some(choice.name()));
        self.act(|s| {
            s.choose(choice);
            Vec::new()
        });
        self.restart();
    }

    pub fn choose_arm(self, arm: ArmId) {
        self.arm.set(arm);
        self.watch();
    }

    pub fn choose_seed(self, seed: u32) {
        self.seed.set(seed);
        self.check_all();
        self.watch();
    }

    /// Follows the chosen lane; what there is of another one is not shown as this one's.
    pub(in crate::state) fn watch(self) {
        let (arm, seed) = (self.arm.get_untracked().number(), self.seed.get_untracked());
        if self.anatomy.with_untracked(|a| a.as_ref().is_some_and(|a| (a.arm, a.seed) != (arm, seed))) {
            self.anatomy.set(None);
        }
        self.internal.update_value(|i| i.anatomies.retain(|a| (a.arm, a.seed) == (arm, seed)));
        self.act(|s| s.watch(arm, seed));
    }

    pub(in crate::state) fn act(
        self,
        f: impl FnOnce(&mut crate::engine_client::Session) -> Vec<crate::engine_client::Effect>,
    ) {
        // Cloned first: what follows may come back here.
        if let Some(client) = self.client.get_value() {
            client.act(f);
        }
    }
}

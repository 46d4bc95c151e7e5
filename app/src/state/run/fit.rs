//! What could hold the page up: how an experiment fits into this browser, what a person is asked before it runs, and
//! which experiment never got through its first update.

use crate::browser::plain::{from_js, to_js};
use crate::browser::time;
use crate::engine_client::Bounds;
use crate::model::{ArmId, digest};
use crate::state::app::App;
use crate::state::notices::{Action, Level};
use crate::state::run::consent::Wanted;
use crate::state::run::phase::EditState;
use crate::storage::drafts;
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::cost::Fit;
use js_sys::Reflect;
use leptos::prelude::*;
use serde::Deserialize;

/// What a page may use of a browser that does not say how much memory there is, and of one that does, at most.
const ROOM: f64 = 2e9;
const MOST_ROOM: f64 = 4e9;
/// Milliseconds that a first update may take until its experiment is not started by itself at the next visit.
const FIRST_UPDATE: f64 = 5000.0;
/// The setting that names an experiment whose first update is under way.
const UNFINISHED: &str = "unfinished";

/// What the language module says.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fitted {
    Fit(Fit),
    Error(String),
}

/// What the engine is told of it; the default is that of an experiment of which nothing is known.
pub(in crate::state) fn bounds(fit: &Fit) -> Bounds {
    if fit.workers == 0 { Bounds::default() } else { Bounds { workers: fit.workers, seconds: fit.seconds } }
}

impl App {
    /// How an experiment fits into this browser; nothing is known where it cannot run, or while there is no compiler.
    ///
    /// Errors: it does not fit; the sentence says what to change.
    pub(in crate::state) fn fit_of(self, experiment: &Experiment) -> Result<Fit, String> {
        match self.ask(|c| Some(from_js(c.fit(&to_js(experiment), cores(), room()).ok()?))) {
            Some(Fitted::Fit(fit)) => Ok(fit),
            Some(Fitted::Error(why)) => Err(why),
            None => Ok(Fit::default()),
        }
    }

    /// What the person is to be asked before an update that takes so long, if they have not agreed to it.
    pub(in crate::state) fn question(self, fit: &Fit) -> Option<String> {
        let allowed = self.consent.with_value(|h| h.allowed);
        (!fit.asks.is_empty() && fit.seconds > 1.01 * allowed).then(|| fit.asks.clone())
    }

    /// Asks before the loaded experiment trains; true if it was asked, and nothing is to be done until it is answered.
    pub(in crate::state) fn asks_before_long_updates(self, wanted: Wanted) -> bool {
        let Some(question) = self.fit.with_untracked(|fit| self.question(fit)) else { return false };
        self.consent.update_value(|h| h.wanted = Some(wanted));
        self.notify(Level::Warning, format!("{question} It has not been started."), Some(Action::Allow));
        true
    }

    /// What the person is to be asked before an edited experiment is trained on. Else the engine is told what it may take.
    pub(in crate::state) fn too_slow(self, draft: &Experiment) -> Option<String> {
        let fit = self.fit_of(draft).ok()?;
        let question = self.question(&fit);
        if question.is_none() {
            self.act(|s| {
                s.expect(bounds(&fit));
                Vec::new()
            });
        }
        question
    }

    /// An edit is not sent before the person agrees to what it costs.
    pub(in crate::state) fn refuse_slow_edit(self, arm: ArmId, question: String) {
        self.edits.update(|edits| drop(edits.insert(arm, EditState::Refused { error: question.clone() })));
        self.notify(Level::Warning, format!("{question} The program before this edit goes on."), Some(Action::Allow));
    }

    /// What keeps the loaded experiment from training until the person agrees.
    pub fn waits_for(self) -> Option<String> {
        self.fit.with_untracked(|fit| self.question(fit))
    }

    /// The person agrees to long updates: of the experiment that is loaded, and of what they have made of it.
    pub fn allow(self) {
        let draft = self.draft.with_untracked(|e| self.fit_of(e)).map_or(0.0, |fit| fit.seconds);
        let seconds = self.fit.with_untracked(|fit| fit.seconds).max(draft);
        let wanted = self.consent.try_update_value(|h| {
            h.allowed = seconds;
            h.wanted.take()
        });
        match wanted.flatten() {
            Some(Wanted::Run) => self.run(),
            Some(Wanted::Step(n)) => self.step(n),
            None => {}
        }
        self.sync_soon();
    }

    /// The first update of an experiment is under way: if the page does not see its end, it is not started by itself again.
    pub(in crate::state) fn first_update_begins(self) {
        if self.update.get_untracked() > 0 {
            return;
        }
        self.consent.update_value(|h| h.first = Some(time::now()));
        let name = self.loaded.with_untracked(|l| l.as_ref().map(|l| digest(&l.experiment)));
        drafts::set_setting(UNFINISHED, name.as_deref());
    }

    /// It is through, or will not be.
    pub(in crate::state) fn first_update_ends(self) {
        let was = self.consent.try_update_value(|h| h.first.take()).flatten();
        if was.is_some() {
            drafts::set_setting(UNFINISHED, None);
        }
    }

    /// The page is left, or the run cannot go on: an update that has only just begun is no sign of anything.
    pub(in crate::state) fn first_update_left(self) {
        if self.consent.with_value(|h| h.first).is_some_and(|since| time::now() - since < FIRST_UPDATE) {
            self.first_update_ends();
        }
    }

    /// Whether an experiment may start by itself. One that did not get through its first update at the last visit may not,
    /// once.
    pub fn may_start(self, experiment: &Experiment) -> bool {
        let unfinished = drafts::setting(UNFINISHED);
        drafts::set_setting(UNFINISHED, None);
        let may = unfinished.is_none_or(|was| was != digest(experiment));
        if !may {
            let text = "This experiment did not get through its first update at your last visit, so it was not started by itself. Run starts it.";
            self.notify(Level::Warning, text, None);
        }
        may
    }
}

/// Cores that this browser offers.
pub(in crate::state) fn cores() -> usize {
    web_sys::window().map_or(1.0, |w| w.navigator().hardware_concurrency()) as usize
}

/// Bytes that a run may take here: half of what the browser says there is.
fn room() -> f64 {
    let navigator = web_sys::window().map(|w| w.navigator());
    let gigabytes = navigator.and_then(|n| Reflect::get(&n, &"deviceMemory".into()).ok()?.as_f64());
    gigabytes.map_or(ROOM, |gb| (0.5e9 * gb).clamp(0.5e9, MOST_ROOM))
}

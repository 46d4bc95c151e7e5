//! Opening experiments: shipped ones by id, links, drafts of earlier visits; and keeping the draft in the page's address
//! and in storage.

use super::{App, Level, Overlay, store};
use crate::time;
use goodhart_core::experiment::{Arm, Experiment, Part};
use goodhart_core::link;
use leptos::prelude::*;
use std::cell::OnceCell;
use wasm_bindgen::prelude::JsValue;

/// From the last change to storage and address.
const KEEP_MS: u64 = 300;

const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/experiments.json"));

thread_local! {
    static SHIPPED: OnceCell<Vec<Experiment>> = const { OnceCell::new() };
}

/// The experiments that come with the page, the landing one first.
pub fn shipped() -> Vec<Experiment> {
    SHIPPED.with(|cell| {
        let read = || {
            // build.rs wrote them, a test reads them.
            let mut all: Vec<Experiment> = serde_json::from_str(EMBEDDED).unwrap_or_default();
            all.sort_by_key(|e| e.task.kind != "length");
            all
        };
        cell.get_or_init(read).clone()
    })
}

/// The smallest experiment: where a person starts from nothing.
pub fn blank() -> Experiment {
    let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
    let arm = |name: &str, code: &str| Arm { name: name.into(), code: code.into(), algorithm: [].into() };
    Experiment {
        algorithm: [("learning_rate".to_string(), goodhart_core::params::Value::Number(0.05))].into(),
        ..Experiment::new(
            "New experiment",
            part("gridworld"),
            part("table"),
            vec![
                arm("goal", "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n"),
                arm("coins", "def coins(ep):\n    return 0.1 * sum(ep.coins)\n"),
            ],
        )
    }
}

/// What the page opens with.
pub struct Opened {
    pub experiment: Experiment,
    /// What is wrong with the link that was to be opened.
    pub problem: Option<String>,
}

impl Opened {
    /// From the address; else the draft of the last visit; else the landing experiment.
    pub fn at_start() -> Self {
        let fragment = fragment();
        let other = || store::load_draft().or_else(|| shipped().into_iter().next()).unwrap_or_else(blank);
        if fragment.is_empty() {
            return Self { experiment: other(), problem: None };
        }
        match read(&fragment) {
            Ok(experiment) => {
                // The last visit's draft is put aside, not overwritten.
                if let Some(draft) = store::load_draft()
                    && draft != experiment
                    && !is_shipped(&draft)
                {
                    store::leave_draft(&draft);
                }
                Self { experiment, problem: None }
            }
            Err(problem) => Self { experiment: other(), problem: Some(problem) },
        }
    }
}

/// The experiment of a link: a whole address, a fragment, or the id of a shipped experiment.
pub fn read(link: &str) -> Result<Experiment, String> {
    let fragment = link.split_once('#').map_or(link, |(_, f)| f).trim();
    if let Some(e) = shipped().into_iter().find(|e| !e.id.is_empty() && e.id == fragment) {
        return Ok(e);
    }
    let looks_like_id = !fragment.is_empty()
        && fragment.len() < 60
        && !fragment.contains('.')
        && fragment.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if looks_like_id {
        return Err(format!("There is no experiment called \"{fragment}\"."));
    }
    link::decode(fragment).map_err(|e| e.to_string())
}

fn is_shipped(experiment: &Experiment) -> bool {
    shipped().contains(experiment)
}

fn fragment() -> String {
    let hash = web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    hash.trim_start_matches('#').to_string()
}

/// The fragment that opens an experiment: its id while it is as shipped, else all of it.
pub fn fragment_of(experiment: &Experiment) -> String {
    if !experiment.id.is_empty() && is_shipped(experiment) {
        return experiment.id.clone();
    }
    link::encode(experiment)
}

impl App {
    /// Opens an experiment in place of the draft, which is kept among the drafts if it was changed.
    pub fn open(self, experiment: Experiment, then_run: bool) {
        let left = self.draft.get_untracked();
        if left != experiment && !is_shipped(&left) && left != blank() {
            store::leave_draft(&left);
        }
        self.undo.set(None);
        self.arm.set(0);
        self.seed.set(0);
        self.overlay.set(Overlay::None);
        self.notices.set(Vec::new());
        self.draft.set(experiment);
        self.opened.update(|n| *n += 1);
        self.check_all();
        self.keep();
        self.load(then_run);
    }

    /// Opens a link; a bad one is explained in front of the gallery.
    pub fn open_link(self, link: &str, then_run: bool) -> Result<(), String> {
        match read(link) {
            Ok(experiment) => {
                self.open(experiment, then_run);
                Ok(())
            }
            Err(problem) => {
                self.overlay.set(Overlay::Gallery(Some(problem.clone())));
                Err(problem)
            }
        }
    }

    /// Opens what the address says when the person goes back, or pastes a link.
    pub fn follow_address(self) {
        window_event_listener(leptos::ev::hashchange, move |_| {
            let fragment = fragment();
            if !fragment.is_empty() && self.draft.with_untracked(fragment_of) != fragment {
                // The overlay shows what is wrong.
                self.open_link(&fragment, true).ok();
            }
        });
    }

    /// Keeps the draft soon after the last change.
    pub(super) fn keep_soon(self) {
        let Some(ticket) = self.internal.try_update_value(|i| {
            i.keep += 1;
            i.keep
        }) else {
            return;
        };
        time::after(KEEP_MS, move || {
            if self.internal.with_value(|i| i.keep) == ticket {
                self.keep();
            }
        });
    }

    /// Puts the draft into storage and the page's address, and says what is wrong with it.
    pub fn keep(self) {
        let draft = self.draft.get_untracked();
        let fragment = fragment_of(&draft);
        self.problems.set(self.problems_of(&draft));
        let Some(window) = web_sys::window() else { return };
        let url = format!("#{fragment}");
        if let Ok(history) = window.history() {
            // Chromium refuses too frequent calls; the next change tries again.
            history.replace_state_with_url(&JsValue::NULL, "", Some(&url)).ok();
        }
        let whole = window.location().href().unwrap_or_default();
        let before_fragment = whole.split('#').next().unwrap_or_default();
        self.link.set(format!("{before_fragment}{url}"));
        if let Err(message) = store::save_draft(&draft) {
            self.notify(Level::Warning, message, None);
        }
    }

    /// Keeps the draft at once when the page is left or hidden: no debounced change is lost.
    pub fn keep_at_leaving(self) {
        window_event_listener(leptos::ev::pagehide, move |_| self.keep());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::plan::plan;

    #[test]
    fn what_ships_can_be_opened_by_its_id_and_run() {
        assert!(!shipped().is_empty());
        for experiment in shipped() {
            assert_eq!(read(&format!("#{}", experiment.id)), Ok(experiment.clone()));
            assert_eq!(plan(&experiment).err(), None, "{}", experiment.id);
            assert_eq!(fragment_of(&experiment), experiment.id);
        }
        assert_eq!(plan(&blank()).err(), None);
    }

    #[test]
    fn an_edited_one_travels_whole() {
        let mut experiment = shipped().remove(0);
        experiment.title = "mine".into();
        let link = format!("https://example.org/x/#{}", fragment_of(&experiment));
        assert_eq!(read(&link).map(|e| e.title), Ok("mine".into()));
        assert!(read("#no-such-thing").is_err_and(|e| e.contains("no-such-thing")));
        assert!(read("#g1.%%%").is_err_and(|e| e.contains("damaged")));
    }
}

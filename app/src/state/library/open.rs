//! Opening experiments: shipped ones by id, links, drafts of earlier visits; and keeping the draft in the page's address
//! and in storage.

use crate::browser::plain::{describe, from_js, to_js};
use crate::browser::{address, modules};
use crate::state::app::App;
use crate::state::library::gallery::{LANDING, is_shipped};
use crate::state::library::origin::Origin;
use crate::state::library::{failing_rewards, gallery};
use crate::state::notices::Level;
use crate::state::overlay::Overlay;
use crate::storage::drafts;
use crate::storage::drafts::SavedDraft;
use goodhart_core::experiment::{Arm, Experiment, Part};
use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::prelude::JsValue;

/// From the last change to storage and address.
const SAVE_MS: u64 = 300;

/// The smallest experiment: where a person starts from nothing.
pub fn blank() -> Experiment {
    let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
    let arm =
        |name: &str, code: &str| Arm { name: name.into(), code: code.into(), algorithm: [].into(), ..Arm::default() };
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
    pub origin: Origin,
    /// What lies in front of it.
    pub overlay: Overlay,
    /// Nobody's own work and no link led here.
    pub is_front: bool,
}

/// The address of the library.
pub const LIBRARY: &str = "library";

impl Opened {
    /// From the address; else the draft of the last visit; else the landing experiment.
    pub async fn at_start() -> Self {
        let fragment = address::fragment();
        if fragment.is_empty() || fragment == LIBRARY {
            let mut opened = match drafts::last_draft() {
                // Somebody's own work is what they come back to; without any, it is the front door again.
                Some(draft) if is_as_shipped(&draft.experiment).await => {
                    Self { is_front: true, ..Self::others(draft.experiment, Overlay::None) }
                }
                Some(draft) => Self::own(draft, Overlay::None),
                None => Self::landing(None).await,
            };
            if fragment == LIBRARY {
                opened.overlay = Overlay::Gallery(None);
            }
            return opened;
        }
        match read(&fragment).await {
            Ok(experiment) => {
                let (experiment, origin) = Origin::of(experiment);
                Self { experiment, origin, overlay: Overlay::None, is_front: false }
            }
            Err(problem) => match drafts::last_draft() {
                Some(draft) => Self::own(draft, Overlay::Gallery(Some(problem))),
                None => Self::landing(Some(problem)).await,
            },
        }
    }

    fn own(draft: SavedDraft, overlay: Overlay) -> Self {
        Self { origin: Origin::own(&draft.id), experiment: draft.experiment, overlay, is_front: false }
    }

    fn others(experiment: Experiment, overlay: Overlay) -> Self {
        Self { origin: Origin::others(&experiment), experiment, overlay, is_front: false }
    }

    /// The landing experiment; where something is wrong, behind the library that says so.
    async fn landing(problem: Option<String>) -> Self {
        let (experiment, problem) = match gallery::experiment(LANDING).await {
            Ok(Some(e)) => (e.experiment.clone(), problem),
            Ok(None) => (blank(), problem),
            Err(offline) => (blank(), problem.or(Some(offline))),
        };
        let overlay = if problem.is_some() { Overlay::Gallery(problem) } else { Overlay::None };
        Self { is_front: true, ..Self::others(experiment, overlay) }
    }
}

/// Whether an experiment is just as it came with the page, which may have to be fetched to know.
async fn is_as_shipped(experiment: &Experiment) -> bool {
    // Without the network nothing is known, and a draft too many does no harm.
    !experiment.id.is_empty() && gallery::experiment(&experiment.id).await.is_ok() && is_shipped(experiment)
}

/// The experiment of a link: a whole address, a fragment, or the id of a shipped experiment.
pub async fn read(link: &str) -> Result<Experiment, String> {
    let fragment = link.split_once('#').map_or(link, |(_, f)| f).trim();
    if fragment == failing_rewards::ID {
        return Ok(failing_rewards::experiment());
    }
    if looks_like_id(fragment) {
        return match gallery::experiment(fragment).await? {
            Some(shipped) => Ok(shipped.experiment.clone()),
            None => Err(format!("There is no experiment called \"{fragment}\".")),
        };
    }
    let module =
        modules::language().await.map_err(|e| format!("The reader of links did not load ({e}): reload the page."))?;
    decoded(module.decode(fragment).map_err(|e| describe(&e))?)
}

/// As the language module tells what it makes of a link or a text.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Decoded {
    Experiment(Box<Experiment>),
    Error(String),
}

/// What the language module makes of an experiment.
pub fn decoded(answer: JsValue) -> Result<Experiment, String> {
    match from_js(answer) {
        Some(Decoded::Experiment(experiment)) => Ok(*experiment),
        Some(Decoded::Error(why)) => Err(why),
        None => Err("The reader of links said something that this page does not understand: reload it.".into()),
    }
}

fn looks_like_id(fragment: &str) -> bool {
    !fragment.is_empty()
        && fragment.len() < 60
        && fragment.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl App {
    /// The fragment that opens an experiment: its id while it is as shipped, else all of it; or why it has none. None while
    /// there is nothing that writes links.
    pub(in crate::state) fn fragment_of(self, experiment: &Experiment) -> Option<Result<String, String>> {
        if is_shipped(experiment) {
            return Some(Ok(experiment.id.clone()));
        }
        self.ask(|c| Some(Some(c.encode(&to_js(experiment)).map_err(|e| describe(&e)))))
    }

    /// Opens an experiment that others made in place of the draft, which is kept if it was changed.
    pub fn open(self, experiment: Experiment, then_run: bool) {
        let origin = Origin::others(&experiment);
        self.enter_history();
        self.show(experiment, origin, then_run);
    }

    /// Opens a draft of the person.
    pub fn open_draft(self, draft: SavedDraft) {
        let origin = Origin::own(&draft.id);
        self.enter_history();
        self.show(draft.experiment, origin, true);
    }

    /// The drafts that are not on screen.
    pub fn other_drafts(self) -> Vec<SavedDraft> {
        let mut drafts = drafts::drafts();
        self.origin.with_value(|on_screen| drafts.retain(|d| d.id != on_screen.id));
        drafts
    }

    /// Shows an experiment in place of the draft.
    pub(in crate::state) fn show(self, experiment: Experiment, origin: Origin, then_run: bool) {
        let left = self.draft.get_untracked();
        self.save_draft();
        self.origin.set_value(origin);
        self.undo.set(None);
        self.oracle.set(None);
        self.distances.set(None);
        self.seed.set(0);
        self.overlay.set(Overlay::None);
        self.notices.set(Vec::new());
        self.say_what_was_left(&left, &experiment);
        self.leave_run("The run was replaced by another one.");
        self.put_draft(experiment);
        self.opened.update(|n| *n += 1);
        self.check_all();
        self.save();
        self.find_record();
        self.load(then_run);
    }

    /// Opens a link; a bad one is explained in front of the gallery.
    pub async fn open_link(self, link: &str, then_run: bool) -> Result<(), String> {
        match read(link).await {
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

    /// Opens a link when it can be read; what is wrong with it stands in front of the gallery.
    pub fn open_soon(self, link: String) {
        wasm_bindgen_futures::spawn_local(async move {
            self.open_link(&link, true).await.ok();
        });
    }

    /// Looks for what the last check measured of the draft's experiment.
    pub fn find_record(self) {
        let id = self.draft.with_untracked(|e| e.id.clone());
        self.shipped.set(gallery::kept(&id));
        if id.is_empty() || self.shipped.with_untracked(Option::is_some) {
            return;
        }
        wasm_bindgen_futures::spawn_local(async move {
            // Without it the page lacks the measured values only.
            let Ok(Some(found)) = gallery::experiment(&id).await else { return };
            if self.draft.with_untracked(|e| e.id == id) {
                self.shipped.set(Some(found));
                self.save();
            }
        });
    }

    /// The name of the draft in storage.
    pub(in crate::state) fn draft_id(self) -> String {
        self.origin.with_value(|origin| origin.id.clone())
    }

    /// Keeps the draft soon after the last change.
    pub(in crate::state) fn save_soon(self) {
        self.debounce(SAVE_MS, |i| &mut i.saves, move |_| self.save());
    }

    /// Puts the draft into storage and the page's address, and says what is wrong with it.
    pub fn save(self) {
        let draft = self.draft.get_untracked();
        self.problems.set(self.problems_of(&draft));
        self.save_last_compiled();
        self.save_draft();
        self.save_run();
        let (Some(fragment), Some(window)) = (self.fragment_of(&draft), web_sys::window()) else { return };
        let whole = window.location().href().unwrap_or_default();
        let before_fragment = self.with_tour(whole.split('#').next().unwrap_or_default());
        let link = fragment.map(|fragment| format!("{before_fragment}#{fragment}"));
        // An experiment without a link leaves no other one's in the address.
        self.put_address(link.as_deref().unwrap_or(&before_fragment));
        self.link.set(link);
    }

    /// Puts the draft into storage once it is the person's own work.
    fn save_draft(self) {
        let draft = self.draft.get_untracked();
        let mut problem = None;
        let mut own = false;
        self.origin.update_value(|origin| {
            if origin.is_own(&draft) {
                origin.kept = true;
                own = true;
                problem = drafts::save_draft(&origin.id, &draft).err();
            } else if origin.kept {
                // The last change was taken back.
                origin.kept = false;
                drafts::forget_draft(&origin.id);
            }
        });
        if own {
            self.save_colors();
        }
        if let Some(message) = problem {
            self.notify(Level::Warning, message, None);
        }
    }

    /// Keeps the draft at once when the page is left or hidden: no debounced change is lost.
    pub fn save_when_left(self) {
        window_event_listener(leptos::ev::pagehide, move |_| {
            self.first_update_left();
            self.save();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::experiment::file;
    use goodhart_core::plan::plan;
    use std::path::Path;

    #[test]
    fn what_ships_is_named_as_its_file_and_can_be_run() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let files: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "toml")).collect();
        assert!(files.iter().any(|f| f.file_stem().unwrap() == LANDING), "the landing experiment is there");
        for path in files {
            let experiment = file::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(experiment.id.as_str(), path.file_stem().unwrap(), "links open it by this name");
            assert!(looks_like_id(&experiment.id));
            assert_eq!(plan(&experiment).err(), None, "{}", experiment.id);
        }
        assert_eq!(plan(&blank()).err(), None);
    }

    #[test]
    fn texts_name_the_arms_that_they_speak_of() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let files = files.filter(|f| f.extension().is_some_and(|e| e == "toml"));
        let shipped = files.map(|path| file::parse(&std::fs::read_to_string(&path).unwrap()).unwrap());
        for e in shipped.chain([failing_rewards::experiment()]) {
            let says = e.now_try.iter().map(|edit| &edit.says).chain(e.moment.iter().map(|moment| &moment.says));
            for text in says.chain([&e.lesson, &e.watch]) {
                // An arm that is removed makes another one the first.
                for place in ["first", "second", "third", "fourth", "last"] {
                    let by_place = [format!("{place} arm"), format!("{place} two arms")];
                    assert!(by_place.iter().all(|words| !text.contains(words)), "{}: {text}", e.title);
                }
            }
        }
    }

    #[test]
    fn a_link_is_no_id() {
        assert!(looks_like_id("no-such-thing") && !looks_like_id("g1.%%%") && !looks_like_id(""));
    }
}

//! The browser's history: every experiment that was opened is an entry, and so is a dialog while it is open, so that Back
//! closes it and then goes to the experiment before.

use crate::browser::address::fragment;
use crate::browser::framed;
use crate::state::app::App;
use crate::state::draft::tables::Table;
use crate::state::library::gallery::is_shipped;
use crate::state::library::open::{LIBRARY, read};
use crate::state::library::origin::Origin;
use crate::state::library::trail::{Left, Mark, Move, Trail, overlay};
use crate::state::notices::Level;
use crate::state::overlay::{Discard, Overlay};
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Value;
use leptos::prelude::*;
use wasm_bindgen::prelude::JsValue;

/// The library's address, from any page.
const LIBRARY_ADDRESS: &str = "#library";

fn history() -> Option<web_sys::History> {
    web_sys::window()?.history().ok()
}

fn here() -> Option<Mark> {
    Mark::read(&history()?.state().ok()?.as_string()?)
}

impl App {
    /// Lets the history follow the page, and the page the history.
    pub fn start_history(self) {
        let mark = here();
        self.internal.update_value(|i| {
            let fresh = i.trail.new_entry(js_sys::Date::now());
            i.trail.on_dialog = mark.as_ref().is_some_and(|m| !m.dialog.is_empty());
            i.trail.entry = mark.map_or(fresh, |m| m.entry);
        });
        self.write_history(Move::Replace, None);
        Effect::new(move |_| {
            let is_open = self.overlay.with(|o| *o != Overlay::None);
            self.move_in_history(|trail| trail.follow(is_open));
        });
        window_event_listener(leptos::ev::popstate, move |_| {
            self.follow_tour();
            self.arrive();
        });
    }

    fn move_in_history(self, f: impl FnOnce(&mut Trail) -> Move) {
        let mut next = Move::Stay;
        self.internal.update_value(|i| next = f(&mut i.trail));
        // The library has an address of its own.
        let is_library = untrack(|| self.library_is_open());
        self.write_history(next, is_library.then_some(LIBRARY_ADDRESS));
    }

    fn write_history(self, next: Move, url: Option<&str>) {
        let (Some(history), mark) = (history(), self.mark()) else { return };
        // Chromium refuses too frequent calls: the entry is then missing, and nothing else.
        match next {
            Move::Stay => {}
            Move::Push => drop(history.push_state_with_url(&mark, "", url)),
            Move::Replace => drop(history.replace_state_with_url(&mark, "", url)),
            Move::Back => drop(history.back()),
        }
    }

    fn left(self) -> Left {
        (self.draft.get_untracked(), self.origin.get_value())
    }

    fn mark(self) -> JsValue {
        let overlay = self.overlay.get_untracked();
        self.internal.with_value(|i| i.trail.mark(&overlay)).into()
    }

    /// Puts the draft's address in the place of the one on screen.
    pub(in crate::state) fn put_address(self, url: &str) {
        // On the way back from a dialog the entry is not the experiment's yet: it is written on arrival.
        let is_library = untrack(|| self.library_is_open());
        if !is_library && !self.internal.with_value(|i| i.trail.leaving) {
            self.write_history(Move::Replace, Some(url));
        }
    }

    /// Another experiment takes the place of the draft: an entry of its own.
    pub(in crate::state) fn enter_history(self) {
        let left = self.left();
        self.move_in_history(|trail| {
            let entry = trail.new_entry(js_sys::Date::now());
            trail.enter(entry, left)
        });
    }

    /// The browser is on another entry than before.
    fn arrive(self) {
        let mark = here();
        let mut left = false;
        let mut owes = false;
        self.internal.update_value(|i| {
            left = std::mem::take(&mut i.trail.leaving);
            owes = std::mem::take(&mut i.trail.owes_entry);
        });
        if left {
            let is_open = self.overlay.with_untracked(|o| *o != Overlay::None);
            if owes {
                self.write_history(Move::Push, None);
            }
            self.save();
            self.move_in_history(|trail| trail.follow(is_open));
            return;
        }
        let Some(mark) = mark else {
            // A link in the page, or an address that somebody typed.
            let fragment = fragment();
            if fragment == LIBRARY {
                self.internal.update_value(|i| i.trail.on_dialog = true);
                self.overlay.set(Overlay::Gallery(None));
                self.write_history(Move::Replace, None);
            } else if !fragment.is_empty() {
                self.open_fragment(fragment);
            }
            return;
        };
        let here = self.internal.with_value(|i| i.trail.entry == mark.entry);
        let leaves = self.left();
        let mut kept = None;
        self.internal.update_value(|i| {
            i.trail.on_dialog = !mark.dialog.is_empty();
            if !here {
                i.trail.keep(leaves);
                i.trail.entry.clone_from(&mark.entry);
                kept = i.trail.kept.iter().find(|(entry, _)| *entry == mark.entry).map(|(_, e)| e.clone());
            }
        });
        let shown = overlay(&mark.dialog);
        match kept {
            _ if here => {
                self.overlay.set(shown);
                self.save();
            }
            Some((experiment, origin)) => {
                self.show(experiment, origin, true);
                self.overlay.set(shown);
            }
            None => self.read_entry(fragment(), shown),
        }
    }

    /// An entry of an earlier visit, or one that is no longer kept.
    fn read_entry(self, fragment: String, shown: Overlay) {
        let entry = self.internal.with_value(|i| i.trail.entry.clone());
        wasm_bindgen_futures::spawn_local(async move {
            // A page around this one can change the address too.
            if framed::asks() {
                framed::click().await;
            }
            let found = read(&fragment).await;
            if self.internal.with_value(|i| i.trail.entry != entry) {
                return;
            }
            match found {
                Ok(experiment) => {
                    let (experiment, origin) = Origin::of(experiment);
                    self.show(experiment, origin, true);
                    self.overlay.set(shown);
                }
                Err(problem) => self.overlay.set(Overlay::Gallery(Some(problem))),
            }
        });
    }

    /// Opens what a fragment says that the browser has gone to by itself.
    fn open_fragment(self, fragment: String) {
        let leaves = self.left();
        let is_draft = self.fragment_of(&leaves.0).is_some_and(|own| own.as_ref() == Ok(&fragment));
        self.internal.update_value(|i| {
            i.trail.keep(leaves);
            i.trail.on_dialog = false;
            i.trail.entry = i.trail.new_entry(js_sys::Date::now());
        });
        self.write_history(Move::Replace, None);
        if is_draft {
            self.overlay.set(Overlay::None);
        } else {
            self.read_entry(fragment, Overlay::None);
        }
    }

    /// Back by one entry.
    pub fn go_back(self) {
        if let Some(history) = history() {
            history.back().ok();
        }
    }

    /// Asks before a run is discarded that has come anywhere.
    pub fn ask_to_discard(self, what: Discard) {
        if self.update.get_untracked() == 0 {
            self.discard(what);
        } else {
            self.overlay.set(Overlay::Discard(what));
        }
    }

    /// Discards the run.
    pub fn discard(self, what: Discard) {
        self.overlay.set(Overlay::None);
        match what {
            Discard::Reset => self.reset(),
            Discard::Again => self.load(true),
            Discard::Engine(choice) => self.choose_engine(choice),
            Discard::Seeds(all) => {
                self.set_param(Table::Run, "seeds", Some(Value::Number(f64::from(all))));
                self.load(true);
            }
        }
    }

    /// Says that an edited experiment was left for the one that it was made from.
    pub(in crate::state) fn say_what_was_left(self, left: &Experiment, opened: &Experiment) {
        if leaves_an_edit(left, opened, is_shipped) {
            let text = format!("This is \"{}\" as it came. Your edited version is one step back.", opened.title);
            self.notify(Level::Info, text, Some(crate::state::Action::Back));
        }
    }
}

/// Whether an edited experiment gives way to the one that it was made from.
fn leaves_an_edit(left: &Experiment, opened: &Experiment, as_shipped: impl Fn(&Experiment) -> bool) -> bool {
    !left.id.is_empty() && left.id == opened.id && as_shipped(opened) && !as_shipped(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::library::open::blank;

    #[test]
    fn only_what_is_as_shipped_is_called_as_it_came() {
        let shipped = Experiment { id: "par".into(), ..blank() };
        let edited = Experiment { title: "Mine".into(), ..shipped.clone() };
        let other = Experiment { id: "co-reward".into(), ..blank() };
        let as_shipped = |e: &Experiment| [&shipped, &other].contains(&e);
        assert!(leaves_an_edit(&edited, &shipped, as_shipped));
        assert!(!leaves_an_edit(&shipped, &edited, as_shipped), "an edit that somebody else made");
        assert!(!leaves_an_edit(&edited, &Experiment { title: "Theirs".into(), ..edited.clone() }, as_shipped));
        assert!(!leaves_an_edit(&edited, &other, as_shipped));
        assert!(!leaves_an_edit(&blank(), &blank(), as_shipped));
    }
}

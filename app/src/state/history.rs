//! The browser's history: every experiment that was opened is an entry, and so is a dialog while it is open, so that Back
//! closes it and then goes to the experiment before.

use super::open::{Origin, fragment, read};
use super::shipped::is_shipped;
use super::{App, Discard, Level, Overlay, Table};
use crate::framed;
use goodhart_core::experiment::Experiment;
use goodhart_core::params::Value;
use leptos::prelude::*;
use std::collections::VecDeque;
use wasm_bindgen::prelude::JsValue;

/// Experiments that are kept as they were left; those before are read from their address again.
const MAX_KEPT: usize = 20;

/// What an entry of the history carries: which experiment it is of, and the name of the dialog that lies over it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    entry: String,
    dialog: String,
}

impl Mark {
    fn write(&self) -> String {
        format!("{} {}", self.entry, self.dialog)
    }

    fn read(text: &str) -> Option<Self> {
        let (entry, dialog) = text.split_once(' ')?;
        Some(Self { entry: entry.into(), dialog: dialog.into() })
    }
}

/// What is to be done to the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Stay,
    Push,
    Replace,
    Back,
}

/// An experiment as it was left, and where it came from.
type Left = (Experiment, Origin);

/// Where in the history the page is.
#[derive(Default)]
pub(crate) struct Trail {
    entry: String,
    /// The browser is on the entry of a dialog.
    on_dialog: bool,
    /// The browser is on its way back from one; what is opened meanwhile waits until it is there.
    leaving: bool,
    owes_entry: bool,
    made: u32,
    kept: VecDeque<(String, Left)>,
}

impl Trail {
    fn new_entry(&mut self, now: f64) -> String {
        self.made += 1;
        format!("{now:.0}-{}", self.made)
    }

    /// A dialog is open or not: its entry comes and goes with it.
    fn follow(&mut self, is_open: bool) -> Move {
        match (is_open, self.on_dialog) {
            _ if self.leaving => Move::Stay,
            (true, false) => {
                self.on_dialog = true;
                Move::Push
            }
            (true, true) => Move::Replace,
            (false, true) => {
                self.on_dialog = false;
                self.leaving = true;
                Move::Back
            }
            (false, false) => Move::Stay,
        }
    }

    /// Another experiment is opened; a dialog that it was chosen in gives its entry to it.
    fn enter(&mut self, entry: String, left: Left) -> Move {
        self.keep(left);
        self.entry = entry;
        if self.leaving {
            self.owes_entry = true;
            return Move::Stay;
        }
        if std::mem::take(&mut self.on_dialog) { Move::Replace } else { Move::Push }
    }

    fn keep(&mut self, left: Left) {
        self.kept.retain(|(entry, _)| *entry != self.entry);
        self.kept.push_back((self.entry.clone(), left));
        if self.kept.len() > MAX_KEPT {
            self.kept.pop_front();
        }
    }

    fn mark(&self, overlay: &Overlay) -> String {
        let dialog = if self.on_dialog { name(overlay) } else { "" };
        Mark { entry: self.entry.clone(), dialog: dialog.into() }.write()
    }
}

/// The name of an overlay in a mark.
fn name(overlay: &Overlay) -> &'static str {
    match overlay {
        Overlay::None => "",
        Overlay::Gallery(_) => "gallery",
        Overlay::Share => "share",
        Overlay::Help => "help",
        Overlay::Sample(..) => "sample",
        Overlay::Discard(_) => "discard",
    }
}

/// The overlay of a mark; what has no meaning later, such as a sample of an older update, is not shown again.
fn overlay(name: &str) -> Overlay {
    match name {
        "gallery" => Overlay::Gallery(None),
        "share" => Overlay::Share,
        "help" => Overlay::Help,
        _ => Overlay::None,
    }
}

fn history() -> Option<web_sys::History> {
    web_sys::window()?.history().ok()
}

fn here() -> Option<Mark> {
    Mark::read(&history()?.state().ok()?.as_string()?)
}

impl App {
    /// Lets the history follow the page, and the page the history.
    pub fn keep_history(self) {
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
        window_event_listener(leptos::ev::popstate, move |_| self.arrive());
    }

    fn move_in_history(self, f: impl FnOnce(&mut Trail) -> Move) {
        let mut next = Move::Stay;
        self.internal.update_value(|i| next = f(&mut i.trail));
        self.write_history(next, None);
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
    pub(super) fn put_address(self, url: &str) {
        // On the way back from a dialog the entry is not the experiment's yet: it is written on arrival.
        if !self.internal.with_value(|i| i.trail.leaving) {
            self.write_history(Move::Replace, Some(url));
        }
    }

    /// Another experiment takes the place of the draft: an entry of its own.
    pub(super) fn enter_history(self) {
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
            self.keep();
            self.move_in_history(|trail| trail.follow(is_open));
            return;
        }
        let Some(mark) = mark else {
            // A link in the page, or an address that somebody typed.
            let fragment = fragment();
            if !fragment.is_empty() {
                self.follow_fragment(fragment);
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
                self.keep();
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
    fn follow_fragment(self, fragment: String) {
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
    pub(super) fn say_what_was_left(self, left: &Experiment, opened: &Experiment) {
        if leaves_an_edit(left, opened, is_shipped) {
            let text = format!("This is \"{}\" as it came. Your edited version is one step back.", opened.title);
            self.notify(Level::Info, text, Some(super::Action::Back));
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
    use crate::state::blank;

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

    fn left() -> Left {
        (blank(), Origin::default())
    }

    fn trail() -> Trail {
        Trail { entry: "a".into(), ..Trail::default() }
    }

    #[test]
    fn a_dialog_has_an_entry_while_it_is_open() {
        let mut trail = trail();
        assert_eq!(trail.follow(false), Move::Stay);
        assert_eq!(trail.follow(true), Move::Push);
        assert_eq!(trail.mark(&Overlay::Help), "a help");
        assert_eq!(trail.follow(true), Move::Replace, "another dialog in its place");
        assert_eq!(trail.follow(false), Move::Back);
        assert_eq!(trail.follow(true), Move::Stay, "not before the browser has arrived");
        assert_eq!(trail.mark(&Overlay::Help), "a ");
    }

    #[test]
    fn an_experiment_takes_the_entry_of_the_dialog_it_was_chosen_in() {
        let mut trail = trail();
        trail.follow(true);
        assert_eq!(trail.enter("b".into(), left()), Move::Replace);
        assert_eq!(trail.follow(false), Move::Stay, "the dialog's entry is gone with it");
        assert_eq!(trail.enter("c".into(), left()), Move::Push);
        assert_eq!(trail.kept.iter().map(|(entry, _)| entry.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn what_is_opened_on_the_way_back_from_a_dialog_waits() {
        let mut trail = trail();
        trail.follow(true);
        trail.follow(false);
        assert_eq!(trail.enter("b".into(), left()), Move::Stay);
        assert!(trail.owes_entry);
    }

    #[test]
    fn few_experiments_are_kept() {
        let mut trail = trail();
        for i in 0..100 {
            trail.enter(i.to_string(), left());
        }
        assert_eq!(trail.kept.len(), MAX_KEPT);
    }

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is() {
        let mark = Mark { entry: "1-2".into(), dialog: String::new() };
        assert_eq!(Mark::read(&mark.write()), Some(mark));
        assert_eq!(Mark::read("other"), None);
        for shown in [Overlay::Gallery(None), Overlay::Share, Overlay::Help] {
            assert_eq!(overlay(name(&shown)), shown);
        }
        assert_eq!(overlay(name(&Overlay::Sample(1, 2))), Overlay::None);
    }
}

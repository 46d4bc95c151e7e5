//! Where in the browser's history the page is, as a pure state machine.

use crate::state::library::origin::Origin;
use crate::state::overlay::Overlay;
use goodhart_core::experiment::Experiment;
use std::collections::VecDeque;

/// Experiments that are kept as they were left; those before are read from their address again.
pub const MAX_KEPT: usize = 20;

/// What an entry of the history carries: which experiment it is of, and the name of the dialog that lies over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub entry: String,
    pub dialog: String,
}

impl Mark {
    pub fn write(&self) -> String {
        format!("{} {}", self.entry, self.dialog)
    }

    pub fn read(text: &str) -> Option<Self> {
        let (entry, dialog) = text.split_once(' ')?;
        Some(Self { entry: entry.into(), dialog: dialog.into() })
    }
}

/// What is to be done to the browser's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    Stay,
    Push,
    Replace,
    Back,
}

/// An experiment as it was left, and where it came from.
pub type Left = (Experiment, Origin);

/// Where in the history the page is.
#[derive(Default)]
pub struct Trail {
    pub entry: String,
    /// The browser is on the entry of a dialog.
    pub on_dialog: bool,
    /// The browser is on its way back from one; what is opened meanwhile waits until it is there.
    pub leaving: bool,
    pub owes_entry: bool,
    pub made: u32,
    pub kept: VecDeque<(String, Left)>,
}

impl Trail {
    pub fn new_entry(&mut self, now: f64) -> String {
        self.made += 1;
        format!("{now:.0}-{}", self.made)
    }

    /// A dialog is open or not: its entry comes and goes with it.
    pub fn follow(&mut self, is_open: bool) -> Move {
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
    pub fn enter(&mut self, entry: String, left: Left) -> Move {
        self.keep(left);
        self.entry = entry;
        if self.leaving {
            self.owes_entry = true;
            return Move::Stay;
        }
        if std::mem::take(&mut self.on_dialog) { Move::Replace } else { Move::Push }
    }

    pub fn keep(&mut self, left: Left) {
        self.kept.retain(|(entry, _)| *entry != self.entry);
        self.kept.push_back((self.entry.clone(), left));
        if self.kept.len() > MAX_KEPT {
            self.kept.pop_front();
        }
    }

    pub fn mark(&self, overlay: &Overlay) -> String {
        let dialog = if self.on_dialog { name(overlay) } else { "" };
        Mark { entry: self.entry.clone(), dialog: dialog.into() }.write()
    }
}

/// The name of an overlay in a mark.
pub fn name(overlay: &Overlay) -> &'static str {
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
pub fn overlay(name: &str) -> Overlay {
    match name {
        "gallery" => Overlay::Gallery(None),
        "share" => Overlay::Share,
        "help" => Overlay::Help,
        _ => Overlay::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::blank;

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

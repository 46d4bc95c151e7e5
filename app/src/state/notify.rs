//! Telling the person something.

use crate::state::app::App;
use crate::state::notices::{Action, Level, Notice};
use leptos::prelude::*;

impl App {
    /// Tells the person something; the same text is told once.
    pub fn notify(self, level: Level, text: impl Into<String>, action: Option<Action>) {
        let text = text.into();
        self.notices.update(|notices| {
            notices.retain(|n| n.text != text && (action.is_none() || n.action != action));
            let id = notices.iter().map(|n| n.id + 1).max().unwrap_or(0);
            notices.push(Notice { id, level, text, action });
            if notices.len() > 4 {
                notices.remove(0);
            }
        });
    }

    /// What this would do is done, or can no longer be.
    pub(in crate::state) fn withdraw(self, action: Action) {
        if self.notices.with_untracked(|n| n.iter().any(|n| n.action == Some(action))) {
            self.notices.update(|n| n.retain(|n| n.action != Some(action)));
        }
    }

    pub fn dismiss(self, id: u32) {
        self.notices.update(|n| n.retain(|n| n.id != id));
    }
}

//! What the browser keeps between visits. Storage may be blocked, full or hold old text: every call can fail quietly or
//! with one sentence, and nothing depends on it.

use crate::plain::{parse, write};
use goodhart_core::experiment::Experiment;
use serde::{Deserialize, Serialize};
use web_sys::Storage;

const DRAFT: &str = "goodhart.draft";
const DRAFTS: &str = "goodhart.drafts";
const MAX_DRAFTS: usize = 12;

/// An experiment that a person made and then left for another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedDraft {
    pub experiment: Experiment,
    /// Milliseconds since 1970.
    pub saved: f64,
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// A small setting, such as the theme.
pub fn setting(name: &str) -> Option<String> {
    storage()?.get_item(&format!("goodhart.{name}")).ok()?
}

/// Keeps a small setting; forgotten at the end of the visit where storage is blocked.
pub fn set_setting(name: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let key = format!("goodhart.{name}");
    match value {
        Some(value) => storage.set_item(&key, value).ok(),
        None => storage.remove_item(&key).ok(),
    };
}

/// The draft of the last visit.
pub fn load_draft() -> Option<Experiment> {
    parse(&storage()?.get_item(DRAFT).ok()??)
}

/// Keeps the draft. When there is no room, the oldest left drafts make some.
pub fn save_draft(experiment: &Experiment) -> Result<(), &'static str> {
    let Some(storage) = storage() else {
        return Err(
            "This browser blocks storage: your edits live in the page's address only. Copy the link to keep them.",
        );
    };
    let text = write(experiment);
    let mut drafts = left_drafts();
    loop {
        if storage.set_item(DRAFT, &text).is_ok() {
            return Ok(());
        }
        if drafts.pop().is_none() || !write_drafts(&drafts) {
            return Err(
                "This browser's storage is full: your edits live in the page's address only. Copy the link to keep them.",
            );
        }
    }
}

/// Drafts that were left for another experiment, the newest first.
pub fn left_drafts() -> Vec<SavedDraft> {
    let text = storage().and_then(|s| s.get_item(DRAFTS).ok().flatten());
    text.and_then(|t| parse(&t)).unwrap_or_default()
}

/// Puts a draft aside before another experiment is opened.
pub fn leave_draft(experiment: &Experiment) {
    let mut drafts = left_drafts();
    drafts.retain(|d| d.experiment != *experiment);
    drafts.insert(0, SavedDraft { experiment: experiment.clone(), saved: js_sys::Date::now() });
    drafts.truncate(MAX_DRAFTS);
    while !write_drafts(&drafts) && drafts.pop().is_some() {}
}

pub fn forget_draft(at: usize) {
    let mut drafts = left_drafts();
    if at < drafts.len() {
        drafts.remove(at);
        write_drafts(&drafts);
    }
}

fn write_drafts(drafts: &[SavedDraft]) -> bool {
    let Some(storage) = storage() else { return false };
    storage.set_item(DRAFTS, &write(&drafts)).is_ok()
}

//! Drafts and settings in the browser's local storage. Storage may be blocked, full or hold old text: every call can fail
//! quietly or with one sentence, and nothing depends on it.

use crate::browser::framed;
use crate::browser::plain::{parse, write};
use goodhart_core::experiment::Experiment;
use serde::{Deserialize, Serialize};
use web_sys::Storage;

/// The draft that was changed last, and those before it, the newest first.
const DRAFT: &str = "goodhart.draft";
const DRAFTS: &str = "goodhart.drafts";
/// Most drafts beside the last one, and most characters of one.
const MAX_DRAFTS: usize = 24;
const MAX_DRAFT: usize = 128 * 1024;

/// An experiment that a person changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedDraft {
    /// Which draft it is, whatever becomes of it; drafts of old pages have none.
    #[serde(default)]
    pub id: String,
    pub experiment: Experiment,
    /// Milliseconds since 1970.
    pub saved: f64,
}

/// Where settings and drafts are; none in the page of another site, whose visitors did not come to write drafts here.
fn storage() -> Option<Storage> {
    if framed::by_another() {
        return None;
    }
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

/// A name for a draft that no other has.
pub fn new_id() -> String {
    format!("{:.0}-{:.0}", js_sys::Date::now(), 1e9 * js_sys::Math::random())
}

/// The draft that was changed last.
pub fn last_draft() -> Option<SavedDraft> {
    let text = storage()?.get_item(DRAFT).ok()??;
    // Old pages kept the experiment alone.
    parse(&text).or_else(|| Some(SavedDraft { id: "old".into(), experiment: parse(&text)?, saved: 0.0 }))
}

/// All drafts, the newest first.
pub fn drafts() -> Vec<SavedDraft> {
    let last = last_draft();
    let mut left = left_drafts();
    left.retain(|d| last.as_ref().is_none_or(|last| last.id != d.id));
    last.into_iter().chain(left).collect()
}

fn left_drafts() -> Vec<SavedDraft> {
    let text = storage().and_then(|s| s.get_item(DRAFTS).ok().flatten());
    let mut all: Vec<SavedDraft> = text.and_then(|t| parse(&t)).unwrap_or_default();
    for (i, draft) in all.iter_mut().enumerate() {
        if draft.id.is_empty() {
            draft.id = format!("old-{i}-{:.0}", draft.saved);
        }
    }
    all
}

/// Keeps a draft as the last one; the last one before it joins the others, of which the oldest goes beyond `MAX_DRAFTS`.
/// Where the browser has no room for it, the others stay and this says so.
pub fn save_draft(id: &str, experiment: &Experiment) -> Result<(), &'static str> {
    // Pages of other sites keep nothing, and say so where they ask for their click.
    if framed::by_another() {
        return Ok(());
    }
    let Some(storage) = storage() else {
        return Err(
            "This browser blocks storage: your edits live in the page's address only. Copy the link to keep them.",
        );
    };
    let draft = SavedDraft { id: id.into(), experiment: experiment.clone(), saved: js_sys::Date::now() };
    let text = write(&draft);
    if text.len() > MAX_DRAFT {
        return Err(
            "This experiment is too long to be kept between visits: your edits live in this tab only. Share has it as JSON, to be kept as a file.",
        );
    }
    if let Some(last) = last_draft().filter(|last| last.id != id) {
        let mut left = left_drafts();
        left.retain(|d| d.id != id && d.id != last.id);
        left.insert(0, last);
        left.truncate(MAX_DRAFTS);
        if !write_left(&left) {
            return Err(FULL);
        }
    }
    storage.set_item(DRAFT, &text).map_err(|_| FULL)
}

const FULL: &str = "This browser's storage is full: your edits live in the page's address only. Copy the link to keep them, or forget old drafts under Experiments.";

pub fn forget_draft(id: &str) {
    let mut left = left_drafts();
    left.retain(|d| d.id != id);
    if last_draft().is_some_and(|last| last.id == id) {
        let last = if left.is_empty() { None } else { Some(left.remove(0)) };
        if let Some(storage) = storage() {
            match last {
                Some(last) => storage.set_item(DRAFT, &write(&last)).ok(),
                None => storage.remove_item(DRAFT).ok(),
            };
        }
    }
    write_left(&left);
}

fn write_left(drafts: &[SavedDraft]) -> bool {
    let Some(storage) = storage() else { return false };
    storage.set_item(DRAFTS, &write(&drafts)).is_ok()
}

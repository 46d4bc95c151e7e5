//! Keys: space, s, r, ?, and the arrows for arms. Never while somebody types.

use crate::state::{App, Overlay};
use leptos::ev::{KeyboardEvent, keydown};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// What each key does, for the help view.
pub const KEYS: &[(&str, &str)] = &[
    ("space", "run or pause"),
    ("s", "one update"),
    ("r", "reset to update 0"),
    ("← →", "choose the arm"),
    ("g", "the gallery of experiments"),
    ("?", "this help"),
    ("esc", "close what is open; in the editor, let Tab leave it"),
];

pub fn listen(app: App) {
    window_event_listener(keydown, move |e: KeyboardEvent| {
        if e.ctrl_key() || e.meta_key() || e.alt_key() || e.default_prevented() {
            return;
        }
        let open = app.overlay.get_untracked();
        if e.key() == "Escape" && open != Overlay::None {
            app.overlay.set(Overlay::None);
            return;
        }
        if open != Overlay::None || takes_keys(&e) {
            return;
        }
        let arms = app.draft.with_untracked(|d| d.arms.len());
        let arm = app.arm.get_untracked();
        match e.key().as_str() {
            " " => app.toggle_run(),
            "s" => app.step(1),
            "r" => app.reset(),
            "g" => app.overlay.set(Overlay::Gallery(None)),
            "?" => app.overlay.set(Overlay::Help),
            "ArrowRight" => app.choose_arm((arm + 1) % arms),
            "ArrowLeft" => app.choose_arm((arm + arms - 1) % arms),
            _ => return,
        }
        e.prevent_default();
    });
}

/// Whether the element with the focus has its own use for keys.
fn takes_keys(e: &KeyboardEvent) -> bool {
    let Some(target) = e.target().and_then(|t| t.dyn_into::<HtmlElement>().ok()) else { return false };
    let tag = target.tag_name();
    let editable = target.is_content_editable() || matches!(tag.as_str(), "INPUT" | "TEXTAREA" | "SELECT");
    let own = target.closest("[data-own-keys]").ok().flatten().is_some();
    let pressed_by_space = e.key() == " " && matches!(tag.as_str(), "BUTTON" | "SUMMARY" | "A");
    editable || own || pressed_by_space
}

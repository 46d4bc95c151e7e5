//! Keys: space, s, r, ?, and the arrows for arms. Never while somebody types.

use crate::state::{App, Discard, Overlay};
use leptos::ev::{KeyboardEvent, MouseEvent, click, keydown};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, Node};

/// What each key does, for the help view.
pub const KEYS: &[(&str, &str)] = &[
    ("space", "run or pause"),
    ("s", "one update"),
    ("r", "reset to update 0, after a question"),
    ("← →", "choose the strategy"),
    ("g", "the library"),
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
        if open == Overlay::None && e.key() == "Escape" && close_menus(None) {
            e.prevent_default();
            return;
        }
        if open != Overlay::None || takes_keys(&e) {
            return;
        }
        let arms = app.arms.get_untracked();
        let arm = arms.iter().position(|id| *id == app.arm.get_untracked()).unwrap_or(0);
        match e.key().as_str() {
            " " => app.toggle_run(),
            "s" => app.step(1),
            "r" => app.ask_to_discard(Discard::Reset),
            "g" => app.overlay.set(Overlay::Gallery(None)),
            "?" => app.overlay.set(Overlay::Help),
            "ArrowRight" => app.choose_arm(arms[(arm + 1) % arms.len()]),
            "ArrowLeft" => app.choose_arm(arms[(arm + arms.len() - 1) % arms.len()]),
            _ => return,
        }
        e.prevent_default();
    });
    window_event_listener(click, move |e: MouseEvent| {
        close_menus(e.target().and_then(|t| t.dyn_into::<Node>().ok()).as_ref());
    });
}

/// Gives the focus to the editor: a link to its place would be taken for one to an experiment.
pub fn to_editor(e: MouseEvent) {
    e.prevent_default();
    let editor = document().query_selector("#editor .editor:not([hidden]) :is(.cm-content, textarea)").ok().flatten();
    if let Some(editor) = editor.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        editor.focus().ok();
    }
}

/// Closes the menus that lie over the page, but for one that holds `inside`; one that had the focus gives it to what opened
/// it. Whether there was any.
fn close_menus(inside: Option<&Node>) -> bool {
    let Ok(menus) = document().query_selector_all("details[data-menu][open]") else { return false };
    let mut closed = false;
    for menu in (0..menus.length()).filter_map(|i| menus.get(i)?.dyn_into::<Element>().ok()) {
        if menu.contains(inside) {
            continue;
        }
        let focused = document().active_element();
        let had_focus = focused.is_some_and(|focused| menu.contains(Some(&focused)));
        // Only a name that is no attribute's is refused.
        menu.remove_attribute("open").ok();
        let summary = menu.query_selector("summary").ok().flatten().and_then(|s| s.dyn_into::<HtmlElement>().ok());
        if let (true, Some(summary)) = (had_focus, summary) {
            summary.focus().ok();
        }
        closed = true;
    }
    closed
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

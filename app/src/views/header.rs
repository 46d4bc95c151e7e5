//! The top line: the experiment, sharing, the engine, the theme.

use super::engine;
use crate::state::{App, Overlay};
use crate::storage::drafts;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let title = Memo::new(move |_| app.draft.with(|e| e.title.clone()));
    view! {
        <header class="top">
            <span class="brand" title="When a measure becomes a target, it ceases to be a good measure.">"Goodhart"</span>
            <button class="picker" on:click=move |_| app.overlay.set(Overlay::Gallery(None))
                title="Open another experiment (g)">"Library"</button>
            <input class="title" aria-label="Title of the experiment" prop:value=move || title.get() size="12"
                on:change:target=move |e| app.set_title(e.target().value()) />
            <span class="spacer"></span>
            {engine::view(app)}
            <button aria-haspopup="dialog" on:click=move |_| app.overlay.set(Overlay::Share)>"Share"</button>
            {theme(app)}
            <button class="icon" aria-label="Help" title="Help and keys (?)" on:click=move |_| app.overlay.set(Overlay::Help)>"?"</button>
        </header>
    }
}

/// The theme follows the system until one is chosen.
fn theme(app: App) -> impl IntoView {
    let chosen = RwSignal::new(drafts::setting("theme"));
    let toggle = move |_| {
        let next = if is_dark(chosen.get_untracked().as_deref()) { "light" } else { "dark" };
        drafts::set_setting("theme", Some(next));
        if let Some(root) = document().document_element() {
            root.set_attribute("data-theme", next).ok();
        }
        chosen.set(Some(next.to_string()));
        app.theme_changed.update(|n| *n += 1);
    };
    view! {
        <button class="icon" on:click=toggle title="Light or dark"
            aria-label=move || if is_dark(chosen.get().as_deref()) { "Use the light theme" } else { "Use the dark theme" }>
            {move || if is_dark(chosen.get().as_deref()) { "☀" } else { "☾" }}
        </button>
    }
}

fn is_dark(chosen: Option<&str>) -> bool {
    match chosen {
        Some(theme) => theme == "dark",
        None => window().match_media("(prefers-color-scheme: dark)").ok().flatten().is_some_and(|m| m.matches()),
    }
}

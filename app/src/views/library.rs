//! The library at its own address: the gallery in the place of the lab.

use super::gallery;
use crate::browser::time;
use crate::state::{App, Overlay};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

pub fn view(app: App) -> impl IntoView {
    let shown = Memo::new(move |_| match app.overlay.get() {
        Overlay::Gallery(problem) => Some(problem),
        _ => None,
    });
    // What had the focus before gets it back.
    let before = StoredValue::new_local(None::<HtmlElement>);
    Effect::new(move |was: Option<bool>| {
        let is_open = shown.with(Option::is_some);
        let was = was.unwrap_or_default();
        if is_open && !was {
            before.set_value(document().active_element().and_then(|e| e.dyn_into().ok()));
            window().scroll_to_with_x_and_y(0.0, 0.0);
            // Once its nodes are there.
            time::after(0, || focus(".library input[type=search]"));
        } else if was && !is_open {
            window().scroll_to_with_x_and_y(0.0, 0.0);
            if let Some(before) = before.get_value() {
                before.focus().ok();
            }
        }
        is_open
    });
    move || {
        shown.get().map(|problem| {
            view! {
                <main class="library" aria-label="Library">
                    <button class="quiet library-back" on:click=move |_| app.overlay.set(Overlay::None)>"← Back to the run"</button>
                    {gallery::view(app, problem)}
                </main>
            }
        })
    }
}

fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(found) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
        found.focus().ok();
    }
}

//! What lies over the page: a dialog that takes the focus and gives it back.

use super::{discard, help, sample, share};
use crate::state::{App, Overlay};
use leptos::html::Dialog;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

pub fn view(app: App) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let open = app.overlay.with(|o| !matches!(o, Overlay::None | Overlay::Gallery(_)));
        let Some(dialog) = dialog.get() else { return };
        if open && !dialog.open() {
            // Only a dialog that is not in the page refuses this.
            dialog.show_modal().ok();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let label = move || match app.overlay.get() {
        Overlay::None | Overlay::Gallery(_) => "",
        Overlay::Share => "Share",
        Overlay::Help => "Help",
        Overlay::Sample(..) => "Sample",
        Overlay::Discard(_) => "Discard this run?",
    };
    let close = move || app.overlay.set(Overlay::None);
    // The event comes a task after the closing: by then another overlay may have opened the dialog again.
    let closed = move |_| {
        let is_library = untrack(|| app.library_is_open());
        if !is_library && !dialog.get_untracked().is_some_and(|d| d.open()) {
            close();
        }
    };
    view! {
        <dialog node_ref=dialog aria-label=label on:close=closed
            on:click=move |e| if is_backdrop(&e) { close() } id="overlay">
            <div class="dialog">
                <button class="icon close" aria-label="Close" on:click=move |_| close()>"×"</button>
                {move || match app.overlay.get() {
                    Overlay::None | Overlay::Gallery(_) => ().into_any(),
                    Overlay::Share => share::view(app).into_any(),
                    Overlay::Help => help::view().into_any(),
                    Overlay::Sample(g, s) => sample::view(app, g, s).into_any(),
                    Overlay::Discard(what) => discard::view(app, what).into_any(),
                }}
            </div>
        </dialog>
    }
}

/// A click beside what the dialog holds has the dialog itself as its target.
fn is_backdrop(e: &leptos::ev::MouseEvent) -> bool {
    e.target().and_then(|t| t.dyn_into::<Element>().ok()).is_some_and(|t| t.id() == "overlay")
}

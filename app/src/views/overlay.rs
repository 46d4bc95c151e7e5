//! What lies over the page: a dialog that takes the focus and gives it back.

use super::{gallery, help, sample, share};
use crate::state::{App, Overlay};
use leptos::html::Dialog;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let open = app.overlay.get() != Overlay::None;
        let Some(dialog) = dialog.get() else { return };
        if open && !dialog.open() {
            // Only a dialog that is not in the page refuses this.
            dialog.show_modal().ok();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let label = move || match app.overlay.get() {
        Overlay::None => "",
        Overlay::Gallery(_) => "Experiments",
        Overlay::Share => "Share",
        Overlay::Help => "Help",
        Overlay::Sample(..) => "Sample",
    };
    let close = move || app.overlay.set(Overlay::None);
    view! {
        <dialog node_ref=dialog aria-label=label on:close=move |_| close()
            on:click:target=move |e| if e.target().id() == "overlay" { close() } id="overlay">
            <div class="dialog">
                <button class="icon close" aria-label="Close" on:click=move |_| close()>"×"</button>
                {move || match app.overlay.get() {
                    Overlay::None => ().into_any(),
                    Overlay::Gallery(problem) => gallery::view(app, problem).into_any(),
                    Overlay::Share => share::view(app).into_any(),
                    Overlay::Help => help::view().into_any(),
                    Overlay::Sample(g, s) => sample::view(app, g, s).into_any(),
                }}
            </div>
        </dialog>
    }
}

//! Asks before a run is discarded.

use crate::state::{App, Discard, Overlay};
use leptos::prelude::*;

pub fn view(app: App, what: Discard) -> impl IntoView {
    let updates = app.update.get_untracked();
    let (does, label) = match what {
        Discard::Reset => ("Reset goes back to update 0", "Reset".to_string()),
        Discard::Again => ("Run again trains from update 0", "Run again".into()),
        Discard::Engine(_) => ("Another engine begins at update 0", "Change the engine".into()),
        Discard::Seeds(all) => ("With other seeds it begins at update 0", format!("Train all {all}")),
    };
    let many = if updates == 1 { "update" } else { "updates" };
    view! {
        <h2>"Discard this run?"</h2>
        <p>{format!("It has trained {updates} {many}. {does}, and the curves so far are gone. Your edits stay.")}</p>
        <p>
            <button class="run" autofocus on:click=move |_| app.discard(what)>{label}</button>" "
            <button on:click=move |_| app.overlay.set(Overlay::None)>"Keep the run"</button>
        </p>
    }
}

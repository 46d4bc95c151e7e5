//! Sharing: the whole experiment as a link, with its size; or as JSON.

use crate::state::App;
use crate::text::size;
use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Links beyond this are cut off by some programs that carry them.
const LONG_LINK: usize = 8000;

pub fn view(app: App) -> impl IntoView {
    app.keep();
    let link = app.link.get_untracked();
    let length = link.len();
    let state = RwSignal::new("");
    let copy = {
        let link = link.clone();
        move |_| {
            let promise = window().navigator().clipboard().write_text(&link);
            wasm_bindgen_futures::spawn_local(async move {
                let done = JsFuture::from(promise).await.is_ok();
                state.set(if done {
                    "Copied."
                } else {
                    "The browser did not allow copying: select the link and copy it."
                });
            });
        }
    };
    let shared = app.draft.with_untracked(|draft| draft.to_share());
    let json = crate::text::indented(&crate::plain::write(&shared));
    view! {
        <h2>"Share this experiment"</h2>
        <p>"The link holds all of it: task, policy, settings and the code of every arm. Nothing is sent anywhere; whoever opens it trains it anew."</p>
        <textarea class="link" readonly rows="4" aria-label="Link" on:focus:target=|e| e.target().select()>{link}</textarea>
        <p>
            <button class="run" on:click=copy>"Copy the link"</button>" "
            <span class="muted">{size(length)}</span>" "
            <span role="status">{move || state.get()}</span>
        </p>
        {(length > LONG_LINK).then(|| view! {
            <p class="param-error">"Some chat and mail programs cut links of this length; the JSON below travels as a file."</p>
        })}
        <details><summary>"As JSON"</summary><textarea class="json" readonly rows="16" aria-label="Experiment as JSON">{json}</textarea></details>
    }
}

//! Sharing: the whole experiment as a link, with its size; or as a file.

use crate::state::{App, file};
use crate::text::size;
use leptos::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// Links beyond this are cut off by some programs that carry them.
const LONG_LINK: usize = 8000;

pub fn view(app: App) -> impl IntoView {
    app.save();
    let shared = app.draft.get_untracked();
    let json = file::written(&shared);
    let unsaved = RwSignal::new(false);
    view! {
        <h2>"Share this experiment"</h2>
        {match app.link.get_untracked() {
            Ok(link) => by_link(link).into_any(),
            Err(why) => view! { <p class="param-error" role="status">"There is no link to it: "{why}"."</p> }.into_any(),
        }}
        <p>
            <button on:click=move |_| unsaved.set(file::save(&shared).is_err())>"Save as a file"</button>" "
            <span class="muted">{size(json.len())}"; it is opened in the gallery, and by goodhart run"</span>" "
            <span role="status">{move || unsaved.get().then_some("The browser did not take the file: copy the JSON below.")}</span>
        </p>
        <details><summary>"As JSON"</summary><textarea class="json" readonly rows="16" aria-label="Experiment as JSON">{json.clone()}</textarea></details>
    }
}

fn by_link(link: String) -> impl IntoView {
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
    view! {
        <p>"The link holds all of it: task, policy, settings and the code of every strategy. Nothing is sent anywhere; whoever opens it trains it anew."</p>
        <textarea class="link" readonly rows="4" aria-label="Link" on:focus:target=|e| e.target().select()>{link}</textarea>
        <p>
            <button class="run" on:click=copy>"Copy the link"</button>" "
            <span class="muted">{size(length)}</span>" "
            <span role="status">{move || state.get()}</span>
        </p>
        {(length > LONG_LINK).then(|| view! {
            <p class="param-error">"Some chat and mail programs cut links of this length; a file is safer."</p>
        })}
    }
}

//! What a first visitor is told, above a run that trains already: one line, and where else to begin.

use crate::state::{App, Overlay, blank};
use leptos::prelude::*;

/// Where to begin: a map, a bandit and a text.
const STARTS: [(&str, &str, &str); 3] = [
    ("coin-circling", "A map", "An agent farms a coin"),
    ("par", "A bandit", "A learned reward is fooled"),
    ("grpo-lambda-length", "A text", "Brevity is paid, work is lost"),
];

pub fn view(app: App) -> impl IntoView {
    move || {
        app.is_front().then(|| {
        view! {
            <div class="front">
                <div class="front-says">
                    <h1>"Write a reward. Watch a policy cheat it."</h1>
                    <p class="muted">"Small policies train in this page, now. Edit the code: the next update uses it."</p>
                </div>
                <nav class="starts" aria-label="Where to begin">
                    {STARTS.into_iter().map(|(id, title, about)| view! {
                        <a class="start" href=format!("#{id}") aria-current=move || app.draft.with(|e| e.id == id).then_some("true")>
                            <b>{title}</b><span>{about}</span>
                        </a>
                    }).collect_view()}
                    <button class="start" on:click=move |_| app.open(blank(), true)><b>"Blank"</b><span>"Your own from nothing"</span></button>
                    <button class="start" on:click=move |_| app.overlay.set(Overlay::Gallery(None))><b>"Library"</b><span>"Papers that run"</span></button>
                </nav>
            </div>
        }
    })
    }
}

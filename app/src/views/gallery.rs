//! The gallery: the experiments that come with the page, drafts that were left, a new one, a pasted link.

use crate::state::{App, blank, shipped, store};
use goodhart_core::experiment::Experiment;
use leptos::prelude::*;

/// `problem`: what is wrong with the link that led here.
pub fn view(app: App, problem: Option<String>) -> impl IntoView {
    let drafts = RwSignal::new(store::left_drafts());
    let pasted = RwSignal::new(String::new());
    view! {
        {problem.map(|p| view! {
            <div class="notice error" role="alert"><span>{p}" Nothing was lost: here is what can be opened instead."</span></div>
        })}
        <h2>"Experiments"</h2>
        <ul class="gallery">
            {shipped().into_iter().map(|e| entry(app, e)).collect_view()}
        </ul>
        {move || (!drafts.with(Vec::is_empty)).then(|| view! {
            <h2>"Your drafts"</h2>
            <ul class="gallery">
                {drafts.get().into_iter().enumerate().map(|(i, d)| {
                    let forget = move |_| {
                        store::forget_draft(i);
                        drafts.set(store::left_drafts());
                    };
                    let when = String::from(js_sys::Date::new(&d.saved.into()).to_locale_string("default", &js_sys::Object::new()));
                    view! {
                        {entry(app, d.experiment)}
                        <li class="draft-line muted">{when}" "<button class="quiet" on:click=forget>"Forget"</button></li>
                    }
                }).collect_view()}
            </ul>
        })}
        <p>
            <button on:click=move |_| app.open(blank(), true)>"New experiment"</button>
        </p>
        <form class="paste" on:submit=move |e| {
            e.prevent_default();
            // A bad link comes back here with its problem.
            app.open_link(&pasted.get_untracked(), true).ok();
        }>
            <input aria-label="Link to an experiment" placeholder="paste a link" prop:value=move || pasted.get()
                on:input:target=move |e| pasted.set(e.target().value()) />
            <button disabled=move || pasted.with(|p| p.trim().is_empty())>"Open"</button>
        </form>
    }
}

fn entry(app: App, e: Experiment) -> impl IntoView {
    let arms = e.arms.iter().map(|a| a.name.clone()).collect::<Vec<_>>().join(", ");
    let (title, lesson, task) = (e.title.clone(), e.lesson.clone(), e.task.kind.clone());
    let paper = e.paper.as_ref().map(|p| p.title.clone());
    view! {
        <li>
            <button class="entry" on:click=move |_| app.open(e.clone(), true)>
                <b>{title}</b>" "<span class="muted">{task}</span>
                <span>{lesson}</span>
                <span class="muted">"Arms: "{arms}</span>
                {paper.map(|p| view! { <span class="muted">"After: "{p}</span> })}
            </button>
        </li>
    }
}

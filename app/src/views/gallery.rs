//! The gallery: the experiments that come with the page, drafts that were left, a new one, a pasted link.

use super::{card, tour};
use crate::state::{App, blank, gallery};
use crate::storage::drafts;
use leptos::ev::KeyboardEvent;
use leptos::html::{Div, Input};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// `problem`: what is wrong with the link that led here.
pub fn view(app: App, problem: Option<String>) -> impl IntoView {
    let pasted = RwSignal::new(String::new());
    let chooser = NodeRef::<Input>::new();
    view! {
        {problem.map(|p| view! {
            <div class="notice error" role="alert"><span>{p}" Nothing was lost: here is what can be opened instead."</span></div>
        })}
        <h1>"Library"</h1>
        <p class="muted">"Papers on reward design that run in your browser: open one and it trains. By theme, the easy ones first."</p>
        {tour::list(app)}
        {cards(app)}
        {drafts(app)}
        <form class="paste" on:submit=move |e| {
            e.prevent_default();
            // A bad link comes back here with its problem.
            app.open_soon(pasted.get_untracked());
        }>
            <button type="button" on:click=move |_| app.open(blank(), true)>"New experiment"</button>
            <input aria-label="Link to an experiment" placeholder="or paste a link" prop:value=move || pasted.get()
                on:input:target=move |e| pasted.set(e.target().value()) />
            <button disabled=move || pasted.with(|p| p.trim().is_empty())>"Open"</button>
            <button type="button" on:click=move |_| if let Some(input) = chooser.get_untracked() { input.click() }>"Open a file"</button>
            <input node_ref=chooser type="file" hidden accept=".json,application/json" aria-label="File of an experiment"
                on:change:target=move |e| if let Some(file) = e.target().files().and_then(|files| files.get(0)) {
                    app.open_file(file);
                } />
        </form>
    }
}

fn cards(app: App) -> impl IntoView {
    let search = RwSignal::new(String::new());
    let theme = RwSignal::new(String::new());
    let list = NodeRef::<Div>::new();
    let html = move || match app.gallery.get() {
        None => "<p class=\"empty\">Loading the gallery…</p>".to_string(),
        Some(Err(_)) => String::new(),
        Some(Ok(index)) => {
            let html = search.with(|text| theme.with(|theme| card::list(&index.cards, text, theme)));
            if html.is_empty() { "<p class=\"empty\">No experiment fits this search.</p>".into() } else { html }
        }
    };
    let open = move |e: leptos::ev::MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let entry = target.and_then(|t| t.closest("[data-id]").ok().flatten());
        if let Some(id) = entry.and_then(|e| e.get_attribute("data-id")) {
            app.open_soon(id);
        }
    };
    let themes = move || {
        let found = app.gallery.with(|g| match g {
            Some(Ok(index)) => card::themes(&index.cards),
            _ => Vec::new(),
        });
        let all = found.iter().map(|(_, n)| n).sum();
        let button = move |(name, n): (String, usize)| {
            let label = format!("{} {n}", if name.is_empty() { "all" } else { &name });
            let own = name.clone();
            view! {
                <button class="quiet" aria-pressed=move || theme.with(|t| *t == own).to_string() on:click=move |_| theme.set(name.clone())>{label}</button>
            }
        };
        std::iter::once((String::new(), all)).chain(found).map(button).collect_view()
    };
    view! {
        <div class="gallery-tools">
            <input type="search" autofocus aria-label="Search the experiments" placeholder="search by lesson, paper, task or id"
                prop:value=move || search.get() on:input:target=move |e| search.set(e.target().value())
                on:keydown=move |e| step(&e, list, true) />
            <div class="themes" role="group" aria-label="Theme">{themes}</div>
        </div>
        {move || app.gallery.with(|g| g.as_ref().and_then(|g| g.as_ref().err().cloned())).map(|e| view! {
            <div class="notice error" role="alert"><span>{e}</span>
                <button on:click=move |_| {
                    app.gallery.set(None);
                    wasm_bindgen_futures::spawn_local(async move { app.gallery.set(Some(gallery::index().await)) });
                }>"Try again"</button>
            </div>
        })}
        <div class="gallery" node_ref=list inner_html=html on:click=open on:keydown=move |e| step(&e, list, false)></div>
    }
}

/// Arrows walk through the cards; from the search, Enter opens the first.
fn step(e: &KeyboardEvent, list: NodeRef<Div>, searching: bool) {
    let key = e.key();
    let by = match key.as_str() {
        "ArrowDown" | "ArrowRight" if !searching || key == "ArrowDown" => 1,
        "ArrowUp" | "ArrowLeft" if !searching => -1,
        "Enter" if searching => 0,
        _ => return,
    };
    let Some(all) = list.get_untracked().and_then(|l| l.query_selector_all(".entry").ok()) else { return };
    let at = |i: u32| all.get(i).and_then(|n| n.dyn_into::<HtmlElement>().ok());
    let focused = document().active_element();
    let now = (0..all.length()).find(|i| at(*i).map(Element::from) == focused);
    let next = now.map_or(0, |now| (now as i32 + by).clamp(0, all.length() as i32 - 1) as u32);
    if let Some(entry) = at(next) {
        e.prevent_default();
        if by == 0 { entry.click() } else { entry.focus().unwrap_or_default() }
    }
}

fn drafts(app: App) -> impl IntoView {
    let drafts = RwSignal::new(app.other_drafts());
    move || {
        (!drafts.with(Vec::is_empty)).then(|| {
            let row = |d: drafts::SavedDraft| {
                let when = js_sys::Date::new(&d.saved.into()).to_locale_string("default", &js_sys::Object::new());
                let about = format!("{} · {} · {}", d.experiment.title, d.experiment.task.kind, String::from(when));
                let id = d.id.clone();
                let forget = move |_| {
                    drafts::forget_draft(&id);
                    drafts.set(app.other_drafts());
                };
                view! {
                    <li>
                        <button class="quiet" on:click=move |_| app.open_draft(d.clone())>{about}</button>
                        <button class="quiet" on:click=forget>"Forget"</button>
                    </li>
                }
            };
            view! {
                <h3>"Your drafts"</h3>
                <ul class="drafts">{drafts.get().into_iter().map(row).collect_view()}</ul>
            }
        })
    }
}

//! The algorithm's settings as a diff: what differs is shown, more can be added by searching. The search finds what stands
//! in other panels too, and leads there.

use super::param;
use crate::browser::time;
use crate::state::{App, Found, Spec, Table, effective};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

/// The settings that `table` overrides. `inherited` says where the others come from.
pub fn view(app: App, table: Table, title: &'static str, inherited: &'static str) -> impl IntoView {
    let search = RwSignal::new(String::new());
    // Added rows are shown before they differ from what they inherit.
    let added = RwSignal::new(Vec::<&'static str>::new());
    let rows = Memo::new(move |_| {
        let own = app.overrides(table);
        let shown = |s: &&Spec| own.contains_key(&s.name) || added.with(|a| a.contains(&s.name.as_str()));
        app.tables().algorithm.iter().filter(shown).map(|s| s.name.as_str()).collect::<Vec<_>>()
    });
    let found = move || app.find_settings(table, &search.get());
    let choose = move |f: &Found| {
        search.set(String::new());
        if f.table == table {
            added.update(|a| a.push(&f.spec.name));
        }
        let id = param::id(f.table, &f.spec.name);
        // Once its row is there.
        time::after(0, move || lead_to(&id));
    };
    let empty = move || rows.with(Vec::is_empty);
    let keys = move |e: KeyboardEvent| match e.key().as_str() {
        "Enter" => {
            if let Some(first) = found().first() {
                e.prevent_default();
                choose(first);
            }
        }
        "Escape" if !search.with_untracked(String::is_empty) => {
            e.prevent_default();
            search.set(String::new());
        }
        _ => {}
    };
    let click = move |e: MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let entry = target.and_then(|t| t.closest("[data-found]").ok().flatten());
        let at = entry.and_then(|e| e.get_attribute("data-found")?.parse::<usize>().ok());
        if let Some(f) = at.and_then(|at| found().into_iter().nth(at)) {
            choose(&f);
        }
    };
    view! {
        <div class="settings">
            <div class="settings-head">
                <h2>{title}</h2>
                <span class="muted">{move || empty().then(|| format!("all {inherited}"))}</span>
                <span class="spacer"></span>
                <input type="search" class="search" placeholder="find a setting" aria-label=format!("Find a setting: {title}")
                    prop:value=move || search.get() on:input:target=move |e| search.set(e.target().value())
                    on:keydown=keys />
            </div>
            <ul class="found" on:click=click>
                {move || found().into_iter().enumerate().map(|(i, f)| view! {
                    <li><button data-found=i.to_string()><b>{f.spec.name.as_str()}</b>{place(f.table)}" "<span class="muted">{f.spec.help.as_str()}</span></button></li>
                }).collect_view()}
                {move || (!search.with(|s| s.trim().is_empty()) && found().is_empty()).then(|| view! {
                    <li class="muted">"No setting has this name."</li>
                })}
            </ul>
            <For each=move || rows.get() key=|name| *name let:name>{row(app, table, name)}</For>
        </div>
    }
}

/// Where a setting stands that is not the algorithm's.
fn place(table: Table) -> &'static str {
    match table {
        Table::Run => " in Run",
        Table::Policy => " in Policy",
        Table::Task => " in Task",
        Table::RewardModels => " in Learned reward models",
        Table::Exploration => " in Exploration memory",
        Table::Base => " in Base policy",
        Table::Algorithm | Table::Arm(_) => "",
    }
}

/// Shows a control, in a panel that is opened for it, and gives it the focus.
fn lead_to(id: &str) {
    let Some(control) = document().get_element_by_id(id).and_then(|e| e.dyn_into::<HtmlElement>().ok()) else { return };
    if let Ok(Some(panel)) = control.closest("details") {
        // Only a name that is no attribute's is refused.
        panel.set_attribute("open", "").ok();
    }
    control.scroll_into_view();
    control.focus().ok();
}

fn row(app: App, table: Table, name: &'static str) -> Option<AnyView> {
    let spec = app.tables().algorithm.iter().find(|s| s.name == name)?;
    let shown = Signal::derive(move || {
        let (own, shared) = (app.overrides(table), app.overrides(Table::Algorithm));
        Some(effective(spec, &[&own, &shared]))
    });
    let own = Signal::derive(move || app.overrides(table).contains_key(name));
    Some(param::view(app, table, spec, shown, own))
}

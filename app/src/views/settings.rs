//! The algorithm's settings as a diff: what differs is shown, more can be added by searching.

use super::param;
use crate::state::{App, Spec, Table, effective};
use leptos::prelude::*;

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
    let found = move || {
        let text = search.get().trim().to_ascii_lowercase();
        let hit = |s: &&Spec| {
            !text.is_empty()
                && (s.name.contains(&text)
                    || s.help.to_ascii_lowercase().contains(&text)
                    || s.source.to_ascii_lowercase().contains(&text))
        };
        app.tables().algorithm.iter().filter(hit).take(8).collect::<Vec<_>>()
    };
    let add = move |name: &'static str| {
        added.update(|a| a.push(name));
        search.set(String::new());
    };
    let empty = move || rows.with(Vec::is_empty);
    view! {
        <div class="settings">
            <div class="settings-head">
                <h3>{title}</h3>
                <span class="muted">{move || empty().then(|| format!("all {inherited}"))}</span>
                <span class="spacer"></span>
                <input type="search" class="search" placeholder="add a setting" aria-label=format!("Add a setting: {title}")
                    prop:value=move || search.get() on:input:target=move |e| search.set(e.target().value())
                    on:keydown=move |e| if e.key() == "Enter" && let Some(first) = found().first() { add(&first.name) } />
            </div>
            <ul class="found">
                {move || found().into_iter().map(|s| view! {
                    <li><button on:click=move |_| add(&s.name)><b>{s.name.as_str()}</b>" "<span class="muted">{s.help.as_str()}</span></button></li>
                }).collect_view()}
            </ul>
            <For each=move || rows.get() key=|name| *name let:name>{row(app, table, name)}</For>
        </div>
    }
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

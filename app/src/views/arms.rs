//! The arms as tabs: choose, add, copy, rename, remove; below them the chosen arm's code and settings.

use super::{editor, settings};
use crate::state::{App, ArmId, Table};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    // Editors are kept while the arms are: each has its own undo history.
    let keys = move || app.arms.get();
    view! {
        <div class="card arms">
            <div class="tabs">
                <div role="tablist" aria-label="Strategies" class="tablist">
                    <For each=keys key=|id| *id let:id>{tab(app, id)}</For>
                </div>
                <button class="icon" title="Add a strategy" aria-label="Add a strategy" on:click=move |_| app.add_arm()>"+"</button>
            </div>
            <div id="editor" class="editors" role="tabpanel">
                <For each=keys key=|id| *id let:id>{editor::view(app, id)}</For>
            </div>
            {move || {
                let arm = app.arm.get();
                view! {
                    {tools(app, arm)}
                    {settings::view(app, Table::Arm(arm), "Settings of this strategy", "as the base")}
                }
            }}
        </div>
    }
}

fn tab(app: App, id: ArmId) -> impl IntoView {
    let name = Memo::new(move |_| app.name_of(id));
    let errors = Memo::new(move |_| app.check_of(id).errors());
    let chosen = move || app.arm.get() == id;
    let color = id.color();
    view! {
        <button role="tab" class=format!("tab arm-line-{color}") class:chosen=chosen aria-selected=move || chosen().to_string()
            tabindex=move || if chosen() { "0" } else { "-1" } aria-controls="editor" on:click=move |_| app.choose_arm(id)>
            <span class=format!("swatch arm-fill-{color}")></span>
            {move || name.get()}
            {move || (errors.get() > 0).then(|| view! { <span class="badge error" title="Errors in the code">{errors.get()}</span> })}
        </button>
    }
}

fn tools(app: App, arm: ArmId) -> impl IntoView {
    let renaming = RwSignal::new(false);
    let name = move || untrack(|| app.name_of(arm));
    view! {
        <div class="arm-tools">
            {editor::status(app, arm)}
            <span class="spacer"></span>
            {move || if renaming.get() {
                view! {
                    <input class="rename" aria-label="New name of the strategy" prop:value=name() maxlength="40" autofocus
                        on:change:target=move |e| { app.rename_arm(arm, e.target().value()); renaming.set(false); }
                        on:blur=move |_| renaming.set(false) />
                }.into_any()
            } else {
                view! { <button class="quiet" on:click=move |_| renaming.set(true)>"Rename"</button> }.into_any()
            }}
            <button class="quiet" on:click=move |_| app.duplicate_arm(arm)>"Duplicate"</button>
            <button class="quiet" on:click=move |_| app.remove_arm(arm)>"Remove"</button>
        </div>
    }
}

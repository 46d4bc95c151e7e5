//! What all arms share: the algorithm, the task, the policy and the shape of the run.

use super::{param, settings, task_code};
use crate::state::{App, Catalog, KindOf, SECTIONS, Section, Spec, Table, effective};
use crate::text::{escape, sentence};
use goodhart_core::reward::schema::Field;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let task = Memo::new(move |_| app.draft.with(|e| e.task.kind.clone()));
    let policy = Memo::new(move |_| app.draft.with(|e| e.policy.kind.clone()));
    view! {
        <div class="settings-all">
        <h2>"Settings"</h2>
        <details class="card panel" open>
            <summary>"Algorithm, shared by all strategies"</summary>
            {settings::view(app, Table::Algorithm, "Base settings", "TRL's defaults")}
        </details>
        <details class="card panel">
            <summary>"Task: "{move || task.get()}</summary>
            {kinds(app, move || task.get(), |c| &c.tasks, move |k| app.set_task(k))}
            {problems(app, "task")}
            {task_code::view(app)}
            {task_rows(app, task)}
            {move || fields(app)}
        </details>
        <details class="card panel">
            <summary>"Policy: "{move || policy.get()}</summary>
            {kinds(app, move || policy.get(), |c| &c.policies, move |k| app.set_policy(k))}
            {problems(app, "policy")}
            {rows(app, Table::Policy, policy)}
        </details>
        <details class="card panel">
            <summary>"Run: "{move || { let r = app.run_params(); format!("{} updates, {} seeds, {} x {} samples", r.updates, r.seeds, r.groups, r.num_generations) }}</summary>
            {problems(app, "run")}
            {rows(app, Table::Run, task)}
        </details>
        {SECTIONS.iter().map(|own| section(app, own, task)).collect_view()}
        </div>
    }
}

/// A section that an experiment can do without: its settings, or how to add it.
fn section(app: App, own: &'static Section, task: Memo<String>) -> impl IntoView {
    let is_there = Memo::new(move |_| app.draft.with(|e| own.table.is_in(e)));
    // The panel was opened: before that nothing is asked.
    let is_seen = RwSignal::new(false);
    // None: not asked yet. The task decides; what is typed elsewhere is not looked at anew.
    let refusal = Memo::new(move |_| {
        task.track();
        app.catalog.track();
        (!is_there.get() && is_seen.get()).then(|| app.refusal(own))
    });
    let why_not = move || match refusal.get() {
        None => String::new(),
        Some(None) => "This experiment does without it.".into(),
        Some(Some(why)) => sentence(&why),
    };
    view! {
        <details class="card panel" data-section=own.key on:toggle=move |_| is_seen.set(true)>
            <summary>{own.title}<span class="muted">{move || (!is_there.get()).then_some(": none")}</span></summary>
            <p class="muted">{own.about}</p>
            {problems(app, own.key)}
            {move || if is_there.get() {
                view! {
                    {rows(app, own.table, task)}
                    <button aria-label=format!("Remove: {}", own.title) on:click=move |_| app.remove_section(own)>"Remove"</button>
                }.into_any()
            } else {
                view! {
                    <p class="empty">{why_not}</p>
                    <button aria-label=format!("Add: {}", own.title) disabled=move || refusal.get() != Some(None)
                        on:click=move |_| app.add_section(own)>"Add"</button>
                }.into_any()
            }}
        </details>
    }
}

/// The choice of a kind, with what it is.
fn kinds(
    app: App,
    chosen: impl Fn() -> String + Copy + Send + Sync + 'static,
    all: fn(&'static Catalog) -> &'static [KindOf],
    choose: impl Fn(&str) + Copy + 'static,
) -> impl IntoView {
    let help = move || all(app.tables()).iter().find(|k| k.name == chosen()).map_or("", |k| k.help.as_str());
    view! {
        <div class="param kind">
            <select aria-label="Kind" on:change:target=move |e| choose(&e.target().value())>
                {move || all(app.tables()).iter().map(|k| view! {
                    <option value=k.name.as_str() selected=move || chosen() == k.name>{k.name.as_str()}</option>
                }).collect_view()}
            </select>
            <span class="muted">{help}</span>
        </div>
    }
}

/// All parameters of a table, made anew when the kind becomes another one.
fn rows(app: App, table: Table, kind: Memo<String>) -> impl IntoView {
    let row = move |spec: &'static Spec| {
        let own = Signal::derive(move || app.overrides(table).contains_key(&spec.name));
        let shown = Signal::derive(move || Some(effective(spec, &[&app.overrides(table)])));
        param::view(app, table, spec, shown, own)
    };
    move || {
        kind.track();
        let catalog = app.tables();
        let specs = app.draft.with_untracked(|draft| catalog.table(table, draft));
        specs.iter().map(row).collect::<Vec<_>>()
    }
}

/// The parameters of the task: those of a program are what its text declares.
fn task_rows(app: App, kind: Memo<String>) -> impl IntoView {
    let declared = Memo::new(move |_| {
        kind.track();
        app.declared()
    });
    let row = move |spec: &'static Spec| {
        let own = Signal::derive(move || app.overrides(Table::Task).contains_key(&spec.name));
        let shown = Signal::derive(move || Some(effective(spec, &[&app.overrides(Table::Task)])));
        param::view(app, Table::Task, spec, shown, own)
    };
    view! {
        {move || declared.get().map(|specs| specs.iter().map(row).collect::<Vec<_>>())}
        {move || declared.get().is_none().then(|| rows(app, Table::Task, kind))}
    }
}

/// What is refused, across parameters of a table.
fn problems(app: App, place: &'static str) -> impl IntoView {
    let mine = Memo::new(move |_| {
        app.problems.with(|all| all.iter().filter(|p| p.place == place).map(|p| p.message.clone()).collect::<Vec<_>>())
    });
    move || mine.get().into_iter().map(|m| view! { <div class="param-error" role="alert">{m}</div> }).collect_view()
}

/// The fields that reward programs see.
fn fields(app: App) -> impl IntoView {
    let fields = app.with_language(|l| l.schema.fields.clone()).unwrap_or_default();
    let field = |f: &Field| {
        format!(
            "<dt><code>ep.{}</code> <span class=\"muted\">{}</span></dt><dd>{}</dd>",
            f.name,
            f.ty.label(),
            escape(&f.help)
        )
    };
    let html: String = fields.iter().map(field).collect();
    view! {
        <details class="fields">
            <summary>"What a reward program sees: "{fields.len()}" fields of ep"</summary>
            <dl inner_html=html></dl>
        </details>
    }
}

//! What all arms share: the algorithm, the task, the policy and the shape of the run.

use super::{param, settings};
use crate::state::{App, Table};
use goodhart_core::experiment::RunParams;
use goodhart_core::params::{ParamSpec, Value};
use goodhart_core::{policy, tasks};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let task = Memo::new(move |_| app.draft.with(|e| e.task.kind.clone()));
    let policy = Memo::new(move |_| app.draft.with(|e| e.policy.kind.clone()));
    view! {
        <details class="card panel" open>
            <summary>"Algorithm, shared by all arms"</summary>
            {settings::view(app, Table::Algorithm, "Base settings", "TRL's defaults")}
        </details>
        <details class="card panel">
            <summary>"Task: "{move || task.get()}</summary>
            {kinds(move || task.get(), tasks::TASKS.iter().map(|t| (t.name, t.help)).collect(), move |k| app.set_task(k))}
            {problems(app, "task")}
            {move || rows(app, Table::Task, task_table(&task.get()))}
            {move || {
                task.track();
                fields(app)
            }}
        </details>
        <details class="card panel">
            <summary>"Policy: "{move || policy.get()}</summary>
            {kinds(move || policy.get(), policy::POLICIES.iter().map(|p| (p.name, p.help)).collect(), move |k| app.set_policy(k))}
            {problems(app, "policy")}
            {move || rows(app, Table::Policy, policy_table(&policy.get()))}
        </details>
        <details class="card panel">
            <summary>"Run: "{move || { let r = app.run_params(); format!("{} updates, {} seeds, {} x {} samples", r.updates, r.seeds, r.groups, r.num_generations) }}</summary>
            {problems(app, "run")}
            {rows(app, Table::Run, RunParams::TABLE)}
        </details>
    }
}

fn task_table(kind: &str) -> &'static [ParamSpec] {
    tasks::TASKS.iter().find(|t| t.name == kind).map_or(&[], |t| t.table)
}

fn policy_table(kind: &str) -> &'static [ParamSpec] {
    policy::POLICIES.iter().find(|p| p.name == kind).map_or(&[], |p| p.table)
}

/// The choice of a kind, with what it is.
fn kinds(
    chosen: impl Fn() -> String + Copy + Send + Sync + 'static,
    all: Vec<(&'static str, &'static str)>,
    choose: impl Fn(&str) + Copy + 'static,
) -> impl IntoView {
    let help = {
        let all = all.clone();
        move || all.iter().find(|(name, _)| *name == chosen()).map_or("", |(_, help)| *help)
    };
    view! {
        <div class="param kind">
            <select aria-label="Kind" on:change:target=move |e| choose(&e.target().value())>
                {all.into_iter().map(|(name, _)| view! { <option value=name selected=move || chosen() == name>{name}</option> }).collect_view()}
            </select>
            <span class="muted">{help}</span>
        </div>
    }
}

/// All parameters of a table.
fn rows(app: App, table: Table, specs: &'static [ParamSpec]) -> Vec<AnyView> {
    let row = |spec: &'static ParamSpec| {
        let own = Signal::derive(move || app.overrides(table).contains_key(spec.name));
        let shown = Signal::derive(move || {
            app.overrides(table).get(spec.name).cloned().or_else(|| default_of(app, table, spec.name))
        });
        param::view(app, table, spec, shown, own)
    };
    specs.iter().map(row).collect()
}

fn default_of(app: App, table: Table, name: &str) -> Option<Value> {
    let spec = |specs: &[ParamSpec]| specs.iter().find(|s| s.name == name).map(|s| (s.default)());
    match table {
        Table::Task => spec(task_table(&app.draft.with(|e| e.task.kind.clone()))),
        Table::Policy => spec(policy_table(&app.draft.with(|e| e.policy.kind.clone()))),
        Table::Run => spec(RunParams::TABLE),
        Table::Algorithm | Table::Arm(_) => None,
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
    view! {
        <details class="fields">
            <summary>"What a reward program sees: "{fields.len()}" fields of ep"</summary>
            <dl>
                {fields.into_iter().map(|f| view! {
                    <dt><code>"ep."{f.name}</code>" "<span class="muted">{format!("{:?}", f.ty).to_ascii_lowercase()}</span></dt>
                    <dd>{f.help}</dd>
                }).collect_view()}
            </dl>
        </details>
    }
}

//! One parameter as a control, made from its row of the table: kind, range, unit, help, formula and source.

use crate::state::{App, Kind, Spec, Table};
use goodhart_core::params::Value;
use leptos::prelude::*;

/// A row. `shown` is the value in effect, `own` whether this table sets it.
pub fn view(app: App, table: Table, spec: &'static Spec, shown: Signal<Option<Value>>, own: Signal<bool>) -> AnyView {
    let error = RwSignal::new(None::<String>);
    // What was typed stands above what is wrong with it; both go together.
    let refused = RwSignal::new(None::<String>);
    let used = Memo::new(move |_| shown.get());
    Effect::new(move |before: Option<Option<Value>>| {
        let now = used.get();
        if before.is_some_and(|before| before != now) {
            error.set(None);
            refused.set(None);
        }
        now
    });
    let set = move |value: Option<Value>| match value {
        Some(value) => match app.problem_of(&app.table_name(table), &spec.name, &value) {
            None => {
                error.set(None);
                app.set_param(table, &spec.name, Some(value));
            }
            problem => error.set(problem),
        },
        None => error.set(Some(format!("{} must be {}", spec.name, wanted(spec.kind)))),
    };
    let type_in = move |typed: String, value: Option<Value>| {
        set(value);
        refused.set(error.get_untracked().map(|_| typed));
    };
    let clear = move |_| {
        error.set(None);
        refused.set(None);
        app.set_param(table, &spec.name, None);
    };
    let id = id(table, &spec.name);
    view! {
        <div class="param" class:own=move || own.get()>
            <label for=id.clone() class="param-name">{spec.name.as_str()}</label>
            {control(spec, id, shown, refused, set, type_in)}
            <span class="unit">{spec.unit.as_str()}</span>
            {move || own.get().then(|| view! {
                <button class="icon clear" title="Back to the inherited value" aria-label=format!("Clear {}", spec.name) on:click=clear>"×"</button>
            })}
            <div class="param-help" role="note">
                {spec.help.as_str()}
                {range(spec).map(|r| view! { <span class="range">{r}</span> })}
                {(!spec.formula.is_empty()).then(|| view! { <code>{spec.formula.as_str()}</code> })}
                {(!spec.source.is_empty()).then(|| view! { <cite>{spec.source.as_str()}</cite> })}
            </div>
            {move || error.get().map(|e| view! { <div class="param-error" role="alert">{e}</div> })}
        </div>
    }
    .into_any()
}

/// The id of a parameter's control in the page.
pub fn id(table: Table, name: &str) -> String {
    format!("{table:?}-{name}").replace(['(', ')'], "-")
}

fn control(
    spec: &'static Spec,
    id: String,
    shown: Signal<Option<Value>>,
    refused: RwSignal<Option<String>>,
    set: impl Fn(Option<Value>) + Copy + 'static,
    type_in: impl Fn(String, Option<Value>) + Copy + 'static,
) -> AnyView {
    let text = move || refused.get().or_else(|| shown.get().map(|v| write(&v))).unwrap_or_default();
    let invalid = move || refused.with(Option::is_some).then_some("true");
    match spec.kind {
        Kind::Bool => view! {
            <input type="checkbox" id=id prop:checked=move || shown.get() == Some(Value::Bool(true))
                on:change:target=move |e| set(Some(Value::Bool(e.target().checked()))) />
        }
        .into_any(),
        Kind::Choice => view! {
            <select id=id prop:value=text on:change:target=move |e| set(Some(Value::Text(e.target().value())))>
                {spec.names.iter().map(|name| view! { <option value=name.as_str() selected=move || text() == *name>{name.as_str()}</option> }).collect_view()}
            </select>
        }
        .into_any(),
        // The map is several lines in one text, joined by "/".
        Kind::Text => {
            let lines = move || text().replace('/', "\n");
            view! {
                <textarea id=id class="map" rows="8" spellcheck="false" prop:value=lines aria-invalid=invalid
                    on:change:target=move |e| {
                        let map = e.target().value().trim().replace('\n', "/");
                        type_in(map.clone(), Some(Value::Text(map)));
                    }></textarea>
            }
            .into_any()
        }
        Kind::Float | Kind::Int | Kind::OptionalFloat | Kind::IntList => view! {
            <input id=id class="number" inputmode=if spec.kind == Kind::OptionalFloat { "text" } else { "decimal" } size="8"
                autocomplete="off" prop:value=text aria-invalid=invalid on:change:target=move |e| {
                    let typed = e.target().value();
                    let value = read(spec.kind, &typed);
                    type_in(typed, value);
                } />
        }
        .into_any(),
    }
}

/// A value as a person writes it.
pub fn write(value: &Value) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Number(x) => x.to_string(),
        Value::Text(s) => s.clone(),
        Value::List(xs) => xs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn read(kind: Kind, text: &str) -> Option<Value> {
    let text = text.trim();
    match kind {
        Kind::OptionalFloat if text.eq_ignore_ascii_case("none") || text.is_empty() => Some(Value::Text("none".into())),
        Kind::IntList => {
            let parts = text.split([',', ' ']).filter(|p| !p.is_empty());
            parts.map(|p| p.parse().ok()).collect::<Option<Vec<f64>>>().map(Value::List)
        }
        _ => text.parse().ok().filter(|x: &f64| x.is_finite()).map(Value::Number),
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::OptionalFloat => "a number or \"none\"",
        Kind::IntList => "whole numbers, such as 64, 64",
        Kind::Int => "a whole number",
        _ => "a number",
    }
}

fn range(spec: &Spec) -> Option<String> {
    let numeric = matches!(spec.kind, Kind::Float | Kind::Int | Kind::OptionalFloat | Kind::IntList);
    numeric.then(|| format!("{} to {} {}", spec.min, spec.max, spec.unit))
}

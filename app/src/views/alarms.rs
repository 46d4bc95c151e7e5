//! The alarms that rang, each with its rule; and the rules that did not.

use crate::state::App;
use goodhart_core::metrics::alarms::RULES;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let rang = Memo::new(move |_| {
        app.verdict.with(|lines| {
            let all =
                lines.iter().enumerate().flat_map(|(i, l)| l.alarms.iter().map(move |a| (i, l.arm.clone(), a.clone())));
            let mut all: Vec<_> = all.collect();
            all.sort_by_key(|(_, _, a)| a.update);
            all
        })
    });
    view! {
        <div class="card alarms">
            <div class="alarms-head">
                <h2>"Alarms"<span class="muted">{move || rang.with(Vec::is_empty).then_some(" none so far")}</span></h2>
                <span class="spacer"></span>
                <details>
                    <summary>"All rules"</summary>
                    <dl>{RULES.iter().map(|r| view! { <dt>{r.name}</dt><dd>{r.rule}</dd> }).collect_view()}</dl>
                </details>
            </div>
            <ul role="log" aria-label="Alarms that rang">{move || rang.get().into_iter().map(|(i, arm, alarm)| {
                let rule = RULES.iter().find(|r| r.kind == alarm.kind);
                view! {
                    <li>
                        <span class=format!("swatch arm-fill-{i}")></span>
                        <b>{arm}</b>", update "{alarm.update}": "{alarm.sentence}
                        {rule.map(|r| view! { <div class="muted">{r.name}". Rule: "{r.rule}</div> })}
                    </li>
                }
            }).collect_view()}</ul>
        </div>
    }
}

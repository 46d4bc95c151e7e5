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
            <h2>"Alarms"</h2>
            {move || {
                let list = rang.get();
                if list.is_empty() {
                    return view! { <p class="empty">"None so far."</p> }.into_any();
                }
                view! {
                    <ul>{list.into_iter().map(|(i, arm, alarm)| {
                        let rule = RULES.iter().find(|r| r.kind == alarm.kind);
                        view! {
                            <li>
                                <span class=format!("swatch arm-fill-{i}")></span>
                                <b>{arm}</b>", update "{alarm.update}": "{alarm.sentence}
                                {rule.map(|r| view! { <div class="muted">{r.name}". Rule: "{r.rule}</div> })}
                            </li>
                        }
                    }).collect_view()}</ul>
                }.into_any()
            }}
            <details>
                <summary>"All rules"</summary>
                <dl>{RULES.iter().map(|r| view! { <dt>{r.name}</dt><dd>{r.rule}</dd> }).collect_view()}</dl>
            </details>
        </div>
    }
}

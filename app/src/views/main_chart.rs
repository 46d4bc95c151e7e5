//! The chart of the main view: true score solid and proxy reward dashed, or another metric.

use super::chart;
use crate::state::App;
use goodhart_core::metrics::columns::{self, COLUMNS};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    // None: true score and proxy reward.
    let other = RwSignal::new(None::<String>);
    let arms = Memo::new(move |_| app.arms.get().into_iter().map(|id| (id, app.name_of(id))).collect::<Vec<_>>());
    let components = super::charts::components(app);
    let names = Memo::new(move |_| {
        let plain = COLUMNS.iter().map(|c| c.name.to_string());
        plain.chain(components.get()).filter(|name| name != "true_score" && name != "proxy_reward").collect::<Vec<_>>()
    });
    let choose = move |e: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlSelectElement>| {
        let name = e.target().value();
        other.set((!name.is_empty()).then_some(name));
    };
    view! {
        <div class="main-chart">
            <label class="chart-choice">
                <span class="visually-hidden">"Metric of the chart"</span>
                <select aria-label="Metric of the chart" on:change:target=choose>
                    <option value="">"True score and reward"</option>
                    {move || names.get().into_iter().map(|name| {
                        let about = columns::help(&name);
                        view! { <option value=name.clone() title=about>{name.clone()}</option> }
                    }).collect_view()}
                </select>
            </label>
            <For each=move || [other.get()] key=move |metric| (metric.clone(), arms.get()) let:metric>
                {match metric {
                    None => chart::both(app).into_any(),
                    Some(metric) => chart::view(app, metric).into_any(),
                }}
            </For>
        </div>
    }
}

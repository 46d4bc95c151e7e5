//! The charts: which are shown, and the grid of them.

use super::chart;
use crate::state::{App, ArmId};
use goodhart_core::metrics::columns::{self, COLUMNS};
use leptos::prelude::*;

/// What opens first, after the experiment's own choice. Components are put in the place of "*".
const FIRST: &[&str] = &[
    "true_score",
    "proxy_reward",
    "*",
    "completions/mean_length",
    "entropy",
    "kl",
    "clip_ratio/region_mean",
    "frac_reward_zero_std",
    "grad_norm",
];

pub fn view(app: App) -> impl IntoView {
    // What the person switched on or off; None leaves it to the experiment.
    let chosen = RwSignal::new(None::<Vec<String>>);
    let components = Memo::new(move |_| {
        let mut names: Vec<String> = Vec::new();
        for name in app.arms.get().into_iter().flat_map(|id| app.check_of(id).components) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|n| format!("rewards/{n}/mean")).collect::<Vec<_>>()
    });
    let own = Memo::new(move |_| app.draft.with(|e| e.charts.clone()));
    let shown = Memo::new(move |_| chosen.get().unwrap_or_else(|| first(&own.get(), &components.get())));
    let arms = Memo::new(move |_| app.arms.get().into_iter().map(|id| (id, app.name_of(id))).collect::<Vec<_>>());
    let toggle = move |metric: String| {
        let mut now = shown.get_untracked();
        match now.iter().position(|m| *m == metric) {
            Some(at) => {
                now.remove(at);
            }
            None => now.push(metric),
        }
        chosen.set(Some(now));
    };
    view! {
        <div class="card charts">
            <div class="charts-head">
                <h2>"Curves"<span class="muted">" seed mean with its 95% band"</span></h2>
                {legend(app, arms)}
                <span class="spacer"></span>
                <details class="picker-charts" data-own-keys="" data-menu="">
                    <summary>"Choose charts"</summary>
                    <div class="menu">
                        {move || all(&components.get()).into_iter().map(|metric| {
                            let (on, name, about) = (metric.clone(), metric.clone(), columns::help(&metric));
                            view! {
                                <label title=about>
                                    <input type="checkbox" prop:checked=move || shown.with(|s| s.contains(&on))
                                        on:change=move |_| toggle(metric.clone()) />
                                    {name}
                                </label>
                            }
                        }).collect_view()}
                        <button class="quiet" on:click=move |_| chosen.set(None)>"As the experiment has them"</button>
                    </div>
                </details>
            </div>
            <div class="chart-grid">
                <For each=move || shown.get() key=move |metric| (metric.clone(), arms.get()) let:metric>
                    {chart::view(app, metric)}
                </For>
            </div>
        </div>
    }
}

fn legend(app: App, arms: Memo<Vec<(ArmId, String)>>) -> impl IntoView {
    view! {
        <div class="legend">
            {move || arms.get().into_iter().map(|(id, name)| view! {
                <button class="quiet" on:click=move |_| app.choose_arm(id)><span class=format!("swatch arm-fill-{}", id.color())></span>{name}</button>
            }).collect_view()}
        </div>
    }
}

fn first(own: &[String], components: &[String]) -> Vec<String> {
    let rest = FIRST.iter().flat_map(|m| match *m {
        "*" => components.to_vec(),
        metric => vec![metric.to_string()],
    });
    let mut list: Vec<String> = Vec::new();
    for metric in own.iter().cloned().chain(rest) {
        if !list.contains(&metric) {
            list.push(metric);
        }
    }
    list
}

fn all(components: &[String]) -> Vec<String> {
    COLUMNS.iter().map(|c| c.name.to_string()).chain(components.iter().cloned()).collect()
}

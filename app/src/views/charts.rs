//! The charts: which are shown, and the grid of them.

use super::chart;
use crate::state::{App, ArmId};
use goodhart_core::metrics::columns::{self, COLUMNS};
use leptos::prelude::*;

/// Updates before which no curve is called flat.
const FLAT: usize = 10;

/// What opens first, after the experiment's own choice. Components are put in the place of "*". True score and proxy reward
/// have the chart of the main view.
const FIRST: &[&str] =
    &["*", "completions/mean_length", "entropy", "kl", "clip_ratio/region_mean", "frac_reward_zero_std", "grad_norm"];

pub fn view(app: App) -> impl IntoView {
    // What the person switched on or off; None leaves it to the experiment.
    let chosen = RwSignal::new(None::<Vec<String>>);
    let components = components(app);
    let own = Memo::new(move |_| app.draft.with(|e| e.charts.clone()));
    let shown = Memo::new(move |_| chosen.get().unwrap_or_else(|| first(&own.get(), &components.get())));
    let arms = Memo::new(move |_| app.arms.get().into_iter().map(|id| (id, app.name_of(id))).collect::<Vec<_>>());
    // Looked at anew with every verdict, which is seldom; what a person chose is always drawn.
    let flat = Memo::new(move |_| {
        app.verdict.track();
        if chosen.with(Option::is_some) {
            return Vec::new();
        }
        let ids: Vec<ArmId> = arms.get().into_iter().map(|(id, _)| id).collect();
        shown.get().into_iter().filter(|metric| is_flat(app, &ids, metric)).collect::<Vec<_>>()
    });
    let drawn = move || flat.with(|flat| shown.get().into_iter().filter(|m| !flat.contains(m)).collect::<Vec<_>>());
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
                <For each=drawn key=move |metric| (metric.clone(), arms.get()) let:metric>
                    {chart::view(app, metric)}
                </For>
            </div>
            <p class="flat muted" hidden=move || flat.with(Vec::is_empty)>"Constant so far: "<code>{move || flat.get().join(", ")}</code></p>
        </div>
    }
}

/// The metrics of all components of the strategies' programs.
pub fn components(app: App) -> Memo<Vec<String>> {
    Memo::new(move |_| {
        let mut names: Vec<String> = Vec::new();
        for name in app.arms.get().into_iter().flat_map(|id| app.check_of(id).components) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.into_iter().map(|n| format!("rewards/{n}/mean")).collect()
    })
}

/// Whether a curve says nothing so far: every strategy has the same number at all updates.
fn is_flat(app: App, arms: &[ArmId], metric: &str) -> bool {
    app.with_data(|data| {
        let mut one = None;
        let mut same = |value: &f32| value.is_nan() || *one.get_or_insert(*value) == *value;
        data.complete() >= FLAT
            && arms.iter().all(|id| data.mean(*id, metric).is_none_or(|mean| mean.iter().all(&mut same)))
    })
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
        if !list.contains(&metric) && !["true_score", "proxy_reward"].contains(&metric.as_str()) {
            list.push(metric);
        }
    }
    list
}

fn all(components: &[String]) -> Vec<String> {
    COLUMNS.iter().map(|c| c.name.to_string()).chain(components.iter().cloned()).collect()
}

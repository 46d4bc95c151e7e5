//! One chart: a metric of every arm, drawn by the charts bundle.

use crate::browser::modules::{self, ChartHandle};
use crate::state::{App, ArmId};
use goodhart_core::metrics::COLUMNS;
use goodhart_core::metrics::alarms::{Alarm, AlarmKind};
use goodhart_core::metrics::columns;
use js_sys::{Array, Float32Array, Float64Array};
use leptos::html::Div;
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

#[derive(Serialize)]
struct ArmStyle {
    name: String,
    color: usize,
    dash: Option<[u8; 2]>,
    /// It has the axis at the right, and no number above the chart.
    paid: bool,
}

#[derive(Serialize)]
struct Mark {
    x: u32,
    color: usize,
    text: String,
    /// Written beside the line.
    label: Option<String>,
}

/// A chart of one metric.
pub fn view(app: App, metric: String) -> impl IntoView {
    drawn(app, metric, false)
}

/// True score, solid, and proxy reward, dashed and with an axis of its own.
pub fn both(app: App) -> impl IntoView {
    drawn(app, "true_score".into(), true)
}

fn drawn(app: App, metric: String, with_paid: bool) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let chart = RwSignal::new_local(None::<ChartHandle>);
    let failed = RwSignal::new(None::<String>);
    let log = RwSignal::new(false);
    let pulls = StoredValue::new_local(None::<Closure<dyn Fn() -> JsValue>>);
    let name = StoredValue::new(metric.clone());

    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            // The order in which `pull` gives their curves.
            let arms = app.arms.get_untracked();
            let style = |id: &ArmId| ArmStyle {
                name: untrack(|| app.name_of(*id)),
                color: id.color(),
                // Beyond four strategies colours alone are hard to tell apart.
                dash: (id.color() >= 4 && !with_paid).then_some([6, 3]),
                paid: false,
            };
            let mut styles = arms.iter().map(style).collect::<Vec<_>>();
            if with_paid {
                styles.extend(arms.iter().map(|id| ArmStyle { dash: Some([5, 4]), paid: true, ..style(id) }));
            }
            let module = match modules::charts().await {
                Ok(module) => module,
                Err(e) => {
                    failed.try_set(Some(format!("The charts did not load: {e}.")));
                    return;
                }
            };
            let styles = crate::browser::plain::to_js(&styles);
            let Some(label) = name.try_get_value() else { return };
            let metric = label.clone();
            let pull = Closure::<dyn Fn() -> JsValue>::new(move || pull(app, &arms, &metric, with_paid));
            match module.create_chart(&host, &label, &styles, pull.as_ref().unchecked_ref()) {
                Ok(handle) => {
                    pulls.try_set_value(Some(pull));
                    if let Some(Some(late)) = chart.try_set(Some(handle)) {
                        late.destroy();
                    }
                }
                Err(e) => {
                    failed.try_set(Some(crate::browser::plain::describe(&e)));
                }
            }
        });
    });
    Effect::new(move |_| {
        app.tick.track();
        if let Some(chart) = chart.get() {
            chart.touch();
        }
    });
    Effect::new(move |_| {
        let mut marks = app.verdict.with(|lines| {
            let all = lines.iter().flat_map(|j| j.line.alarms.iter().map(move |a| (j.id, a)));
            let mine = all.filter(|(_, a)| concerns(a.kind, &name.get_value()));
            let mut marks: Vec<Mark> = mine.map(|(id, a)| mark(app, id, a)).collect();
            for judged in lines {
                marks.extend(judged.edits.iter().map(|update| edited(app, judged.id, *update as u32)));
            }
            marks
        });
        let own = app.draft.with(|e| e.moment.clone()).filter(|m| name.with_value(|n| *n == m.metric));
        if let (Some((arm, x)), Some(moment)) = (app.moment.get(), own) {
            let label = Some(format!("{}, update {x}", moment.arm));
            marks.push(Mark { x, color: arm.color(), text: moment.says, label });
        }
        let marks = crate::browser::plain::to_js(&marks);
        if let Some(chart) = chart.get() {
            chart.set_marks(&marks);
        }
    });
    Effect::new(move |seen: Option<u32>| {
        let now = app.theme_changed.get();
        if seen.is_some_and(|s| s != now)
            && let Some(chart) = chart.get_untracked()
        {
            chart.rebuild();
        }
        now
    });
    on_cleanup(move || {
        if let Some(Some(chart)) = chart.try_get_untracked() {
            chart.destroy();
        }
    });
    let about = columns::help(&metric);
    let unit = COLUMNS.iter().find(|c| c.name == metric).map_or("", |c| c.unit);
    let toggle_log = move |_| {
        log.update(|l| *l = !*l);
        if let Some(chart) = chart.get_untracked() {
            chart.set_log(log.get_untracked());
        }
    };
    view! {
        <figure class="chart">
            <figcaption title=about>
                <span class="chart-name">{metric}</span>
                <span class="muted">{unit}</span>
                {with_paid.then(|| view! { <span class="solid-key">"true, left"</span><span class="dashed-key">"paid, right"</span> })}
                <span class="spacer"></span>
                <button class="quiet" aria-pressed=move || log.get().to_string() title="Logarithmic axis" on:click=toggle_log>"log"</button>
            </figcaption>
            <div node_ref=host class="chart-host"></div>
            {move || failed.get().map(|e| view! { <p class="empty">{e}</p> })}
        </figure>
    }
}

/// The curve as the bundle wants it: updates, then mean and half-width by arm.
fn pull(app: App, arms: &[ArmId], metric: &str, with_paid: bool) -> JsValue {
    let (x, lines) = app.with_data(|data| {
        let mut lines: Vec<_> = arms.iter().map(|id| data.line(*id, metric)).collect();
        if with_paid {
            lines.extend(arms.iter().map(|id| data.line(*id, "proxy_reward")));
        }
        (data.points(), lines)
    });
    let numbers = |values: &[f32]| JsValue::from(Float32Array::from(values));
    let means: Array = lines.iter().map(|l| numbers(&l.mean)).collect();
    let halves: Array = lines.iter().map(|l| numbers(&l.half)).collect();
    Array::of3(&Float64Array::from(x.as_slice()), &means, &halves).into()
}

fn mark(app: App, id: ArmId, alarm: &Alarm) -> Mark {
    let text = format!("{}, update {}: {}", app.name_of(id), alarm.update, alarm.sentence);
    Mark { x: alarm.update, color: id.color(), text, label: None }
}

fn edited(app: App, id: ArmId, x: u32) -> Mark {
    let text = format!("{}, update {x}: edited; from here on it is trained with the edit.", app.name_of(id));
    Mark { x, color: id.color(), text, label: None }
}

/// On which curves an alarm is marked.
fn concerns(kind: AlarmKind, metric: &str) -> bool {
    match kind {
        AlarmKind::ProxyUpTrueDown => matches!(metric, "true_score" | "proxy_reward"),
        AlarmKind::EntropyCollapse => metric == "entropy",
        AlarmKind::DeadGroups => metric == "frac_reward_zero_std",
        AlarmKind::KlBlowUp | AlarmKind::KlOfSample => metric == "kl",
        AlarmKind::LengthCollapse | AlarmKind::LengthExplosion => metric == "completions/mean_length",
        AlarmKind::CutOff => metric == "completions/clipped_ratio",
        AlarmKind::RewardDrift | AlarmKind::RewardJump => metric == "proxy_reward",
        AlarmKind::RewardSaturated => metric == "reward_std",
        AlarmKind::PartsDisagree => metric.starts_with("rewards/"),
        AlarmKind::OftenClipped => metric == "clip_ratio/region_mean",
        AlarmKind::GradientSpike => metric == "grad_norm",
        AlarmKind::NotFinite => matches!(metric, "not_finite" | "grad_norm"),
        AlarmKind::ProgramErrors => matches!(metric, "error_rate" | "proxy_reward"),
    }
}

//! The verdict table: what each arm got and what it was paid, with 95% intervals over seeds.

use crate::state::App;
use crate::text::{escape, number, signed};
use goodhart_core::metrics::statistics::Interval;
use goodhart_core::metrics::verdict::Line;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

pub fn view(app: App) -> impl IntoView {
    let seeds = move || app.loaded_run().seeds;
    let choose = move |e: leptos::ev::MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let row = target.and_then(|t| t.closest("[data-arm]").ok().flatten());
        if let Some(arm) = row.and_then(|r| r.get_attribute("data-arm")?.parse().ok()) {
            app.choose_arm(arm);
        }
    };
    view! {
        <div class="card verdict">
            <h2>"Verdict"<span class="muted">{move || format!(" last tenth of the run, mean ± 95% interval over {} seeds", seeds())}</span></h2>
            <div class="scroll">
            <table>
                <thead><tr>
                    <th scope="col">"Arm"</th>
                    <th scope="col" title="The task's own objective, which no reward program can touch">"True score"</th>
                    <th scope="col" title="What the reward program pays">"Proxy reward"</th>
                    <th scope="col" title="Change of the proxy less change of the true score since the start: what was paid for and not had">"Gap"</th>
                    <th scope="col" title="True score less the first arm's, seed by seed">"Difference to the first"</th>
                    <th scope="col">"Alarms"</th>
                </tr></thead>
                <tbody on:click=choose inner_html=move || {
                    let lines = app.verdict.get();
                    if lines.is_empty() {
                        app.draft.with(|e| e.arms.iter().enumerate().map(|(i, arm)| empty(i, &arm.name)).collect::<String>())
                    } else {
                        lines.iter().enumerate().map(|(i, line)| row(i, line)).collect()
                    }
                }></tbody>
            </table>
            </div>
        </div>
    }
}

fn empty(i: usize, name: &str) -> String {
    format!("<tr data-arm=\"{i}\">{}<td>–</td><td>–</td><td>–</td><td>–</td><td></td></tr>", head(i, name))
}

fn head(i: usize, name: &str) -> String {
    format!("<th scope=\"row\"><span class=\"swatch arm-fill-{i}\"></span>{}</th>", escape(name))
}

fn row(i: usize, line: &Line) -> String {
    let sentences = line.alarms.iter().map(|a| a.sentence.as_str()).collect::<Vec<_>>().join("\n");
    let alarms = match line.alarms.len() {
        0 => String::new(),
        n => format!("<span class=\"badge alarm\" title=\"{}\">{n}</span>", escape(&sentences)),
    };
    let (head, truth, proxy) = (head(i, &line.arm), plain(line.true_score), plain(line.proxy_reward));
    let gap = difference(line.gap, true);
    let first = line.difference.map(|d| difference(d, false)).unwrap_or_default();
    format!(
        "<tr data-arm=\"{i}\">{head}<td>{truth}</td><td>{proxy}</td><td>{gap}</td><td>{first}</td><td>{alarms}</td></tr>"
    )
}

fn plain(i: Interval) -> String {
    format!("{}{}", number(i.mean), half(i))
}

fn half(i: Interval) -> String {
    if i.half_width > 0.0 { format!(" ± {}", number(i.half_width)) } else { String::new() }
}

/// A difference, marked where its interval leaves out 0. Upwards is good unless `bad_up`.
fn difference(i: Interval, bad_up: bool) -> String {
    let clear = i.half_width > 0.0 && i.mean.abs() > i.half_width;
    let good = (i.mean > 0.0) != bad_up;
    let class = match (clear, good) {
        (false, _) => "",
        (true, true) => "better",
        (true, false) => "worse",
    };
    let title = if clear { "The 95% interval leaves out 0." } else { "The 95% interval includes 0." };
    format!("<span class=\"{class}\" title=\"{title}\">{}{}</span>", signed(i.mean), half(i))
}

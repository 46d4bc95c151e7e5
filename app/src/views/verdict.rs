//! The verdict table: what each arm got and what it was paid, with 95% intervals over seeds.

use crate::state::App;
use crate::text::{number, signed};
use goodhart_core::metrics::statistics::Interval;
use goodhart_core::metrics::verdict::Line;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let seeds = move || app.loaded_run().seeds;
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
                <tbody>
                    {move || {
                        let lines = app.verdict.get();
                        if lines.is_empty() {
                            let names = app.draft.with(|e| e.arms.iter().map(|a| a.name.clone()).collect::<Vec<_>>());
                            names.into_iter().enumerate().map(|(i, name)| empty(i, name)).collect_view().into_any()
                        } else {
                            lines.into_iter().enumerate().map(|(i, line)| row(app, i, line)).collect_view().into_any()
                        }
                    }}
                </tbody>
            </table>
            </div>
        </div>
    }
}

fn empty(i: usize, name: String) -> impl IntoView {
    view! { <tr>{head(i, name)}<td>"–"</td><td>"–"</td><td>"–"</td><td>"–"</td><td></td></tr> }
}

fn head(i: usize, name: String) -> impl IntoView {
    view! { <th scope="row"><span class=format!("swatch arm-fill-{i}")></span>{name}</th> }
}

fn row(app: App, i: usize, line: Line) -> impl IntoView {
    let alarms = line.alarms.len();
    let sentences = line.alarms.iter().map(|a| a.sentence.clone()).collect::<Vec<_>>().join("\n");
    view! {
        <tr on:click=move |_| app.choose_arm(i)>
            {head(i, line.arm)}
            <td>{plain(line.true_score)}</td>
            <td>{plain(line.proxy_reward)}</td>
            <td>{difference(line.gap, true)}</td>
            <td>{line.difference.map(|d| difference(d, false))}</td>
            <td>{(alarms > 0).then(|| view! { <span class="badge alarm" title=sentences>{alarms}</span> })}</td>
        </tr>
    }
}

fn plain(i: Interval) -> String {
    format!("{}{}", number(i.mean), half(i))
}

fn half(i: Interval) -> String {
    if i.half_width > 0.0 { format!(" ± {}", number(i.half_width)) } else { String::new() }
}

/// A difference, marked where its interval leaves out 0. Upwards is good unless `bad_up`.
fn difference(i: Interval, bad_up: bool) -> impl IntoView {
    let clear = i.half_width > 0.0 && i.mean.abs() > i.half_width;
    let good = (i.mean > 0.0) != bad_up;
    let title = if clear { "The 95% interval leaves out 0." } else { "The 95% interval includes 0." };
    view! {
        <span class:better=clear && good class:worse=clear && !good title=title>{signed(i.mean)}{half(i)}</span>
    }
}

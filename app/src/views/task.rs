//! What the watched lane's policy does: the map with its arrows, the probabilities of a bandit's arms, or texts.

use super::anatomy::describe;
use super::{grid_map, sample};
use crate::state::{App, Overlay};
use crate::text::{number, signed};
use goodhart_core::protocol::Anatomy;
use goodhart_core::tasks::TaskView;
use leptos::prelude::*;
use std::sync::Arc;

/// Contexts and samples drawn at most.
const MAX_CONTEXTS: usize = 8;
const MAX_TEXTS: usize = 16;

pub fn view(app: App) -> impl IntoView {
    let group = RwSignal::new(0_usize);
    view! {
        <div class="card task">
            {move || {
                app.draft.with(|e| e.task.clone());
                match (app.task_view(), app.anatomy.get()) {
                    (Some(TaskView::Grid { rows, cols, cells, .. }), anatomy) => {
                        let (policy, visits) = anatomy.map(|a| (a.policy.clone(), a.visits.clone())).unwrap_or_default();
                        view! {
                            <h2>"Map"<span class="muted">" arrows: the policy; shade: visits of the last update"</span></h2>
                            {grid_map::policy(rows, cols, &cells, &policy, &visits)}
                        }.into_any()
                    }
                    (Some(TaskView::Arms { contexts, arms, payoff, hack, .. }), anatomy) => {
                        let policy = anatomy.map(|a| a.policy.clone()).unwrap_or_default();
                        view! {
                            <h2>"Arms"<span class="muted">" probability by context; orange exploits the proxy, blue is truly best"</span></h2>
                            {(0..contexts.min(MAX_CONTEXTS)).map(|c| bars(c, arms, &policy, &payoff, &hack)).collect_view()}
                        }.into_any()
                    }
                    (Some(TaskView::Choices { states }), anatomy) => {
                        let policy = anatomy.map(|a| a.policy.clone()).unwrap_or_default();
                        view! {
                            <h2>"Choices"<span class="muted">" probability of each action"</span></h2>
                            {choices(&states, &policy)}
                        }.into_any()
                    }
                    (Some(TaskView::Tokens { .. }), Some(anatomy)) => texts(app, &anatomy, group).into_any(),
                    (Some(TaskView::Tokens { .. }), None) => view! {
                        <h2>"Texts"</h2><p class="empty">"Samples of the last update appear here once the run moves."</p>
                    }.into_any(),
                    (None, _) => view! { <h2>"Task"</h2><p class="empty">"The task's parameters are refused; its panel says why."</p> }.into_any(),
                }
            }}
        </div>
    }
}

fn bars(context: usize, arms: usize, policy: &[f32], payoff: &[f32], hack: &[bool]) -> impl IntoView + use<> {
    let own = context * arms..(context + 1) * arms;
    let p = policy.get(own.clone()).unwrap_or_default().to_vec();
    let truth = payoff.get(own.clone()).unwrap_or_default().to_vec();
    let hacks = hack.get(own).unwrap_or_default().to_vec();
    let best = truth.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let bar = move |i: usize| {
        let p = p.get(i).copied().unwrap_or(0.0);
        let class = match (hacks.get(i), truth.get(i)) {
            (Some(true), _) => "bar hack",
            (_, Some(t)) if *t >= best => "bar best",
            _ => "bar",
        };
        let title = format!(
            "arm {i}: probability {}, true payoff {}",
            number(p),
            number(truth.get(i).copied().unwrap_or(f32::NAN))
        );
        view! { <span class=class title=title style=format!("--p: {:.1}%", 100.0 * p)></span> }
    };
    view! {
        <div class="bars" role="img" aria-label=format!("Probabilities in context {context}")>
            <span class="muted">{context}</span>
            <span class="bar-row">{(0..arms).map(bar).collect_view()}</span>
        </div>
    }
}

/// A row of bars for each of the first states.
fn choices(states: &[String], policy: &[f32]) -> impl IntoView + use<> {
    let actions = policy.len() / states.len().max(1);
    let row = |(i, name): (usize, &String)| {
        let own = policy.get(i * actions..(i + 1) * actions).unwrap_or_default().to_vec();
        let bar = |(a, p): (usize, f32)| {
            let title = format!("action {a}: probability {}", number(p));
            view! { <span class="bar" title=title style=format!("--p: {:.1}%", 100.0 * p)></span> }
        };
        view! {
            <div class="bars" role="img" aria-label=format!("Probabilities at {name}") title=name.clone()>
                <span class="muted">{i}</span>
                <span class="bar-row">{own.into_iter().enumerate().map(bar).collect_view()}</span>
            </div>
        }
    };
    states.iter().enumerate().take(2 * MAX_CONTEXTS).map(row).collect_view()
}

/// All samples of a group, as texts with what each got.
fn texts(app: App, anatomy: &Arc<Anatomy>, group: RwSignal<usize>) -> impl IntoView + use<> {
    let groups = anatomy.groups.len();
    let g = group.get().min(groups.saturating_sub(1));
    let tokens = app.with_language(|l| l.schema.tokens.clone()).unwrap_or_default();
    let prompt = anatomy.groups.get(g).map(|x| sample::text(&x.prompt, &tokens)).unwrap_or_default();
    let rows: Vec<_> = anatomy
        .groups
        .get(g)
        .map(|x| {
            x.samples
                .iter()
                .take(MAX_TEXTS)
                .map(|s| (sample::text(&s.actions, &tokens), s.advantage, s.true_score, describe(s)))
                .collect()
        })
        .unwrap_or_default();
    view! {
        <h2>"Texts of group "
            <select aria-label="Group" on:change:target=move |e| group.set(e.target().value().parse().unwrap_or(0))>
                {(0..groups).map(|i| view! { <option value=i.to_string() selected=i == g>{i}</option> }).collect_view()}
            </select>
        </h2>
        <p class="tokens"><span class="muted">"prompt "</span>{prompt}</p>
        <ol class="texts" start="0">
            {rows.into_iter().enumerate().map(|(i, (text, advantage, truth, title))| view! {
                <li title=title>
                    <button class="quiet" on:click=move |_| app.overlay.set(Overlay::Sample(g, i))>
                        {verdict(truth)}
                        <span class="advantage">{signed(advantage)}</span>
                        <span class="tokens">{text}</span>
                    </button>
                </li>
            }).collect_view()}
        </ol>
    }
}

fn verdict(truth: f32) -> impl IntoView {
    if truth >= 0.5 {
        view! { <span class="mark right" role="img" aria-label="right">"✓"</span> }
    } else {
        view! { <span class="mark wrong" role="img" aria-label="wrong">"✗"</span> }
    }
}

//! What the watched lane's policy does: the map with its arrows, the probabilities of a bandit's arms, or what the samples
//! of a group did, in words.

use super::anatomy::describe;
use super::grid_map::Map;
use super::policy_bars::{MAX_CONTEXTS, bars, choices, legend};
use super::sample;
use crate::state::{App, ArmId, Language, Overlay, TaskView};
use crate::text::{escape, signed};
use goodhart_core::protocol::Anatomy;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Samples drawn at most.
const MAX_SAMPLES: usize = 16;

pub fn view(app: App) -> impl IntoView {
    let group = RwSignal::new(0_usize);
    let html = move || match (app.language.get(), app.anatomy.get()) {
        (Some(language), anatomy) => drawing(&language, anatomy.as_deref(), group.get()),
        (None, _) => head("Task", "") + "<p class=\"empty\">What is known of the task appears here in a moment.</p>",
    };
    // The groups of a task whose samples are told in words.
    let groups = Memo::new(move |_| {
        let told = app.language.with(|l| {
            l.as_ref().is_some_and(|l| match l.view {
                TaskView::Grid { .. } => false,
                TaskView::Arms { .. } => l.schema.horizon > 1,
                _ => true,
            })
        });
        app.anatomy.with(|a| a.as_ref().filter(|_| told).map_or(0, |a| a.groups.len()))
    });
    let click = move |e: leptos::ev::MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let entry = target.and_then(|t| t.closest("[data-sample]").ok().flatten());
        if let Some(s) = entry.and_then(|e| e.get_attribute("data-sample")?.parse().ok()) {
            app.overlay.set(Overlay::Sample(group.get_untracked().min(groups.get_untracked().saturating_sub(1)), s));
        }
    };
    view! {
        <div class="card task">
            {move || (groups.get() > 1).then(|| view! {
                <label class="task-group">"group "
                    <select aria-label="Group" on:change:target=move |e| group.set(e.target().value().parse().unwrap_or(0))>
                        {(0..groups.get()).map(|i| view! { <option value=i.to_string()>{i}</option> }).collect_view()}
                    </select>
                </label>
            })}
            <div class=move || app.anatomy.with(|a| a.as_ref().map(|a| format!("arm-own-{}", ArmId::from_number(a.arm).color()))) inner_html=html on:click=click></div>
            {super::oracle::drawing(app)}
        </div>
    }
}

fn head(title: &str, about: &str) -> String {
    format!("<h2>{title}<span class=\"muted\"> {about}</span></h2>")
}

fn drawing(language: &Language, anatomy: Option<&Anatomy>, group: usize) -> String {
    let policy = anatomy.map(|a| a.policy.as_slice()).unwrap_or_default();
    match &language.view {
        TaskView::Grid { rows, cols, cells, .. } => {
            let visits = anatomy.map(|a| a.visits.as_slice()).unwrap_or_default();
            let map = Map { rows: *rows, cols: *cols, cells, actions: &language.action_names };
            let about = match visits.iter().any(|v| *v > 0.0) || visits.is_empty() {
                true => "arrows: the policy; shade: visits of the last update",
                false => {
                    "arrows: what the policy would do on this map; the episodes of the last update had maps of their own"
                }
            };
            head("Map", about) + &map.policy(policy, visits, &[], "The map with the policy's arrows and visits")
        }
        TaskView::Arms { contexts, arms, payoff, hack, .. } => {
            let rows: String = (0..*contexts)
                .take(MAX_CONTEXTS)
                .map(|c| bars(c, *arms, policy, payoff, hack, &language.action_names))
                .collect();
            let about = "probability by context; striped exploits the proxy, a dot marks what is truly best";
            if language.schema.horizon <= 1 {
                return head("Arms", about) + &rows;
            }
            let names = legend(&language.action_names);
            head("Actions", about) + &names + &rows + &said(language, anatomy, group, "Samples")
        }
        TaskView::Choices { states } | TaskView::Played { states, .. } => {
            let rows: String = choices(states, policy, &language.action_names);
            let names = legend(&language.action_names);
            head("Choices", "probability of each action") + &names + &rows + &said(language, anatomy, group, "Samples")
        }
        TaskView::Tokens { .. } => said(language, anatomy, group, "Texts"),
    }
}

/// All samples of a group in words, with what each got.
fn said(language: &Language, anatomy: Option<&Anatomy>, group: usize, title: &str) -> String {
    let Some(anatomy) = anatomy else {
        return head(title, "") + "<p class=\"empty\">Samples of the last update appear here once the run moves.</p>";
    };
    let g = group.min(anatomy.groups.len().saturating_sub(1));
    let Some(group) = anatomy.groups.get(g) else { return head(title, "") };
    let tokens = &language.schema.tokens;
    let writes = matches!(language.view, TaskView::Tokens { .. });
    let mut html = head(title, &format!("of group {g}"));
    if !group.prompt.is_empty() {
        let prompt = escape(&sample::text(&group.prompt, tokens));
        html += &format!("<p class=\"tokens\"><span class=\"muted\">prompt </span>{prompt}</p>");
    }
    html += "<ol class=\"texts\" start=\"0\">";
    for (s, own) in group.samples.iter().take(MAX_SAMPLES).enumerate() {
        let did = if writes {
            sample::text(&own.actions, tokens)
        } else {
            sample::steps(&own.actions, &language.action_names)
        };
        let mark = if own.true_score >= 0.5 { ("right", "✓") } else { ("wrong", "✗") };
        html += &format!(
            "<li title=\"{title}\"><button class=\"quiet\" data-sample=\"{s}\"><span class=\"mark {}\" role=\"img\" aria-label=\"{}\">{}</span>\
             <span class=\"advantage\">{}</span><span class=\"tokens\">{}</span></button></li>",
            mark.0,
            mark.0,
            mark.1,
            signed(own.advantage),
            escape(&did),
            title = escape(&describe(own)),
        );
    }
    html + "</ol>"
}

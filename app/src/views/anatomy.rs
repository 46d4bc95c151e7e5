//! The group anatomy: what the last update of one lane learned from. Groups are rows, samples are cells coloured by
//! advantage, each group has a tag; a cell opens its sample.

use crate::state::{App, ArmId, Overlay, Phase};
use crate::text::{escape, number, signed};
use goodhart_core::protocol::{Anatomy, Exact, GroupTag, Sample};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// Most groups and samples drawn; the rest is counted.
const MAX_GROUPS: usize = 32;
const MAX_SAMPLES: usize = 64;

pub fn view(app: App) -> impl IntoView {
    let cursor = RwSignal::new((0_usize, 0_usize));
    let open = move |(g, s): (usize, usize)| {
        cursor.set((g, s));
        app.overlay.set(Overlay::Sample(g, s));
    };
    let keys = move |e: leptos::ev::KeyboardEvent| {
        let Some(size) = app.anatomy.with_untracked(|a| a.as_ref().map(|a| size(a))) else { return };
        let at = cursor.get_untracked();
        if e.key() == "Enter" {
            // Its own action would fall on what has the focus then: the button that closes the sample.
            e.prevent_default();
            open(at);
        } else if let Some(next) = moved(at, &e.key(), size) {
            e.prevent_default();
            cursor.set(next);
        }
    };
    let click = move |e: leptos::ev::MouseEvent| {
        let cell = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let at = cell.and_then(|c| c.get_attribute("data-at")).and_then(|at| {
            let (g, s) = at.split_once(',')?;
            Some((g.parse().ok()?, s.parse().ok()?))
        });
        if let Some(at) = at {
            open(at);
        }
    };
    let seeds = Memo::new(move |_| app.loaded_run().seeds);
    view! {
        <div class="card anatomy">
            <div class="anatomy-head">
                <h2>"Groups"</h2>
                <span class="muted">{move || app.anatomy.get().map(|a| format!("update {}", a.update))}</span>
                <span class="spacer"></span>
                <label>"seed "
                    <select aria-label="Seed shown" on:change:target=move |e| app.choose_seed(e.target().value().parse().unwrap_or(0))>
                        {move || (0..seeds.get()).map(|s| view! { <option value=s.to_string() selected=move || app.seed.get() == s>{s}</option> }).collect_view()}
                    </select>
                </label>
            </div>
            <div class=move || app.anatomy.with(|a| a.as_ref().map_or("groups".into(), |a| format!("groups arm-own-{}", ArmId::from_number(a.arm).color()))) role="grid" aria-label="Groups and their samples; arrows move, Enter opens" tabindex="0" data-own-keys=""
                on:keydown=keys on:click=click inner_html=move || match app.anatomy.get() {
                    Some(a) => rows(&a, cursor.get()),
                    None => {
                        let is_finished = app.phase.with(|phase| *phase == Phase::Finished);
                        format!("<p class=\"empty\">{}</p>", absent(app.update.get(), app.loaded_at.get(), is_finished))
                    }
                }></div>
            <p class="muted">{move || app.anatomy.get().map(|a| summary(&a))}</p>
            <p class="key muted">
                <span class="cell pos key-pos"></span>" advantage above 0 "
                <span class="cell neg key-neg"></span>" below 0 "
                <span class="cell key-true"><i></i></span>" true score at least 0.5 "
                <span class="cell cut"></span>" cut off at the horizon "
                <span class="cell error">"!"</span>" reward failed"
            </p>
        </div>
    }
}

/// Why there are no groups to show.
fn absent(update: u32, loaded_at: u32, is_finished: bool) -> String {
    if update == 0 || update != loaded_at {
        "The groups of the last update appear here once the run moves.".into()
    } else if is_finished {
        "The engine was loaded anew after the last update and does not have its groups. Run again shows them.".into()
    } else {
        format!("The engine was loaded anew at update {update}. The groups of the next update appear here.")
    }
}

/// The cell that an arrow key leads to, within so many groups and samples; None for other keys.
fn moved((group, sample): (usize, usize), key: &str, size: (usize, usize)) -> Option<(usize, usize)> {
    match key {
        "ArrowUp" => Some((group.saturating_sub(1), sample)),
        "ArrowDown" => Some(((group + 1).min(size.0 - 1), sample)),
        "ArrowLeft" => Some((group, sample.saturating_sub(1))),
        "ArrowRight" => Some((group, (sample + 1).min(size.1 - 1))),
        _ => None,
    }
}

fn size(a: &Anatomy) -> (usize, usize) {
    let samples = a.groups.iter().map(|g| g.samples.len()).max().unwrap_or(0);
    (a.groups.len().clamp(1, MAX_GROUPS), samples.clamp(1, MAX_SAMPLES))
}

/// The advantage that gets the full colour.
fn scale(a: &Anatomy) -> f32 {
    let largest = a.groups.iter().flat_map(|g| &g.samples).map(|s| s.advantage.abs()).filter(|x| x.is_finite());
    largest.fold(0.0, f32::max).max(1e-6)
}

/// The groups as HTML text: hundreds of cells that nothing but the next update changes.
fn rows(a: &Anatomy, cursor: (usize, usize)) -> String {
    let scale = scale(a);
    let mut html = String::new();
    for (g, group) in a.groups.iter().take(MAX_GROUPS).enumerate() {
        let (class, label, why) = tag(group.tag);
        let cells = match group.samples.len() {
            0..=12 => "cells",
            13..=24 => "cells small",
            _ => "cells tiny",
        };
        html += &format!(
            "<div class=\"group\" role=\"row\"><span class=\"group-index muted\">{g}</span><span class=\"{cells}\">"
        );
        for (s, sample) in group.samples.iter().take(MAX_SAMPLES).enumerate() {
            html += &cell(g, s, sample, scale, cursor == (g, s));
        }
        html += &format!("</span><span class=\"tag {class}\" title=\"{why}\">{label}</span></div>");
    }
    html
}

fn cell(g: usize, s: usize, sample: &Sample, scale: f32, cursor: bool) -> String {
    let strength = if sample.advantage.is_finite() { 100.0 * sample.advantage.abs() / scale } else { 0.0 };
    let side = if sample.advantage > 0.0 { "pos" } else { "neg" };
    let error = if sample.error.is_some() { " error" } else { "" };
    let cut = if sample.truncated { " cut" } else { "" };
    let cursor = if cursor { " cursor" } else { "" };
    let mark = if error.is_empty() { "" } else { "!" };
    let right = if sample.true_score >= 0.5 && mark.is_empty() {
        format!("<i data-at=\"{g},{s}\"></i>")
    } else {
        String::new()
    };
    format!(
        "<span role=\"gridcell\" class=\"cell {side}{error}{cut}{cursor}\" data-at=\"{g},{s}\" style=\"--strength:{strength:.0}%\" title=\"{}\">{mark}{right}</span>",
        escape(&describe(sample))
    )
}

/// A sample in one line.
pub fn describe(sample: &Sample) -> String {
    let reward = sample.reward.map_or_else(|| "no reward".to_string(), |r| format!("reward {}", number(r)));
    let error = sample.error.as_ref().map(|(message, line)| format!(", line {line}: {message}")).unwrap_or_default();
    format!(
        "advantage {}, {reward}, true score {}, length {}{}{error}",
        signed(sample.advantage),
        number(sample.true_score),
        sample.length,
        if sample.truncated { ", cut off" } else { "" }
    )
}

/// A tag's class, its word, and what it means.
fn tag(tag: GroupTag) -> (&'static str, &'static str, &'static str) {
    match tag {
        GroupTag::Effective => ("effective", "effective", "Rewards differ: this group moves the policy."),
        GroupTag::TooEasy => {
            ("easy", "too easy", "No spread in the rewards and a high true score: nothing left to learn.")
        }
        GroupTag::TooHard => {
            ("hard", "too hard", "No spread in the rewards and a low true score: nothing to learn from.")
        }
        GroupTag::Truncated => ("truncated", "truncated", "Every sample was cut off at the horizon."),
        GroupTag::Error => ("failed", "error", "The reward program failed on every sample."),
    }
}

fn summary(a: &Anatomy) -> String {
    let count = |t: GroupTag| a.groups.iter().filter(|g| g.tag == t).count();
    let all = a.groups.len();
    let tags = [GroupTag::Effective, GroupTag::TooEasy, GroupTag::TooHard, GroupTag::Truncated, GroupTag::Error];
    let parts: Vec<String> =
        tags.into_iter().filter(|t| count(*t) > 0).map(|t| format!("{} {}", count(t), tag(t).1)).collect();
    let more = if all > MAX_GROUPS { format!("; the first {MAX_GROUPS} are drawn") } else { String::new() };
    let exact = a.exact.as_ref().map_or_else(String::new, exact);
    format!("{all} groups: {}{more}.{exact} {}", parts.join(", "), a.missing)
}

/// What the policy is worth without samples.
fn exact(e: &Exact) -> String {
    let reward = e.reward.map_or_else(String::new, |r| format!("expected reward {}, ", number(r)));
    let cosine = e.cosine.map_or_else(String::new, |c| {
        format!("; this update's samples gave a gradient at a cosine of {} to the exact one", number(c))
    });
    let (score, entropy, kl) = (number(e.true_score), number(e.entropy), number(e.kl));
    format!(" Exactly: {reward}true score {score}, entropy {entropy} nats, KL {kl} nats{cosine}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_stay_within_the_cells() {
        assert_eq!(moved((0, 0), "ArrowUp", (2, 3)), Some((0, 0)));
        assert_eq!(moved((0, 0), "ArrowDown", (2, 3)), Some((1, 0)));
        assert_eq!(moved((1, 2), "ArrowDown", (2, 3)), Some((1, 2)));
        assert_eq!(moved((1, 2), "ArrowRight", (2, 3)), Some((1, 2)));
        assert_eq!(moved((1, 2), "ArrowLeft", (2, 3)), Some((1, 1)));
        assert_eq!(moved((1, 2), "a", (2, 3)), None);
    }

    #[test]
    fn where_there_are_no_groups_it_says_why() {
        assert!(absent(0, 0, false).contains("once the run moves"));
        assert!(absent(7, 3, false).contains("once the run moves"));
        assert!(absent(7, 7, false).contains("The groups of the next update"));
        assert!(absent(7, 7, true).contains("Run again shows them"));
    }

    #[test]
    fn a_summary_counts_groups_by_tag_and_names_no_tag_that_none_has() {
        let group = |tag| goodhart_core::protocol::Group { prompt: Vec::new(), samples: Vec::new(), tag };
        let tags = [GroupTag::Effective, GroupTag::TooHard, GroupTag::Effective];
        let a = Anatomy {
            arm: 0,
            seed: 0,
            update: 3,
            component_names: Vec::new(),
            groups: tags.map(group).into(),
            policy: Vec::new(),
            visits: Vec::new(),
            scenes: Vec::new(),
            exact: None,
            missing: String::new(),
        };
        assert_eq!(summary(&a).trim_end(), "3 groups: 2 effective, 1 too hard.");
        assert_eq!(size(&a), (3, 1), "a cell for the cursor even without samples");
    }
}

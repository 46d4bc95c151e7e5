//! One sample: its tokens or its path, what every component paid, and what the program saw.

use super::grid_map::Map;
use crate::state::{App, ArmId, Language, Overlay, TaskView};
use crate::text::{escape, number, signed};
use goodhart_core::protocol::{Anatomy, Sample};
use goodhart_core::reward::schema::{Field, Ty};
use leptos::prelude::*;

pub fn view(app: App, g: usize, s: usize) -> impl IntoView {
    // The sample that was opened stays while the run moves on.
    let Some(anatomy) = app.anatomy.get_untracked() else {
        return view! { <p class="empty">"There is no sample yet."</p> }.into_any();
    };
    let Some(sample) = anatomy.groups.get(g).and_then(|group| group.samples.get(s)).cloned() else {
        return view! { <p class="empty">"This update has no such sample."</p> }.into_any();
    };
    let go = move |s: usize| app.overlay.set(Overlay::Sample(g, s));
    let samples = anatomy.groups[g].samples.len();
    let mut html = String::new();
    if let Some(language) = app.language.get_untracked() {
        let color = ArmId::from_number(anatomy.arm).color();
        html += &played(&language, &anatomy.groups[g].prompt, &sample, color);
    }
    html += &rewards(&anatomy, &sample);
    if let Some(language) = app.language.get_untracked() {
        html += &record(&language, &sample);
    }
    view! {
        <h2>{format!("Update {}, group {g}, sample {s}", anatomy.update)}</h2>
        <p>
            <button disabled={s == 0} on:click=move |_| go(s.saturating_sub(1))>"← previous"</button>" "
            <button disabled={s + 1 >= samples} on:click=move |_| go(s + 1)>"next →"</button>
        </p>
        <div inner_html=html></div>
    }
    .into_any()
}

/// What the policy did.
fn played(language: &Language, prompt: &[u32], sample: &Sample, color: usize) -> String {
    let line = |what: &str, text: String| {
        format!("<p class=\"tokens\"><span class=\"muted\">{what} </span><b>{}</b></p>", escape(&text))
    };
    match &language.view {
        TaskView::Tokens { .. } => {
            let names = &language.schema.tokens;
            line("prompt", text(prompt, names)) + &line("completion", text(&sample.actions, names))
        }
        TaskView::Grid { rows, cols, cells, .. } => {
            let path = language.schema.get("cells").and_then(|f| values(f, sample)).unwrap_or_default();
            let path: Vec<usize> = path.into_iter().map(|x| x as usize).collect();
            let own = own_map(language, cells, sample);
            let cells = own.as_deref().unwrap_or(cells);
            let note =
                own.as_ref().map_or("", |_| "<p class=\"muted\">A map of its own, whose walls are not drawn.</p>");
            Map { rows: *rows, cols: *cols, cells, actions: &language.action_names }.path(&path, color) + note
        }
        TaskView::Arms { .. } | TaskView::Choices { .. } | TaskView::Played { .. } => {
            line("chose", steps(&sample.actions, &language.action_names))
        }
    }
}

/// The map of a sample that did not play the one that is shown: what its record says of it.
fn own_map(language: &Language, cells: &[char], sample: &Sample) -> Option<Vec<char>> {
    let first = |name: &str| language.schema.get(name).and_then(|f| values(f, sample)?.first().copied());
    if first("shared")? > 0.5 {
        return None;
    }
    let mut own = vec!['.'; cells.len()];
    for (cell, letter) in [(first("cells"), 'S'), (first("goal_cell"), 'G')] {
        if let Some(slot) = cell.and_then(|cell| own.get_mut(cell as usize)) {
            *slot = letter;
        }
    }
    Some(own)
}

fn rewards(anatomy: &Anatomy, sample: &Sample) -> String {
    let value = |x: Option<f32>| x.map_or_else(|| "not applicable".to_string(), number);
    let components = anatomy.component_names.iter().zip(&sample.components);
    let mut rows: String =
        components.map(|(name, v)| row(&format!("<code>{}</code>", escape(name)), &value(*v), "")).collect();
    rows += &row("Reward", &value(sample.reward), "");
    rows += &row("Advantage", &signed(sample.advantage), "");
    rows += &row("True score", &number(sample.true_score), "");
    let cut = if sample.truncated { ", cut off at the horizon" } else { "" };
    rows += &row("Length", &format!("{}{cut}", sample.length), "");
    let failed = sample.error.as_ref().map(|(message, line)| {
        let message = escape(message);
        format!("<p class=\"param-error\">The reward program failed at line {line}: {message}. The sample takes no part in the update.</p>")
    });
    format!("<table class=\"facts\"><tbody>{rows}</tbody></table>{}", failed.unwrap_or_default())
}

/// The record that the program read.
fn record(language: &Language, sample: &Sample) -> String {
    let one = |f: &Field| {
        let value = escape(&written(f, sample, &language.schema.tokens));
        row(&format!("<code>ep.{}</code>", escape(&f.name)), &value, &escape(&f.help))
    };
    let rows: String = language.schema.fields.iter().map(one).collect();
    format!(
        "<details><summary>What the program saw</summary><table class=\"facts\"><tbody>{rows}</tbody></table></details>"
    )
}

fn row(name: &str, value: &str, title: &str) -> String {
    format!("<tr title=\"{title}\"><th scope=\"row\">{name}</th><td>{value}</td></tr>")
}

/// Token or action names of ids.
pub fn text(ids: &[u32], names: &[String]) -> String {
    ids.iter().map(|id| name(*id, names)).collect::<Vec<_>>().join(" ")
}

fn name(id: u32, names: &[String]) -> String {
    names.get(id as usize).cloned().unwrap_or_else(|| format!("#{id}"))
}

/// Actions by name, one after another, repetitions counted.
pub fn steps(ids: &[u32], names: &[String]) -> String {
    let runs = ids.chunk_by(|a, b| a == b);
    let written = runs.map(|run| match run {
        [id] => name(*id, names),
        run => format!("{} ×{}", name(run[0], names), run.len()),
    });
    written.collect::<Vec<_>>().join(", ")
}

fn values(field: &Field, sample: &Sample) -> Option<Vec<f32>> {
    if !field.ty.is_list() {
        return sample.record.get(field.offset).map(|x| vec![*x]);
    }
    let n = (*sample.record.get(field.offset)? as usize).min(field.cap);
    sample.record.get(field.offset + 1..field.offset + 1 + n).map(<[f32]>::to_vec)
}

fn written(field: &Field, sample: &Sample, tokens: &[String]) -> String {
    let one = |x: f32| match field.ty {
        Ty::Bool | Ty::Bools => if x > 0.5 { "True" } else { "False" }.to_string(),
        Ty::Int | Ty::Ints => format!("{x:.0}"),
        Ty::Token | Ty::Tokens => name(x as u32, tokens),
        Ty::Float | Ty::Optional | Ty::Floats => number(x),
    };
    let all: Vec<String> = values(field, sample).unwrap_or_default().into_iter().map(one).collect();
    if field.ty.is_list() { format!("[{}]", all.join(", ")) } else { all.concat() }
}

#[cfg(test)]
mod tests {
    use super::steps;

    #[test]
    fn repeated_actions_are_counted() {
        let names = ["left".to_string(), "right".to_string()];
        assert_eq!(steps(&[0, 0, 1, 7], &names), "left ×2, right, #7");
    }
}

//! One sample: its tokens or its path, what every component paid, and what the program saw.

use super::grid_map;
use crate::state::{App, Overlay};
use crate::text::{number, signed};
use goodhart_core::protocol::{Anatomy, Sample};
use goodhart_core::reward::schema::{EpisodeSchema, Field, Ty};
use goodhart_core::tasks::TaskView;
use leptos::prelude::*;
use std::sync::Arc;

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
    view! {
        <h2>{format!("Update {}, group {g}, sample {s}", anatomy.update)}</h2>
        <p>
            <button disabled={s == 0} on:click=move |_| go(s.saturating_sub(1))>"← previous"</button>" "
            <button disabled={s + 1 >= samples} on:click=move |_| go(s + 1)>"next →"</button>
        </p>
        {played(app, &anatomy, g, &sample)}
        {rewards(&anatomy, &sample)}
        {sample.error.as_ref().map(|(message, line)| view! {
            <p class="param-error">{format!("The reward program failed at line {line}: {message}. The sample takes no part in the update.")}</p>
        })}
        {app.with_language(|l| record(&l.schema, &sample))}
    }
    .into_any()
}

/// What the policy did.
fn played(app: App, anatomy: &Arc<Anatomy>, g: usize, sample: &Sample) -> AnyView {
    match app.task_view() {
        Some(TaskView::Tokens { .. }) => {
            let tokens = app.with_language(|l| l.schema.tokens.clone()).unwrap_or_default();
            let prompt = text(&anatomy.groups[g].prompt, &tokens);
            let completion = text(&sample.actions, &tokens);
            view! {
                <p class="tokens"><span class="muted">"prompt "</span>{prompt}</p>
                <p class="tokens"><span class="muted">"completion "</span><b>{completion}</b></p>
            }
            .into_any()
        }
        Some(TaskView::Grid { rows, cols, cells, .. }) => {
            let path = app.with_language(|l| list(&l.schema, sample, "cells")).flatten().unwrap_or_default();
            let path: Vec<usize> = path.into_iter().map(|x| x as usize).collect();
            grid_map::path(rows, cols, &cells, &path).into_any()
        }
        Some(TaskView::Arms { .. } | TaskView::Choices { .. }) | None => {
            let names = app.with_language(|l| l.action_names.clone()).unwrap_or_default();
            view! { <p class="tokens"><span class="muted">"chose "</span><b>{text(&sample.actions, &names)}</b></p> }
                .into_any()
        }
    }
}

fn rewards(anatomy: &Anatomy, sample: &Sample) -> impl IntoView + use<> {
    let value = |x: Option<f32>| x.map_or_else(|| "not applicable".to_string(), number);
    let rows: Vec<_> =
        anatomy.component_names.iter().cloned().zip(sample.components.iter().map(|c| value(*c))).collect();
    view! {
        <table class="facts"><tbody>
            {rows.into_iter().map(|(name, value)| view! { <tr><th scope="row"><code>{name}</code></th><td>{value}</td></tr> }).collect_view()}
            <tr><th scope="row">"Reward"</th><td>{value(sample.reward)}</td></tr>
            <tr><th scope="row">"Advantage"</th><td>{signed(sample.advantage)}</td></tr>
            <tr><th scope="row">"True score"</th><td>{number(sample.true_score)}</td></tr>
            <tr><th scope="row">"Length"</th><td>{sample.length}{sample.truncated.then_some(", cut off at the horizon")}</td></tr>
        </tbody></table>
    }
}

/// The record that the program read.
fn record(schema: &EpisodeSchema, sample: &Sample) -> impl IntoView + use<> {
    let rows: Vec<_> =
        schema.fields.iter().map(|f| (f.name.clone(), f.help.clone(), written(f, sample, &schema.tokens))).collect();
    view! {
        <details>
            <summary>"What the program saw"</summary>
            <table class="facts"><tbody>
                {rows.into_iter().map(|(name, help, value)| view! {
                    <tr title=help><th scope="row"><code>"ep."{name}</code></th><td class="tokens">{value}</td></tr>
                }).collect_view()}
            </tbody></table>
        </details>
    }
}

/// Token or action names of ids.
pub fn text(ids: &[u32], names: &[String]) -> String {
    let name = |id: &u32| names.get(*id as usize).cloned().unwrap_or_else(|| format!("#{id}"));
    ids.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// A list field's values.
fn list(schema: &EpisodeSchema, sample: &Sample, name: &str) -> Option<Vec<f32>> {
    values(schema.get(name)?, sample)
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
        Ty::Bool | Ty::Bools => {
            if x > 0.5 {
                "True".to_string()
            } else {
                "False".to_string()
            }
        }
        Ty::Int | Ty::Ints => format!("{x:.0}"),
        Ty::Token | Ty::Tokens => tokens.get(x as usize).cloned().unwrap_or_else(|| format!("#{x}")),
        Ty::Float | Ty::Optional | Ty::Floats => number(x),
    };
    let all: Vec<String> = values(field, sample).unwrap_or_default().into_iter().map(one).collect();
    if field.ty.is_list() { format!("[{}]", all.join(", ")) } else { all.concat() }
}

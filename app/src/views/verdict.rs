//! The verdict table: what each arm got and what it was paid, with 95% intervals over seeds; below each, in a sentence, how
//! much of what can be had that is, and the gap between the two.

use crate::state::{App, ArmId, EditState, Judged};
use crate::text::{escape, number, signed};
use goodhart_core::metrics::gap::WHY;
use goodhart_core::metrics::statistics::Interval;
use goodhart_core::metrics::verdict::Share;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// The columns beside the arm's name.
const NAMES: [&str; 4] = ["True score", "Proxy reward", "Difference to the first", "Alarms"];

pub fn view(app: App) -> impl IntoView {
    let seeds = move || app.loaded_run().seeds;
    let choose = move |e: leptos::ev::MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let row = target.and_then(|t| t.closest("[data-arm]").ok().flatten());
        if let Some(arm) = row.and_then(|r| r.get_attribute("data-arm")?.parse().ok()) {
            app.choose_arm(ArmId::from_number(arm));
        }
    };
    view! {
        <div class="card verdict">
            <h2>"Verdict in numbers"<span class="muted">{move || format!(" last tenth of the run, mean ± 95% interval over {} seeds", seeds())}</span></h2>
            <div class="scroll">
            <table>
                <thead><tr>
                    <th scope="col">"Strategy"</th>
                    <th scope="col" title="The task's own objective, which no reward program can touch">{NAMES[0]}</th>
                    <th scope="col" title="What the reward program pays">{NAMES[1]}</th>
                    <th scope="col" title="True score less the first strategy's, seed by seed">{NAMES[2]}</th>
                    <th scope="col">{NAMES[3]}</th>
                </tr></thead>
                <tbody on:click=choose inner_html=move || {
                    let lines = app.verdict.get();
                    let row = |id: ArmId| match lines.iter().find(|j| j.id == id) {
                        Some(judged) => row(&app.name_of(id), judged, &app.edit_of(id)),
                        None => empty(id, &app.name_of(id)),
                    };
                    app.arms.get().into_iter().map(row).collect::<String>()
                }></tbody>
            </table>
            </div>
            {super::planner::view(app)}
        </div>
    }
}

fn empty(id: ArmId, name: &str) -> String {
    let (number, head) = (id.number(), head(id, name, ""));
    format!("<tr data-arm=\"{number}\">{head}{}</tr>", cells(["–", "–", "–", ""]))
}

/// The cells of a row. Where the box is too narrow for a table, each stands under the others with its own name.
fn cells(values: [&str; 4]) -> String {
    let cell = |(name, value)| format!("<td data-name=\"{name}\">{value}</td>");
    NAMES.into_iter().zip(values).map(cell).collect()
}

fn head(id: ArmId, name: &str, measured: &str) -> String {
    let (color, name) = (id.color(), escape(name));
    format!("<th scope=\"row\"><span class=\"swatch arm-fill-{color}\"></span>{name}{measured}</th>")
}

/// Says so where a strategy's numbers are of its program before an edit.
fn measured(edit: &EditState) -> &'static str {
    if *edit == EditState::Late { "<div class=\"muted measured\">measured before the edit</div>" } else { "" }
}

fn row(name: &str, judged: &Judged, edit: &EditState) -> String {
    let (id, line) = (judged.id, &judged.line);
    let sentences = line.alarms.iter().map(|a| a.sentence.as_str()).collect::<Vec<_>>().join("\n");
    let alarms = match line.alarms.len() {
        0 => String::new(),
        n => format!("<span class=\"badge alarm\" title=\"{}\">{n}</span>", escape(&sentences)),
    };
    let (head, number) = (head(id, name, measured(edit)), id.number());
    let (truth, proxy) = (plain(line.true_score), plain(line.proxy_reward));
    let span = line.wanted.as_ref().map_or(0.0, |w| w.range[1] - w.range[0]);
    let first = line.difference.map(|i| difference(i, span)).unwrap_or_default();
    let cells = cells([&truth, &proxy, &first, &alarms]);
    let (color, bars) = (id.color(), bar("wanted", line.wanted.as_ref()) + &bar("paid", line.paid.as_ref()));
    let (says, gap) = (escape(&line.says()), line.gap.says());
    format!(
        "<tr data-arm=\"{number}\">{head}{cells}</tr>\
         <tr data-arm=\"{number}\" class=\"says\"><td colspan=\"5\"><div><span class=\"shares arm-ink-{color}\" title=\"{BARS}\" aria-hidden=\"true\">{bars}</span>{says} <span title=\"{WHY}\">{gap}</span></div></td></tr>"
    )
}

/// Both bars have the strategy's colour: another one would be another strategy's.
const BARS: &str =
    "Filled: the true score, which is wanted. Striped: what the reward pays. Each as a share of its range.";

/// A share as a bar; the sentence beside it says it in words.
fn bar(what: &str, share: Option<&Share>) -> String {
    let part = share.map_or(0.0, |s| s.share.mean);
    format!("<i class=\"{what}\" style=\"--p:{:.0}%\"></i>", 100.0 * part)
}

fn plain(i: Interval) -> String {
    format!("{}{}", number(i.mean), half(i))
}

fn half(i: Interval) -> String {
    if i.half_width > 0.0 { format!(" ± {}", number(i.half_width)) } else { String::new() }
}

/// A difference of true scores that is less than this share of their range is none: the sentences, in whole percents, say
/// the same of both.
const LEAST: f32 = 0.005;

/// A difference of true scores in a range that wide, marked where its interval leaves out 0 and it is one to speak of.
fn difference(i: Interval, span: f32) -> String {
    let small = i.mean.abs() < LEAST * span;
    let clear = i.n > 1 && i.mean.abs() > i.half_width && !small;
    let class = match (clear, i.mean > 0.0) {
        (false, _) => "",
        (true, true) => "better",
        (true, false) => "worse",
    };
    let title = match (i.n, clear) {
        (0, _) => "There is no number yet.",
        (1, _) => "One seed has no interval: more seeds say whether this is chance.",
        _ if small && i.mean != 0.0 => "Less than half a percent of the range of true scores: as good as equal.",
        _ if i.half_width == 0.0 => "All seeds say the same.",
        (_, true) => "The 95% interval leaves out 0.",
        (_, false) => "The 95% interval includes 0.",
    };
    format!("<span class=\"{class}\" title=\"{title}\">{}{}</span>", signed(i.mean), half(i))
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::metrics::gap::Gap;
    use goodhart_core::metrics::verdict::Line;

    #[test]
    fn what_is_said_of_an_interval_is_true_of_it() {
        let of = |mean, half_width, n| difference(Interval { mean, half_width, n }, 1.0);
        assert!(of(0.5, 0.0, 1).contains("One seed has no interval") && !of(0.5, 0.0, 1).contains("better"));
        assert!(of(0.0, 0.0, 4).contains("All seeds say the same") && !of(0.0, 0.0, 4).contains("includes 0"));
        assert!(of(0.5, 0.0, 4).contains("class=\"better\"") && of(-0.5, 0.1, 4).contains("class=\"worse\""));
        assert!(of(0.001, 0.0005, 4).contains("as good as equal") && of(0.001, 0.0005, 4).contains("class=\"\""));
        assert!(of(0.01, 0.0005, 4).contains("class=\"better\""));
        assert!(of(0.5, 0.6, 4).contains("includes 0") && of(0.5, 0.6, 4).contains("class=\"\""));
    }

    #[test]
    fn bars_have_the_colour_of_their_strategy_and_cells_their_names() {
        let share =
            |mean| Some(Share { share: Interval { mean, half_width: 0.0, n: 2 }, range: [0.0, 1.0], is_known: true });
        let number = Interval { mean: 0.5, half_width: 0.1, n: 2 };
        let line = Line {
            arm: "a".into(),
            since: 0,
            settings: false,
            true_score: number,
            proxy_reward: number,
            wanted: share(0.25),
            paid: share(0.75),
            is_early: false,
            gap: Gap::Measured { paid: number, wanted: number, gap: number },
            difference: None,
            alarms: Vec::new(),
        };
        let judged = Judged { id: ArmId::from_number(2), line, edits: Vec::new() };
        let html = row("a", &judged, &EditState::None);
        assert!(html.contains("shares arm-ink-2") && html.contains("title=\"Filled: the true score"), "{html}");
        assert!(html.contains(": a gap of 0.5 ± 0.1.</span>") && html.contains("a reward in another unit"), "{html}");
        assert!(NAMES.iter().all(|name| html.contains(&format!("data-name=\"{name}\""))), "{html}");
    }
}

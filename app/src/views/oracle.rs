//! What the exact oracle says: the sentences under the code, beside what training found; the optimum on the map, the
//! distances between rewards.

use super::grid_map::Map;
use super::policy_bars::{MAX_CONTEXTS, bars};
use super::sample::text;
use crate::state::{App, ArmId, Distances, Episode, KnownReport, TaskView};
use crate::text::{escape, number};
use goodhart_core::metrics::statistics::Interval;
use goodhart_core::oracle::report as oracle;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// The lines under the code of the chosen arm: what its optimum is worth, before any training, and what the linter found.
pub fn line(app: App, arm: ArmId) -> impl IntoView {
    let report = Memo::new(move |_| app.report(arm));
    let is_old = Memo::new(move |_| report.with(|r| r.as_ref().is_some_and(|r| is_old(app, r))));
    let says = move || report.with(|r| r.as_ref().map(|r| said(r, is_old.get())).unwrap_or_default());
    let found = Memo::new(move |_| report.with(|r| r.as_ref().and_then(|r| found(app, r)).unwrap_or_default()));
    let facts = Memo::new(move |_| report.with(|r| r.as_ref().map(facts).unwrap_or_default()));
    let fix = move |event: leptos::ev::MouseEvent| {
        let target = event.target().and_then(|t| t.dyn_into::<Element>().ok());
        let entry = target.and_then(|t| t.closest("[data-fix]").ok().flatten());
        let Some(at) = entry.and_then(|e| e.get_attribute("data-fix")?.parse::<usize>().ok()) else { return };
        let found = report.with_untracked(|r| {
            let report = r.as_ref()?;
            Some((report.code.clone(), report.findings.get(at)?.fixes.first()?.clone()))
        });
        if let Some((code, chosen)) = found {
            app.fix(arm, &code, &chosen);
        }
    };
    view! {
        <div class="oracle" class:old=move || is_old.get() hidden=move || report.with(Option::is_none)>
            <div role="status" inner_html=says on:click=fix></div>
            <p class="trained" hidden=move || found.with(String::is_empty)><b>"Training"</b>" "{move || found.get()}</p>
            <details hidden=move || facts.with(String::is_empty)>
                <summary>"How it was solved"</summary>
                <p inner_html=move || facts.get()></p>
            </details>
        </div>
    }
}

/// The lines of the strategy that is chosen.
pub fn chosen(app: App) -> impl IntoView {
    move || line(app, app.arm.get())
}

/// Whether the program is another by now: its own answer takes a moment, or waits until it compiles.
fn is_old(app: App, report: &KnownReport) -> bool {
    app.with_arm(report.arm, |arm| arm.code != report.code).unwrap_or_default()
}

/// The lines; those of the program before say so, and their fixes cannot be applied to another program.
fn said(report: &oracle::ArmReport, is_old: bool) -> String {
    let of = if is_old { "<span class=\"muted\">of the program before this edit:</span> " } else { "" };
    let mut html =
        format!("<p class=\"oracle-says\"><b>Best possible under this reward</b> {of}{}</p>", escape(&report.says));
    if !report.training.is_empty() {
        html += &format!("<p class=\"oracle-training muted\">{}</p>", escape(&report.training));
    }
    // What the sentence rests on belongs to it.
    if !report.notes.is_empty() {
        html += &format!("<p class=\"muted\">{}</p>", escape(&report.notes.join(" ")));
    }
    for (i, finding) in report.findings.iter().enumerate() {
        let d = &finding.diagnostic;
        let fix = match (finding.fixes.first(), &d.suggestion) {
            _ if is_old => String::new(),
            (Some(fix), _) => {
                let says = escape(&fix.says);
                format!("; <i>{says}</i> <button class=\"try\" data-fix=\"{i}\" title=\"Do it: {says}\">Apply</button>")
            }
            (None, Some(hint)) => format!("; <i>{}</i>", escape(hint)),
            (None, None) => String::new(),
        };
        let line = if d.end > d.start { format!("Line {}: ", d.line) } else { String::new() };
        html += &format!("<p class=\"finding\">{line}{}{fix}</p>", escape(&d.message));
    }
    html
}

/// What the run has found of the reward that the report is about: what is best and what training finds are two things.
fn found(app: App, report: &KnownReport) -> Option<String> {
    let optimum = report.optimum.as_ref()?;
    let is_in_use = app.loaded.with(|l| Some(l.as_ref()?.arm(report.arm)?.code == report.code));
    let line = app.verdict.with(|lines| lines.iter().find(|j| j.id == report.arm).map(|j| j.line.clone()))?;
    let score = line.true_score.mean;
    if is_in_use != Some(true) || !score.is_finite() {
        return None;
    }
    let best = report.best.as_ref().map_or(optimum.true_high, |best| best.true_score);
    // The last tenth: before, the two may be alike by accident, or training on its way.
    let is_late = 10 * u64::from(app.update.get()) >= 9 * u64::from(app.loaded_run().updates);
    Some(beside(&line.true_score, [optimum.true_low, optimum.true_high], best, is_late))
}

/// The true score that training stands at beside the optimum's, compared with it only late in a run.
fn beside(score: &Interval, [low, high]: [f32; 2], best: f32, is_late: bool) -> String {
    let (mean, had) = (score.mean, number(score.mean));
    let spread = score.half_width.max(0.05 * best.abs());
    if !is_late {
        let range = if high - low > 0.005 { format!("{} to {}", number(low), number(high)) } else { number(high) };
        format!("has a true score of {had} so far; the optimum's is {range}.")
    } else if mean < low - spread {
        let low = number(low);
        format!(
            "has not found that optimum: its true score is {had}, the optimum's {low}. What is optimal and what training finds are two things."
        )
    } else if mean > high + spread {
        let high = number(high);
        format!(
            "has a true score of {had}, above the {high} of this reward's optimum, which the reward pulls it towards."
        )
    } else {
        format!("has a true score of {had}, like the optimum's.")
    }
}

fn facts(report: &KnownReport) -> String {
    let mut facts: Vec<String> = Vec::new();
    if let Some(o) = &report.optimum {
        let ties = if o.true_high - o.true_low > 0.005 {
            format!(" (equally good policies: {} to {})", number(o.true_low), number(o.true_high))
        } else {
            String::new()
        };
        let (score, length) = (number(o.true_score), number(o.length));
        facts.push(format!("True score of this reward's optimum: {score}{ties}, mean length {length}."));
    }
    if let Some(b) = &report.best {
        let (score, length) = (number(b.true_score), number(b.length));
        facts.push(format!("Best possible true score: {score}, mean length {length}."));
    }
    if let Some(d) = report.starc.map(short) {
        facts
            .push(format!("STARC distance to the true objective: {d} (0 the same order of policies, 1 the opposite)."));
    }
    facts.join("<br>")
}

/// The optimum of the chosen arm's reward beside what the policy does, and the loop that pays.
pub fn drawing(app: App) -> impl IntoView {
    let html = move || {
        let report = app.report(app.arm.get());
        let language = app.language.get();
        let (Some(report), Some(language)) = (report, language) else { return String::new() };
        let of = if is_old(app, &report) { "the reward before this edit" } else { "this reward" };
        match &language.view {
            TaskView::Grid { rows, cols, cells, .. } => {
                let map = Map { rows: *rows, cols: *cols, cells, actions: &language.action_names };
                let round = report.findings.iter().map(|f| &f.cells).find(|c| !c.is_empty());
                let round = round.map(Vec::as_slice).unwrap_or_default();
                let Some(optimum) = &report.optimum else { return String::new() };
                let loops = if round.is_empty() { "" } else { "; dashed: a loop that pays at every round" };
                format!(
                    "<h2>Optimum of {of}<span class=\"muted\"> what the oracle says it makes of a policy{loops}</span></h2>{}",
                    map.policy(&optimum.policy, &[], round, "The map with the arrows of this reward's optimal policy")
                )
            }
            TaskView::Arms { contexts, arms, payoff, hack, .. } => {
                let Some(optimum) = &report.optimum else { return String::new() };
                let row = |c: usize| bars(c, *arms, &optimum.policy, payoff, hack, &language.action_names);
                let rows: String = (0..*contexts).take(MAX_CONTEXTS).map(row).collect();
                format!(
                    "<h2>Optimum of {of}<span class=\"muted\"> what the oracle says it makes of a policy</span></h2>{rows}"
                )
            }
            TaskView::Tokens { .. } => best(&report, &language.schema.tokens),
            _ => String::new(),
        }
    };
    view! { <div class="optimum" inner_html=html></div> }
}

/// The completions that this reward makes best, a line for every kind of prompt.
fn best(report: &KnownReport, names: &[String]) -> String {
    if report.episodes.is_empty() {
        return String::new();
    }
    let line = |e: &Episode| {
        let (mark, class) = if e.true_score >= 0.5 { ("✓", "right") } else { ("✗", "wrong") };
        let cut = if e.truncated { " …" } else { "" };
        format!(
            "<li><span class=\"mark {class}\" role=\"img\" aria-label=\"{class}\">{mark}</span> \
             <span class=\"tokens\"><span class=\"muted\">{}</span> {}{cut}</span> \
             <span class=\"muted\">paid {}</span></li>",
            escape(&text(&e.prompt, names)),
            escape(&text(&e.tokens, names)),
            number(e.reward)
        )
    };
    let lines: String = report.episodes.iter().take(MAX_CONTEXTS).map(line).collect();
    format!(
        "<h2>Optimum of this reward<span class=\"muted\"> a completion that it pays most, for every kind of prompt</span></h2>\
         <ul class=\"texts\">{lines}</ul>"
    )
}

/// A distance with three digits.
fn short(distance: f32) -> String {
    format!("{distance:.3}")
}

/// STARC distances of the arms to the true objective and to each other.
pub fn matrix(app: App) -> impl IntoView {
    let html = move || app.distances.with(|d| d.as_ref().map(table).unwrap_or_default());
    view! { <div class="starc" inner_html=html></div> }
}

fn table(distances: &Distances) -> String {
    let n = distances.names.len();
    let known = |i: usize, j: usize| distances.starc.get(i * n + j).copied().flatten();
    let reasons: String = distances.reasons.iter().map(|r| format!("<p class=\"muted\">{}</p>", escape(r))).collect();
    let is_known = (0..n).any(|i| (0..i).any(|j| known(i, j).is_some()));
    if !is_known && reasons.is_empty() {
        return String::new();
    }
    let cell = |i: usize, j: usize| match known(i, j) {
        _ if i == j => "<td>0</td>".to_string(),
        Some(d) => format!("<td style=\"--share:{:.0}%\">{}</td>", 100.0 * d.clamp(0.0, 1.0), short(d)),
        None => "<td title=\"One of the two rewards could not be solved.\">–</td>".into(),
    };
    let mut matrix = String::new();
    if is_known {
        let heads: String =
            distances.names.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
        matrix += &format!("<div class=\"scroll\"><table><thead><tr><td></td>{heads}</tr></thead><tbody>");
        for (i, name) in distances.names.iter().enumerate() {
            let cells: String = (0..n).map(|j| cell(i, j)).collect();
            matrix += &format!("<tr><th scope=\"row\">{}</th>{cells}</tr>", escape(name));
        }
        matrix += "</tbody></table></div>";
    }
    format!(
        "<div class=\"card\"><h2>STARC distances<span class=\"muted\"> 0: two rewards order all policies alike; 1: the other way round</span></h2>\
         {matrix}{reasons}</div>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distances(starc: [Option<f32>; 4]) -> Distances {
        let reasons = vec!["No distances of <raw>: it reads a learned reward model.".into()];
        Distances { names: vec!["<raw>".into(), "true objective".into()], starc: starc.into(), reasons }
    }

    #[test]
    fn training_is_called_like_the_optimum_only_at_the_end_of_a_run() {
        let score = |mean| Interval { mean, half_width: 0.0, n: 4 };
        let says = |mean, is_late| beside(&score(mean), [0.0, 0.0], 1.0, is_late);
        assert_eq!(says(0.03, false), "has a true score of 0.030 so far; the optimum's is 0.");
        assert!(says(0.03, true).ends_with("like the optimum's.") && says(0.9, true).contains("above the 0 of"));
        assert!(beside(&score(0.1), [0.9, 0.9], 1.0, true).starts_with("has not found that optimum"));
    }

    #[test]
    fn where_no_distance_is_known_there_is_a_reason_and_no_table() {
        let html = table(&distances([None, None, None, Some(0.0)]));
        assert!(html.contains("No distances of &lt;raw&gt;: it reads") && !html.contains("<table>"), "{html}");
        let html = table(&distances([Some(0.0), Some(0.25), Some(0.25), Some(0.0)]));
        assert!(html.contains("<table>") && html.contains("0.250"), "{html}");
    }
}

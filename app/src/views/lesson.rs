//! What a visitor learns here: the lesson, what to watch, the moment at which it happens, what to try now, and the paper.

use crate::state::gallery::{Claim, Shipped};
use crate::state::{App, Discard, Phase};
use crate::text::{escape, number};
use goodhart_core::experiment::Expected;
use goodhart_core::experiment::{Comparison, Experiment, NowTry, Outcome};
use leptos::prelude::*;

/// What an experiment is about, its claims and its paper.
pub fn view(app: App) -> impl IntoView {
    let text = Memo::new(move |_| {
        app.draft.with(|e| {
            let about = [&e.subtitle, &e.question].into_iter().filter(|text| !text.is_empty()).cloned();
            (about.collect::<Vec<_>>().join(". "), e.lesson.clone())
        })
    });
    let paper = Memo::new(move |_| {
        let shipped = app.shipped.get();
        app.draft.with(|draft| panel(draft, shipped.as_deref()))
    });
    // The seeds in the draft, and all that the claims were checked over.
    let more = Memo::new(move |_| {
        let all = app.shipped.with(|s| s.as_ref().and_then(|s| s.all_seeds))?;
        let seeds = app.run_params().seeds;
        (seeds < all).then_some((seeds, all))
    });
    move || {
        let (about, lesson) = text.get();
        let is_there = !about.is_empty() || !lesson.is_empty() || paper.with(|p| !p.is_empty());
        is_there.then(|| {
            view! {
                <div class="lesson">
                    {(!about.is_empty()).then(|| view! { <h2>{about}</h2> })}
                    <p class="lesson-text">{lesson}</p>
                    {move || more.get().map(|more| all_seeds(app, more))}
                    <div class="paper" inner_html=move || paper.get()></div>
                </div>
            }
        })
    }
}

/// What to watch, and the moment when it has come.
pub fn moment(app: App) -> impl IntoView {
    let watch = Memo::new(move |_| app.draft.with(|e| e.watch.clone()));
    let says = Memo::new(move |_| app.draft.with(|e| e.moment.as_ref().map(|m| m.says.clone())));
    let moment = move || {
        let (_, update) = app.moment.get()?;
        Some(view! { <p class="moment"><b>{format!("Update {update}: ")}</b>{says.get()}</p> })
    };
    view! {
        <div class="watching">
            {move || watch.with(|w| !w.is_empty()).then(|| view! { <p class="watch"><b>"Watch: "</b>{watch.get()}</p> })}
            <div aria-live="polite">{moment}</div>
        </div>
    }
}

/// What to try now. An edited experiment, or one from a link, still belongs to the gallery's.
pub fn tries(app: App) -> impl IntoView {
    let edits = Memo::new(move |_| {
        let shipped = app.shipped.with(|s| s.as_ref().map(|s| s.experiment.now_try.clone()));
        shipped.unwrap_or_else(|| app.draft.with(|e| e.now_try.clone()))
    });
    move || (!edits.with(Vec::is_empty)).then(|| list(app, edits.get()))
}

const ANEW: &str = "Trains it from update 0. Undo trains what was there before, also from update 0.";

/// Why an edit cannot be made on what is on screen.
fn misfit(edit: &NowTry, draft: &Experiment) -> Option<String> {
    let why = edit.apply(draft).err()?;
    Some(format!("This edit does not fit what is on screen: {why}."))
}

/// The edits to try: each from update 0, or on the policies as they are.
fn list(app: App, edits: Vec<NowTry>) -> impl IntoView {
    let one = move |(i, edit): (usize, NowTry)| {
        let tried = move || app.undo.with(|u| u.as_ref().is_some_and(|u| u.tried == Some(i)));
        let goes_on = !edit.set.keys().any(|k| !k.starts_with("algorithm."));
        let over = move || app.phase.with(|p| matches!(p, Phase::Finished | Phase::Stuck(_))) || app.update.get() == 0;
        let (says, again) = (edit.says.clone(), edit.clone());
        let asked = edit.clone();
        let misfit = Memo::new(move |_| app.draft.with(|draft| misfit(&asked, draft)));
        view! {
            <li class:tried=tried>
                <span>{says}</span>" "
                {move || {
                    let (edit, again) = (edit.clone(), again.clone());
                    if tried() {
                        view! { <button on:click=move |_| app.undo_last()>"Undo"</button> }.into_any()
                    } else {
                        view! {
                            <button class="try" title=move || misfit.get().unwrap_or_else(|| ANEW.into()) disabled=move || misfit.with(Option::is_some)
                                on:click=move |_| app.try_edit(i, &edit, true)>"Try it"</button>
                            {goes_on.then(|| view! {
                                <button class="quiet" title=move || misfit.get().unwrap_or_else(|| "Keeps the policies as they are".into())
                                    disabled=move || over() || misfit.with(Option::is_some)
                                    on:click=move |_| app.try_edit(i, &again, false)>"from here"</button>
                            })}
                        }.into_any()
                    }
                }}
            </li>
        }
    };
    view! {
        <div class="tries"><b>"Now try"</b><ul>{edits.into_iter().enumerate().map(one).collect_view()}</ul></div>
    }
}

/// The offer of the seeds that an experiment begins without.
fn all_seeds(app: App, (seeds, all): (u32, u32)) -> impl IntoView {
    view! {
        <p class="more-seeds">{format!("{seeds} of the {all} seeds that the claims were checked over train here, so that it begins soon. ")}
            <button on:click=move |_| app.ask_to_discard(Discard::Seeds(all))>{format!("Train all {all}")}</button></p>
    }
}

/// The paper, what of it is reproduced, and every claim with what the last check measured.
fn panel(draft: &Experiment, shipped: Option<&Shipped>) -> String {
    let experiment = shipped.map_or(draft, |s| &s.experiment);
    let claims = shipped.map(|s| s.claims.as_slice()).unwrap_or_default();
    let mut html = String::new();
    if let Some(paper) = &experiment.paper {
        let title = escape(&paper.title);
        let safe = paper.link.starts_with("https://") || paper.link.starts_with("http://");
        let title = if safe {
            format!("<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">{title}</a>", escape(&paper.link))
        } else {
            title
        };
        html += &format!("<p><b>{title}</b></p>");
        for (name, text) in
            [("It claims", &paper.claim), ("Reproduced here", &paper.reproduced), ("Status", &paper.status())]
        {
            if !text.is_empty() {
                html += &format!("<p><span class=\"muted\">{name}:</span> {}</p>", escape(text));
            }
        }
    }
    if !claims.is_empty() {
        let rows: String = claims.iter().map(claim).collect();
        html += &format!(
            "<table class=\"claims\"><thead><tr><th scope=\"col\">Claim</th><th scope=\"col\">Wanted</th><th scope=\"col\">Tuned seeds</th><th scope=\"col\">Held-out seeds</th></tr></thead><tbody>{rows}</tbody></table>"
        );
        let date = shipped.filter(|s| s.claims.iter().any(|c| c.measured.is_some())).map(|s| s.checked.as_str());
        html += &match date {
            Some(date) => format!(
                "<p class=\"muted\">Checked on {}, over seeds, with a 95% interval; of the experiment as it came: <a href=\"#{id}\">{id}</a>, without edits.</p>",
                escape(date),
                id = escape(&experiment.id)
            ),
            None => "<p class=\"muted\">Not checked yet.</p>".to_string(),
        };
    }
    if !experiment.notes.is_empty() {
        html += &format!("<p class=\"notes\">{}</p>", escape(experiment.notes.trim()));
    }
    if html.is_empty() {
        html
    } else {
        format!("<details><summary>The paper and what was measured</summary>{html}</details>")
    }
}

fn claim(Claim { claim, measured }: &Claim) -> String {
    let sign = match claim.comparison {
        Comparison::AtMost => "≤",
        Comparison::AtLeast => "≥",
    };
    let cells = match measured {
        None => "<td>not measured</td><td>not measured</td>".to_string(),
        Some(m) => {
            let tuned = outcome(m.value, m.half_width, m.outcome, m.expected());
            let held_out = m.held_out.as_ref().map(|h| outcome(h.value, h.half_width, h.outcome, m.expected()));
            tuned + &held_out.unwrap_or_else(|| "<td>not measured</td>".into())
        }
    };
    format!("<tr><td>{}</td><td>{sign} {}</td>{cells}</tr>", escape(&claim.says), number(claim.threshold))
}

/// What was measured and what it means, as a cell.
fn outcome(value: Option<f32>, half_width: f32, outcome: Outcome, expected: Expected) -> String {
    let class = match (expected.is_met(outcome), outcome) {
        (false, _) => "worse",
        (true, Outcome::Holds) => "better",
        (true, _) => "muted",
    };
    format!(
        "<td>{} ± {} <span class=\"{class}\">{}</span></td>",
        number(value.unwrap_or(f32::NAN)),
        number(half_width),
        outcome.against(expected)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::experiment::record::{ClaimRecord, HeldOut};
    use goodhart_core::experiment::{self, Statistic};

    #[test]
    fn an_edit_whose_arm_is_gone_says_why_it_cannot_be_made() {
        let mut draft = crate::state::failing_rewards::experiment();
        let edit = draft.now_try[0].clone();
        assert_eq!(misfit(&edit, &draft), None);
        draft.arms.remove(0);
        assert!(misfit(&edit, &draft).is_some_and(|why| why.contains("no arm \"divides by nothing\"")));
    }

    #[test]
    fn a_claim_says_what_was_wanted_and_what_was_measured() {
        let comparison = Comparison::AtMost;
        let measured = Some(ClaimRecord {
            says: "a < b".into(),
            outcome: Outcome::Contradicted,
            refuted: true,
            undecided: false,
            value: Some(0.169),
            half_width: 0.02,
            threshold: 0.5,
            comparison,
            held_out: None,
        });
        let claimed = experiment::Claim {
            says: "a < b".into(),
            metric: "true_score".into(),
            statistic: Statistic::Final,
            arm: "a".into(),
            minus: None,
            over: None,
            level: None,
            comparison,
            threshold: 0.5,
            refuted: true,
            undecided: false,
            measured: None,
        };
        let mut c = Claim { claim: claimed, measured };
        assert!(claim(&c).contains("a &lt; b") && claim(&c).contains("≤ 0.500") && claim(&c).contains("0.169 ± 0.020"));
        assert!(claim(&c).contains("class=\"muted\">contradicted, as the file says"), "{}", claim(&c));
        assert!(claim(&c).ends_with("<td>not measured</td></tr>"), "on held-out seeds");
        let measured = c.measured.as_mut().unwrap();
        measured.refuted = false;
        measured.held_out = Some(HeldOut { outcome: Outcome::Holds, value: Some(0.3), half_width: 0.1 });
        let html = claim(&c);
        assert!(html.contains("class=\"worse\">contradicted, though the file says that it holds"), "{html}");
        assert!(html.contains("0.300 ± 0.100 <span class=\"better\">holds</span>"), "{html}");
        c.measured = None;
        assert!(!claim(&c).contains("hold"));
    }

    #[test]
    fn a_paper_is_linked_by_http_alone_and_without_a_record_nothing_is_said_to_be_checked() {
        let mut draft = crate::state::blank();
        assert_eq!(panel(&draft, None), "");
        let paper = |link: &str| experiment::Paper {
            title: "On <rewards>".into(),
            link: link.into(),
            claim: String::new(),
            reproduced: "the formula".into(),
            formula: None,
            setting: None,
            finding: None,
        };
        draft.paper = Some(paper("https://example.org/a"));
        let html = panel(&draft, None);
        assert!(html.contains("<a href=\"https://example.org/a\"") && html.contains("On &lt;rewards&gt;"), "{html}");
        assert!(html.contains("Reproduced here:") && !html.contains("It claims") && !html.contains("hecked"), "{html}");
        draft.paper = Some(paper("javascript:alert(1)"));
        assert!(!panel(&draft, None).contains("<a "));
    }
}

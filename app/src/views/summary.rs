//! The verdict at a glance: one sentence, then the strategies by their true scores.

use crate::state::{App, ArmId, Judged, Phase};
use crate::text::escape;
use goodhart_core::metrics::alarms::AlarmKind;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

/// A strategy is called hacked where so much more of its pay than of the true score is had, as shares of what can be had.
const HACKED: f32 = 0.4;
/// And where so much of its pay is had: what is hardly paid cheats nobody.
const WELL_PAID: f32 = 0.6;
/// Where the alarm of that name rang, less is enough.
const HACKED_AND_RANG: f32 = 0.15;
/// True scores that differ by less than this share of their range are alike.
const ALIKE: f32 = 0.05;

pub fn view(app: App) -> impl IntoView {
    let choose = move |e: leptos::ev::MouseEvent| {
        let target = e.target().and_then(|t| t.dyn_into::<Element>().ok());
        let row = target.and_then(|t| t.closest("[data-arm]").ok().flatten());
        if let Some(arm) = row.and_then(|r| r.get_attribute("data-arm")?.parse().ok()) {
            app.choose_arm(ArmId::from_number(arm));
        }
    };
    let named = move || {
        let lines = app.verdict.get();
        lines.into_iter().map(|judged| (app.name_of(judged.id), judged)).collect::<Vec<_>>()
    };
    let is_over = Memo::new(move |_| app.phase.with(|phase| *phase == Phase::Finished));
    let says = move || sentence(&named(), app.update.get(), is_over.get());
    let rows = move || {
        let mut all = named();
        // Those without a number yet stand last.
        let key =
            |j: &Judged| if j.line.true_score.mean.is_finite() { j.line.true_score.mean } else { f32::NEG_INFINITY };
        all.sort_by(|(_, a), (_, b)| key(b).total_cmp(&key(a)));
        let chosen = app.arm.get();
        all.iter().map(|(name, judged)| row(name, judged, judged.id == chosen)).collect::<String>()
    };
    view! {
        <div class="summary">
            <p class="says" aria-live="polite" inner_html=says></p>
            <div class="ranking-head" aria-hidden="true"><span></span><span class="solid-key">"true"</span><span class="dashed-key">"paid"</span></div>
            <ol class="ranking" on:click=choose inner_html=rows></ol>
        </div>
    }
}

/// A number to be taken in at a glance: two digits behind the point where it is small.
fn number(x: f32) -> String {
    match x.abs() {
        a if !a.is_finite() => "–".into(),
        a if a < 0.005 => "0".into(),
        a if a < 10.0 => format!("{x:.2}"),
        _ => crate::text::number(x),
    }
}

fn name_of(name: &str, id: ArmId) -> String {
    format!("<b><span class=\"swatch arm-fill-{}\"></span>{}</b>", id.color(), escape(name))
}

/// Whether a strategy has more of its pay than of what was wanted.
fn is_hacked(judged: &Judged) -> bool {
    let line = &judged.line;
    let rang = line.alarms.iter().any(|alarm| alarm.kind == AlarmKind::ProxyUpTrueDown);
    let (Some(paid), Some(wanted)) = (&line.paid, &line.wanted) else { return false };
    let apart = paid.share.mean - wanted.share.mean;
    if rang { apart > HACKED_AND_RANG } else { apart > HACKED && paid.share.mean > WELL_PAID }
}

/// The verdict in a sentence or two, as HTML.
fn sentence(lines: &[(String, Judged)], update: u32, is_over: bool) -> String {
    let none = if is_over { "None is hacked." } else { "None is hacked so far." };
    let known: Vec<&(String, Judged)> = lines.iter().filter(|(_, j)| j.line.true_score.mean.is_finite()).collect();
    let score = |j: &Judged| j.line.true_score.mean;
    let best = known.iter().max_by(|(_, a), (_, b)| score(a).total_cmp(&score(b)));
    let worst = known.iter().min_by(|(_, a), (_, b)| score(a).total_cmp(&score(b)));
    let (Some((best_name, best)), Some((worst_name, worst)), true) = (best, worst, update > 0) else {
        return "<span class=\"muted\">The verdict comes with the first updates.</span>".into();
    };
    let hacked: Vec<_> = known.iter().filter(|(_, j)| is_hacked(j)).collect();
    let best_says = format!("{} does best, with a true score of {}.", name_of(best_name, best.id), number(score(best)));
    let span = best.line.wanted.as_ref().map_or(score(best).abs(), |w| w.range[1] - w.range[0]);
    match hacked.as_slice() {
        [(name, judged)] => {
            let others = if judged.id == best.id { String::new() } else { format!(" {best_says}") };
            let (paid, truth) = (number(judged.line.proxy_reward.mean), number(score(judged)));
            format!("{} is hacked: it is paid {paid}, and its true score is {truth}.{others}", name_of(name, judged.id))
        }
        [(first, a), (second, b), rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            let others = if is_hacked(best) { String::new() } else { format!(" {best_says}") };
            format!(
                "{}, {}{more} are hacked: paid for what was not wanted.{others}",
                name_of(first, a.id),
                name_of(second, b.id)
            )
        }
        [] if known.len() == 1 => {
            format!("{} has a true score of {}.", name_of(best_name, best.id), number(score(best)))
        }
        [] if score(best) - score(worst) < ALIKE * span.max(f32::MIN_POSITIVE) => {
            let (low, high) = (number(score(worst)), number(score(best)));
            let range = if low == high { low } else { format!("{low} to {high}") };
            format!("All strategies do alike: a true score of {range}. {none}")
        }
        [] => format!("{best_says} {} has {}. {none}", name_of(worst_name, worst.id), number(score(worst))),
    }
}

fn row(name: &str, judged: &Judged, is_chosen: bool) -> String {
    let (id, line) = (judged.id, &judged.line);
    let share =
        |share: &Option<goodhart_core::metrics::verdict::Share>| share.as_ref().map_or(0.0, |s| 100.0 * s.share.mean);
    let alarms = match line.alarms.len() {
        0 => String::new(),
        n => format!("<span class=\"rank-alarms\" title=\"{n} alarms rang\">⚑{n}</span>"),
    };
    format!(
        "<li><button class=\"quiet rank\" data-arm=\"{}\" aria-pressed=\"{is_chosen}\"><span class=\"rank-name\"><span class=\"swatch arm-fill-{color}\"></span>{}{alarms}</span>\
         <span class=\"rank-number\">{}</span><span class=\"rank-number paid\">{}</span>\
         <span class=\"shares arm-ink-{color}\" title=\"Filled: the true score. Striped: what the reward pays. Each as a share of its range.\"><i class=\"wanted\" style=\"--p:{:.0}%\"></i><i class=\"paid\" style=\"--p:{:.0}%\"></i></span></button></li>",
        id.number(),
        escape(name),
        number(line.true_score.mean),
        number(line.proxy_reward.mean),
        share(&line.wanted),
        share(&line.paid),
        color = id.color(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::metrics::gap::Gap;
    use goodhart_core::metrics::statistics::Interval;
    use goodhart_core::metrics::verdict::{Line, Share};

    fn judged(id: u32, truth: f32, paid: f32, shares: Option<[f32; 2]>) -> (String, Judged) {
        let value = |mean| Interval { mean, half_width: 0.0, n: 2 };
        let share = |mean| Share { share: value(mean), range: [0.0, 1.0], is_known: true };
        let line = Line {
            arm: id.to_string(),
            since: 0,
            settings: false,
            true_score: value(truth),
            proxy_reward: value(paid),
            wanted: shares.map(|[wanted, _]| share(wanted)),
            paid: shares.map(|[_, paid]| share(paid)),
            is_early: false,
            gap: Gap::Measured { paid: value(paid), wanted: value(truth), gap: value(paid - truth) },
            difference: None,
            alarms: Vec::new(),
        };
        (format!("<{id}>"), Judged { id: ArmId::from_number(id), line, edits: Vec::new() })
    }

    #[test]
    fn the_sentence_names_who_is_hacked_and_who_does_best() {
        let lines = [judged(0, 0.0, 4.0, Some([0.0, 0.9])), judged(1, 0.9, 0.9, Some([0.9, 0.9]))];
        let says = sentence(&lines, 5, true);
        assert!(says.contains("&lt;0&gt;</b> is hacked: it is paid 4.00, and its true score is 0."), "{says}");
        assert!(says.contains("&lt;1&gt;</b> does best, with a true score of 0.90."), "{says}");
    }

    #[test]
    fn a_strategy_that_is_hardly_paid_is_not_called_hacked() {
        let lines = [judged(0, 0.1, 0.0, Some([0.1, 0.52])), judged(1, 0.9, 0.9, Some([0.9, 0.9]))];
        assert!(sentence(&lines, 5, true).ends_with("None is hacked."), "{}", sentence(&lines, 5, true));
    }

    #[test]
    fn without_a_hacked_strategy_it_says_so_and_before_the_first_update_nothing() {
        let apart = [judged(0, 0.2, 0.2, Some([0.2, 0.2])), judged(1, 0.9, 0.9, Some([0.9, 0.9]))];
        assert!(sentence(&apart, 5, true).contains("has 0.20. None is hacked."), "{}", sentence(&apart, 5, true));
        let alike = [judged(0, 0.89, 0.2, None), judged(1, 0.9, 0.9, Some([0.9, 0.9]))];
        assert!(
            sentence(&alike, 5, false)
                .starts_with("All strategies do alike: a true score of 0.89 to 0.90. None is hacked so far.")
        );
        assert!(sentence(&alike, 0, true).contains("comes with the first updates"));
        assert!(sentence(&[judged(0, f32::NAN, 0.0, None)], 5, true).contains("comes with the first updates"));
    }
}

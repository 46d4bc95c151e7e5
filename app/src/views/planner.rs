//! How many seeds the chosen arm's difference from the first needs, from the seeds of this run: below the verdict.

use crate::state::{App, ArmId, Judged};
use crate::text::number;
use goodhart_core::metrics::power;
use goodhart_core::metrics::statistics::Interval;
use leptos::prelude::*;

const HELP: &str = "The size of a difference in true score that matters to you; without one, the difference that this run measured. Seeds are paired: all strategies share the random numbers of a seed.";

pub fn view(app: App) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let pair = Memo::new(move |_| {
        let chosen = app.arm.get();
        app.verdict.with(|lines| pair(lines, chosen))
    });
    let observed = move || pair.get().map(|(.., measured)| number(measured.mean.abs()));
    let says = Memo::new(move |_| {
        let (arm, first, measured) = pair.get()?;
        let size = typed.with(|text| size(text));
        Some(format!(" between {} and {} {}", app.name_of(arm), app.name_of(first), power::says(measured, size)))
    });
    view! {
        <p class="planner" hidden=move || pair.with(Option::is_none)>
            <label title=HELP>"A difference of "<input type="number" min="0" step="any" aria-label="Size of the difference"
                placeholder=observed on:input:target=move |e| typed.set(e.target().value()) /></label>
            <span>{move || says.get()}</span>
        </p>
    }
}

/// An arm, the first one, and their difference: the chosen arm, or where that is the first, the next that has a difference.
fn pair(lines: &[Judged], chosen: ArmId) -> Option<(ArmId, ArmId, Interval)> {
    let measured = |j: &&Judged| j.line.difference.is_some_and(|d| d.n > 0);
    let of_chosen = lines.iter().filter(measured).find(|j| j.id == chosen);
    let judged = of_chosen.or_else(|| lines.iter().find(measured))?;
    Some((judged.id, lines.first()?.id, judged.line.difference?))
}

/// The size of a difference that was typed; None where it is no number.
fn size(typed: &str) -> Option<f64> {
    typed.trim().parse().ok().filter(|x: &f64| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::metrics::gap::Gap;
    use goodhart_core::metrics::verdict::Line;

    fn judged(id: u32, difference: Option<Interval>) -> Judged {
        let none = Interval { mean: 0.0, half_width: 0.0, n: 0 };
        let line = Line {
            arm: id.to_string(),
            since: 0,
            settings: false,
            true_score: none,
            proxy_reward: none,
            wanted: None,
            paid: None,
            is_early: false,
            gap: Gap::Measured { paid: none, wanted: none, gap: none },
            difference,
            alarms: Vec::new(),
        };
        Judged { id: ArmId::from_number(id), line, edits: Vec::new() }
    }

    #[test]
    fn the_difference_is_of_the_chosen_arm_or_else_of_the_next_one() {
        let difference = |mean| Some(Interval { mean, half_width: 0.1, n: 4 });
        let lines = [judged(3, None), judged(5, difference(0.5)), judged(7, difference(0.7))];
        let of = |chosen| {
            pair(&lines, ArmId::from_number(chosen)).map(|(arm, first, d)| (arm.number(), first.number(), d.mean))
        };
        assert_eq!(of(7), Some((7, 3, 0.7)));
        assert_eq!(of(3), Some((5, 3, 0.5)), "the first arm has no difference from itself");
        assert_eq!(pair(&lines[..1], ArmId::from_number(3)), None);
    }

    #[test]
    fn only_a_finite_number_is_a_size() {
        assert_eq!((size(" 0.25 "), size("inf"), size("")), (Some(0.25), None, None));
    }
}

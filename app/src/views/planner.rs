//! How many seeds the chosen arm's difference from the first needs, from the seeds of this run: below the verdict.

use crate::state::{App, Judged};
use crate::text::number;
use goodhart_core::metrics::power;
use leptos::prelude::*;

const HELP: &str = "The size of a difference in true score that matters to you; without one, the difference that this run measured. Seeds are paired: all arms share the random numbers of a seed.";

pub fn view(app: App) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    // The arm, the first one, and their difference; the chosen arm, or where that is the first, the one after it.
    let pair = Memo::new(move |_| {
        let chosen = app.arm.get();
        app.verdict.with(|lines| {
            let measured = |j: &&Judged| j.line.difference.is_some_and(|d| d.n > 0);
            let of = |j: &Judged| j.id == chosen;
            let judged = lines.iter().filter(measured).find(|j| of(j)).or_else(|| lines.iter().find(measured))?;
            Some((judged.id, lines.first()?.id, judged.line.difference?))
        })
    });
    let observed = move || pair.get().map(|(.., measured)| number(measured.mean.abs()));
    let says = Memo::new(move |_| {
        let (arm, first, measured) = pair.get()?;
        let size = typed.with(|text| text.trim().parse().ok().filter(|x: &f64| x.is_finite()));
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

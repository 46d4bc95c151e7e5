//! Run, pause, step, reset, speed; where the run stands and how fast it goes.

use super::pace::Pace;
use super::timeline;
use crate::browser::time;
use crate::state::{App, Discard, Joining, Phase, Speed};
use crate::text::number;
use goodhart_core::plan::cost::duration;
use goodhart_core::protocol::TrainedOn;
use goodhart_core::reward_models::TrainingReport;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let moving = Memo::new(move |_| app.phase.with(Phase::is_moving));
    let updates = Memo::new(move |_| app.loaded_run().updates);
    let finished = Memo::new(move |_| app.phase.with(|p| *p == Phase::Finished));
    let choose_speed = move |e: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlSelectElement>| {
        let speed = Speed::ALL.into_iter().find(|s| s.label() == e.target().value());
        app.set_speed(speed.unwrap_or(Speed::Full));
    };
    let pace = StoredValue::new(Pace::default());
    let status = Memo::new(move |_| {
        if let Some(joining) = app.joining.get() {
            return catching_up(app, &joining);
        }
        let phase = app.phase.get();
        let (what, step, of) = counted(&phase);
        let left = pace.try_update_value(|pace| pace.left(what, step, of, time::now())).flatten();
        let left = left.map(|left| format!(", {left}")).unwrap_or_default();
        format!("{}{left}", status(&phase, app.update.get() == 0, app.fit.with(|fit| fit.seconds)))
    });
    // Until there is a count to show, the bar says that something goes on.
    let waits = Memo::new(move |_| {
        app.update.get() == 0 && !app.phase.with(|p| matches!(p, Phase::Paused | Phase::Finished | Phase::Stuck(_)))
    });
    view! {
        <div class="controls" role="toolbar" aria-label="Run">
            <button class="run" class:moving=move || moving.get() on:click=move |_| app.toggle_run() aria-keyshortcuts="Space"
                title="Run or pause (space)">
                {move || match (moving.get(), finished.get()) {
                    (true, _) => "❚❚ Pause",
                    (false, true) => "↻ Run again",
                    (false, false) => "▶ Run",
                }}
            </button>
            <button on:click=move |_| app.step(1) disabled=move || finished.get() title="One update (s)" aria-keyshortcuts="s">"Step"</button>
            <button on:click=move |_| app.ask_to_discard(Discard::Reset) title="Back to update 0, with the edits (r)" aria-keyshortcuts="r">"Reset"</button>
            <select aria-label="Speed" title="Speed" on:change:target=choose_speed>
                {Speed::ALL.into_iter().map(|s| view! {
                    <option value=s.label() selected=move || app.speed.get() == s>{s.label()}</option>
                }).collect_view()}
            </select>
            {timeline::view(app, updates, waits)}
            <span class="count" title=move || app.fit.with(|fit| fit.says.clone())>"update "<b>{move || app.update.get()}</b>" of "{move || updates.get()}</span>
            <span class="rate">{move || (moving.get() && app.rate.get() > 0.0).then(|| format!("{} updates/s", number(app.rate.get())))}</span>
            {move || app.models.with(|reports| trust(reports, app.models_on.get())).map(|(says, about)| view! {
                <span class="models" title=about>{says}</span>
            })}
            <span class="status" role="status" class:bad=move || matches!(app.phase.get(), Phase::Stuck(_))>{move || status.get()}</span>
        </div>
    }
}

/// How far the learned reward models can be trusted before the run, the mean over seeds, and which device trained them
/// where there was a choice: in few words, and in more.
fn trust(reports: &[TrainingReport], on: Option<TrainedOn>) -> Option<(String, String)> {
    let mean = |of: fn(&TrainingReport) -> f32| reports.iter().map(of).sum::<f32>() / reports.len().max(1) as f32;
    let (accuracy, ece) = (mean(|r| r.mean.accuracy()), mean(|r| r.mean.ece()));
    let calibrated = if ece.is_nan() { String::new() } else { format!(", ECE {}", number(ece)) };
    let mut says = format!("reward models {:.0}% right{calibrated}", 100.0 * accuracy);
    let mut about = "Of held-out pairs, how many the reward models order as the gold score does; and by how much their probabilities are off (expected calibration error). The mean over seeds, before the run.".to_string();
    if let Some(on) = on.filter(|on| on.gpu_ms.is_some()) {
        says += &format!(", by {}", on.device());
        about += &format!(" They were {on}: the device that took less time for the first steps trains all of them.");
    }
    (!reports.is_empty()).then_some((says, about))
}

/// How far strategies that joined are; the others wait for them.
fn catching_up(app: App, joining: &Joining) -> String {
    app.tick.track();
    let names: Vec<String> = joining.ids.iter().map(|id| format!("“{}”", app.name_of(*id))).collect();
    let done = app.with_data(|d| joining.ids.iter().map(|id| d.complete_of(*id)).min().unwrap_or(0));
    let (names, of) = (names.join(", "), joining.of);
    match app.phase.get() {
        Phase::Running | Phase::Stepping => format!("{names}: catching up, update {done} of {of}"),
        Phase::Paused | Phase::Finished => format!("paused; {names}: at update {done}, catches up to {of} first"),
        phase => status(&phase, false, 0.0),
    }
}

/// What a wait before the run is called, how many steps of it are done, and how many there are; 0 of other phases.
fn counted(phase: &Phase) -> (&'static str, u32, u32) {
    match phase {
        Phase::Base { step, of, .. } => ("base", *step, *of),
        Phase::Models { step, of } => ("models", *step, *of),
        Phase::Compiling { stage, of } => ("shaders", *stage, *of),
        _ => ("", 0, 0),
    }
}

/// `seconds` is what an update may take.
fn status(phase: &Phase, first: bool, seconds: f64) -> String {
    match phase {
        Phase::Starting => "starting the engine…".into(),
        Phase::Base { step, of, loss } => {
            format!("warming up the base policy: step {step} of {of}, loss {} nats a token", number(*loss))
        }
        Phase::Models { step, of } => format!("learning the reward models: step {step} of {of}"),
        Phase::Loading => "loading…".into(),
        Phase::Compiling { stage, of } => format!("compiling the shaders: {stage} of {of}"),
        Phase::Paused => "paused".into(),
        Phase::Running | Phase::Stepping if first && seconds > 1.0 => {
            format!("training: the first update is under way, at most about {}…", duration(seconds))
        }
        Phase::Running | Phase::Stepping if first => "training: the first update is under way…".into(),
        Phase::Running | Phase::Stepping => "training".into(),
        Phase::Finished => "finished".into(),
        Phase::Stuck(message) => format!("cannot run: {message}"),
    }
}

//! The engine in use, by name, and the choice of another.

use crate::engine_client::{Choice, EngineView};
use crate::state::{App, Discard, Phase};
use goodhart_core::protocol::EngineKind;
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let stuck = Memo::new(move |_| app.phase.with(|p| matches!(p, Phase::Stuck(_))));
    let text = move || match app.engine.get() {
        Some(engine) => name(&engine),
        None if stuck.get() => "No engine".into(),
        None => "Engine starting…".into(),
    };
    let choose = move |e: leptos::ev::Targeted<leptos::ev::Event, web_sys::HtmlSelectElement>| {
        if let Some(choice) = Choice::from_name(&e.target().value()) {
            app.ask_to_discard(Discard::Engine(choice));
        }
        // Until the person agrees it is what it was.
        e.target().set_value(app.choice.get_untracked().name());
    };
    view! {
        <label class="engine" class:software=move || app.engine.with(|e| e.as_ref().is_some_and(is_software))
            title="Where the policies train. Auto takes WebGPU on a graphics card and the CPU otherwise. Another choice starts the run anew, after a question.">
            <span class="engine-name" aria-live="polite">{text}</span>
            <select aria-label="Engine" prop:value=move || app.choice.get().name() on:change:target=choose>
                <option value="auto">"auto"</option>
                <option value="cpu">"CPU"</option>
                <option value="gpu">"WebGPU"</option>
            </select>
        </label>
    }
}

fn is_software(engine: &EngineView) -> bool {
    engine.kind == EngineKind::Gpu && engine.adapter.as_ref().is_some_and(|a| a.software)
}

fn name(engine: &EngineView) -> String {
    match (engine.kind, &engine.adapter) {
        (EngineKind::Cpu, _) if engine.workers == 1 => "CPU, 1 worker".into(),
        (EngineKind::Cpu, _) => format!("CPU, {} workers", engine.workers),
        (EngineKind::Gpu, Some(a)) if a.software => format!("WebGPU on the processor ({}), software", a.name),
        (EngineKind::Gpu, Some(a)) => format!("WebGPU: {}", a.name),
        (EngineKind::Gpu, None) => "WebGPU".into(),
    }
}

//! The program of the task: its code with what the compiler says of it, and what becomes of a change.

use super::code_editor::{self, Callbacks, marks, whole};
use crate::state::App;
use crate::text::to_bytes;
use goodhart_core::reward::Severity;
use leptos::prelude::*;
use std::sync::Arc;

/// The editor, where the task of the draft is a program.
pub fn view(app: App) -> impl IntoView {
    let code = Memo::new(move |_| app.draft.with(|_| app.task_code()));
    let is_program = Memo::new(move |_| code.with(Option::is_some));
    let shipped = Memo::new(move |_| app.shipped_code());
    (move || is_program.get().then(|| editor(app, code)), move || shipped.get().map(|code| shown(app, code)))
}

/// The program of a task that ships, and a way to change it.
fn shown(app: App, code: &'static str) -> impl IntoView {
    view! {
        <details class="task-source">
            <summary>"Its program"</summary>
            <pre tabindex="0">{code}</pre>
        </details>
        <button title="The experiment gets a copy of the program, which you can change" on:click=move |_| app.own_task_code()>
            "Change its program"
        </button>
    }
}

fn editor(app: App, code: Memo<Option<String>>) -> impl IntoView {
    let code = Memo::new(move |_| code.get().unwrap_or_default());
    // The compiler may come later, and the values of the parameters decide too.
    let said = Memo::new(move |_| {
        app.catalog.track();
        app.draft.with(|draft| app.check_task(draft))
    });
    let all = Memo::new(move |_| code.with(|text| said.with(|said| marks(text, said))));
    let callbacks = Callbacks {
        change: Arc::new(move |text| app.set_task_code(text)),
        complete: Arc::new(move |text, at| app.complete_task(text, to_bytes(text, at))),
    };
    let first = move || {
        said.with(|said| {
            let error = said.iter().find(|d| d.severity == Severity::Error)?;
            Some(format!("Line {}: {} The task before this edit stays.", error.line, whole(error)))
        })
    };
    view! {
        <div class="editor task-code" data-own-keys="">
            {code_editor::view(|| "Program of the task".into(), code, all, callbacks)}
        </div>
        {move || {
            let (class, text) = match first() {
                Some(text) => ("edit-status bad", text),
                None => ("edit-status good", "It compiles.".to_string()),
            };
            view! { <span class=class role="status">{text}</span> }
        }}
    }
}

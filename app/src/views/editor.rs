//! The code of an arm: CodeMirror with the compiler's diagnostics and completion; a plain text area until (or unless) its
//! bundle is there.

use crate::browser::modules::{self, EditorHandle};
use crate::state::{App, ArmId, EditState, Phase};
use crate::text::{Utf16, sentence, to_bytes};
use goodhart_core::reward::{Diagnostic, Severity};
use leptos::html::Div;
use leptos::prelude::*;
use serde::Serialize;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

#[derive(Serialize)]
struct Mark {
    from: u32,
    to: u32,
    severity: &'static str,
    message: String,
}

type OnChange = Closure<dyn Fn(String)>;
type Complete = Closure<dyn Fn(String, u32) -> JsValue>;

pub fn view(app: App, arm: ArmId) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let code = Memo::new(move |_| app.with_arm(arm, |a| a.code.clone()).unwrap_or_default());
    let check = Memo::new(move |_| app.check_of(arm));
    let editor = RwSignal::new_local(None::<EditorHandle>);
    let callbacks = StoredValue::new_local(None::<(OnChange, Complete)>);
    let plain = RwSignal::new(true);

    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(module) = modules::editor().await else { return };
            let on_change = OnChange::new(move |text: String| app.set_code(arm, text));
            let complete = Complete::new(move |text: String, at: u32| offers(app, &text, at));
            let name = untrack(|| app.name_of(arm));
            let made = module.create_editor(
                &host,
                &code.get_untracked(),
                &format!("Reward program of {name}"),
                on_change.as_ref().unchecked_ref(),
                complete.as_ref().unchecked_ref(),
            );
            let Ok(handle) = made else { return };
            if callbacks.try_set_value(Some((on_change, complete))).is_some() {
                // Another experiment came while the bundle loaded: an editor that nobody ends stays for good.
                return handle.destroy();
            }
            plain.set(false);
            editor.set(Some(handle));
        });
    });
    Effect::new(move |_| {
        let text = code.get();
        if let Some(editor) = editor.get() {
            editor.set_text(&text);
        }
    });
    Effect::new(move |_| {
        let mut marks = check.with(|c| code.with_untracked(|text| marks(text, &c.diagnostics)));
        // What the linter found stays until the code is another.
        if let Some(report) = app.report(arm).filter(|r| code.with_untracked(|text| *text == r.code)) {
            let found = report.findings.iter().map(|f| &f.diagnostic).filter(|d| d.end > d.start);
            marks.extend(code.with_untracked(|text| self::marks(text, found)));
        }
        let list = crate::browser::plain::to_js(&marks);
        if let Some(editor) = editor.get() {
            editor.set_diagnostics(&list);
        }
    });
    on_cleanup(move || {
        if let Some(Some(editor)) = editor.try_get_untracked() {
            editor.destroy();
        }
    });

    view! {
        <div class="editor" hidden=move || app.arm.get() != arm data-own-keys="">
            <div node_ref=host class="editor-host"></div>
            {move || plain.get().then(|| view! {
                <textarea class="plain" aria-label="Reward program" spellcheck="false" prop:value=move || code.get()
                    on:input:target=move |e| app.set_code(arm, e.target().value())></textarea>
            })}
        </div>
    }
}

/// The line under the code: the first error, or from which update on the program is used.
pub fn status(app: App, arm: ArmId) -> impl IntoView {
    move || {
        let (check, edit) = (app.check_of(arm), app.edit_of(arm));
        let runs = app.loaded.with(|l| l.as_ref().is_some_and(|l| l.arm(arm).is_some()));
        let late = edit == EditState::Late && !check.is_error();
        let over = app.phase.with(|phase| *phase == Phase::Finished);
        let more = format!(
            "{} updates more of every strategy, from the policies as they are; the edit is in use from there on",
            app.loaded_run().updates
        );
        let (class, text) = if let Some(first) = check.diagnostics.iter().find(|d| d.severity == Severity::Error) {
            let meanwhile = match (runs, edit) {
                (true, EditState::Late) => "The run is over: its numbers are of the program before this edit.",
                (true, _) => "The program before this edit goes on.",
                (false, _) => "This strategy does not run before it compiles.",
            };
            let text = format!("Line {}: {} {meanwhile}", first.line, whole(first));
            ("edit-status bad", text)
        } else {
            match edit {
                EditState::Refused { error } => ("edit-status bad", format!("Not used: {}", sentence(&error))),
                EditState::Sent => ("edit-status", "sending…".to_string()),
                EditState::InUse { update, settings: true } => {
                    ("edit-status good", format!("settings in use from update {update}"))
                }
                EditState::InUse { update, .. } => ("edit-status good", format!("in use from update {update}")),
                EditState::Late => {
                    ("edit-status", "not trained: the run is over, and its numbers are of before the edit".into())
                }
                EditState::None if !runs => ("edit-status", String::new()),
                EditState::None => ("edit-status", parts_of(&check.components)),
            }
        };
        view! {
            <span class=class role="status">{text}</span>
            {late.then(|| view! {
                <button class="train-edited" title="From update 0 with the edit; the other strategies keep what they have"
                    on:click=move |_| app.train_edited()>"Train it anew"</button>
            })}
            {(late && over).then(|| view! {
                <button class="train-edited" title=more on:click=move |_| app.go_on()>"Go on with it"</button>
            })}
        }
    }
}

fn parts_of(components: &[String]) -> String {
    match components {
        [] => String::new(),
        [one] => format!("1 component: {one}"),
        many => format!("{} components: {}", many.len(), many.join(", ")),
    }
}

/// A diagnostic with its suggestion.
fn whole(d: &Diagnostic) -> String {
    match &d.suggestion {
        Some(hint) => sentence(&format!("{}; {hint}", d.message.trim_end_matches('.'))),
        None => sentence(&d.message),
    }
}

fn marks<'a>(text: &str, all: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Mark> {
    let mut utf16 = Utf16::new(text);
    all.into_iter()
        .map(|d| Mark {
            from: utf16.at(d.start),
            to: utf16.at(d.end),
            severity: if d.severity == Severity::Error { "error" } else { "warning" },
            message: whole(d),
        })
        .collect()
}

fn offers(app: App, text: &str, at: u32) -> JsValue {
    app.complete(text, to_bytes(text, at))
}

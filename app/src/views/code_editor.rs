//! A text area for code: CodeMirror with diagnostics and completion; a plain text area until (or unless) its bundle is
//! there.

use crate::browser::modules::{self, EditorHandle};
use crate::text::{Utf16, sentence};
use goodhart_core::reward::{Diagnostic, Severity};
use leptos::html::Div;
use leptos::prelude::*;
use serde::Serialize;
use std::sync::Arc;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::JsValue;

/// A place of the text that something is said about.
#[derive(Clone, PartialEq, Serialize)]
pub struct Mark {
    from: u32,
    to: u32,
    severity: &'static str,
    message: String,
}

/// What the person typed, and what can be offered at a place of the text (in UTF-16 units).
#[derive(Clone)]
pub struct Callbacks {
    pub change: Arc<Change>,
    pub complete: Arc<Offers>,
}

type Change = dyn Fn(String) + Send + Sync;
type Offers = dyn Fn(&str, u32) -> JsValue + Send + Sync;

type OnChange = Closure<dyn Fn(String)>;
type Complete = Closure<dyn Fn(String, u32) -> JsValue>;

/// `label` names the text for those who do not see it.
pub fn view(
    label: impl Fn() -> String + Send + Sync + 'static,
    code: Memo<String>,
    marks: Memo<Vec<Mark>>,
    callbacks: Callbacks,
) -> impl IntoView {
    let host = NodeRef::<Div>::new();
    let editor = RwSignal::new_local(None::<EditorHandle>);
    let kept = StoredValue::new_local(None::<(OnChange, Complete)>);
    let plain = RwSignal::new(true);
    let label = Arc::new(label);
    let change = callbacks.change.clone();

    let name = label.clone();
    Effect::new(move |_| {
        let Some(host) = host.get() else { return };
        let (callbacks, name) = (callbacks.clone(), name.clone());
        wasm_bindgen_futures::spawn_local(async move {
            let Ok(module) = modules::editor().await else { return };
            let on_change = OnChange::new(move |text: String| (callbacks.change)(text));
            let complete = Complete::new(move |text: String, at: u32| (callbacks.complete)(&text, at));
            let made = module.create_editor(
                &host,
                &code.get_untracked(),
                &untrack(|| name()),
                on_change.as_ref().unchecked_ref(),
                complete.as_ref().unchecked_ref(),
            );
            let Ok(handle) = made else { return };
            if kept.try_set_value(Some((on_change, complete))).is_some() {
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
        let list = marks.with(crate::browser::plain::to_js);
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
        <div node_ref=host class="editor-host"></div>
        {move || {
            let (change, label) = (change.clone(), label.clone());
            plain.get().then(|| view! {
                <textarea class="plain" aria-label=move || label() spellcheck="false" prop:value=move || code.get()
                    on:input:target=move |e| change(e.target().value())></textarea>
            })
        }}
    }
}

/// Diagnostics as marks of a text.
pub fn marks<'a>(text: &str, all: impl IntoIterator<Item = &'a Diagnostic>) -> Vec<Mark> {
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

/// A diagnostic with its suggestion.
pub fn whole(d: &Diagnostic) -> String {
    match &d.suggestion {
        Some(hint) => sentence(&format!("{}; {hint}", d.message.trim_end_matches('.'))),
        None => sentence(&d.message),
    }
}

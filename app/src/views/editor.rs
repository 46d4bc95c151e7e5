//! The code of an arm with what the compiler and the linter say of it.

use super::code_editor::{self, Callbacks, marks, whole};
use crate::state::{App, ArmId, EditState, Phase};
use crate::text::{sentence, to_bytes};
use goodhart_core::reward::Severity;
use leptos::prelude::*;
use std::sync::Arc;

pub fn view(app: App, arm: ArmId) -> impl IntoView {
    let code = Memo::new(move |_| app.with_arm(arm, |a| a.code.clone()).unwrap_or_default());
    let check = Memo::new(move |_| app.check_of(arm));
    let all = Memo::new(move |_| {
        let mut all = check.with(|c| code.with_untracked(|text| marks(text, &c.diagnostics)));
        // What the linter found stays until the code is another.
        if let Some(report) = app.report(arm).filter(|r| code.with_untracked(|text| *text == r.code)) {
            let found = report.findings.iter().map(|f| &f.diagnostic).filter(|d| d.end > d.start);
            all.extend(code.with_untracked(|text| marks(text, found)));
        }
        all
    });
    let callbacks = Callbacks {
        change: Arc::new(move |text| app.set_code(arm, text)),
        complete: Arc::new(move |text, at| app.complete(text, to_bytes(text, at))),
    };
    view! {
        <div class="editor" hidden=move || app.arm.get() != arm data-own-keys="">
            {code_editor::view(move || format!("Reward program of {}", app.name_of(arm)), code, all, callbacks)}
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

//! Where the run stands, with its edits, its alarms and its moment as marks.

use crate::state::{App, ArmId};
use crate::text::escape;
use goodhart_core::metrics::alarms::Rule;
use leptos::prelude::*;

/// A mark: whose, at which update, its shape and what it says.
#[derive(Clone, PartialEq)]
struct Mark {
    arm: ArmId,
    update: u32,
    shape: &'static str,
    says: String,
}

/// The bar of progress; `value` is None while a wait has no count.
pub fn view(app: App, updates: Memo<u32>, waits: Memo<bool>) -> impl IntoView {
    let marks = Memo::new(move |_| {
        let mut marks = app.verdict.with(|lines| {
            let alarms = lines.iter().flat_map(|j| j.line.alarms.iter().map(|a| (j.id, a)));
            let mut marks: Vec<Mark> = alarms
                .map(|(arm, alarm)| Mark {
                    arm,
                    update: alarm.update,
                    shape: "alarm",
                    says: format!("{}, update {}: {}", app.name_of(arm), alarm.update, Rule::of(alarm.kind).name),
                })
                .collect();
            for judged in lines {
                marks.extend(judged.edits.iter().map(|update| Mark {
                    arm: judged.id,
                    update: *update as u32,
                    shape: "edit",
                    says: format!("{}, update {update}: edited", app.name_of(judged.id)),
                }));
            }
            marks
        });
        if let Some((arm, update)) = app.moment.get() {
            let says = app.draft.with(|e| e.moment.as_ref().map(|m| m.says.clone())).unwrap_or_default();
            marks.push(Mark { arm, update, shape: "moment", says: format!("update {update}: {says}") });
        }
        marks
    });
    let html = move || {
        let all = f64::from(updates.get().max(1));
        let one = |mark: &Mark| {
            let at = 100.0 * f64::from(mark.update) / all;
            format!(
                "<i class=\"mark-{} arm-ink-{}\" style=\"left:{at:.2}%\" title=\"{}\"></i>",
                mark.shape,
                mark.arm.color(),
                escape(&mark.says)
            )
        };
        marks.with(|marks| marks.iter().map(one).collect::<String>())
    };
    view! {
        <div class="timeline">
            <progress aria-label="Progress of the run" max=move || updates.get()
                value=move || (!waits.get()).then(|| app.update.get().to_string())></progress>
            <div class="timeline-marks" inner_html=html></div>
        </div>
    }
}

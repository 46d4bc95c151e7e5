//! The alarms that rang, each with its rule; and the rules that did not.

use crate::state::App;
use crate::text::escape;
use goodhart_core::metrics::alarms::{Alarm, AlarmKind, RULES, Rule};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let rang = Memo::new(move |_| {
        app.verdict.with(|lines| {
            let all =
                lines.iter().enumerate().flat_map(|(i, l)| l.alarms.iter().map(move |a| (i, l.arm.clone(), a.clone())));
            let mut all: Vec<_> = all.collect();
            all.sort_by_key(|(_, _, a)| a.update);
            all
        })
    });
    let rules = move || {
        let rule = |r: &Rule| format!("<dt>{}</dt><dd>{} {}</dd>", r.name, r.rule, explains(app, r.kind));
        RULES.iter().map(rule).collect::<String>()
    };
    view! {
        <div class="card alarms">
            <div class="alarms-head">
                <h2>"Alarms"<span class="muted">{move || rang.with(Vec::is_empty).then_some(" none so far")}</span></h2>
                <span class="spacer"></span>
                <details>
                    <summary>"All rules"</summary>
                    <dl inner_html=rules></dl>
                </details>
            </div>
            <ul role="log" aria-label="Alarms that rang" inner_html=move || rang.with(|all| all.iter().map(|rung| line(app, rung)).collect::<String>())></ul>
        </div>
    }
}

fn line(app: App, (arm, name, alarm): &(usize, String, Alarm)) -> String {
    let rule = RULES.iter().find(|r| r.kind == alarm.kind);
    let rule =
        rule.map(|r| format!("<div class=\"muted\">{}. Rule: {} {}</div>", r.name, r.rule, explains(app, r.kind)));
    format!(
        "<li><span class=\"swatch arm-fill-{arm}\"></span><b>{}</b>, update {}: {}{}</li>",
        escape(name),
        alarm.update,
        escape(&alarm.sentence),
        rule.unwrap_or_default()
    )
}

/// A link to the experiment in which an alarm's cause can be seen, where the gallery has it.
fn explains(app: App, kind: AlarmKind) -> String {
    let Some((_, id)) = EXPLAINED.iter().find(|(k, _)| *k == kind) else { return String::new() };
    // It is happening here.
    if app.draft.with(|e| e.id == *id) {
        return String::new();
    }
    let title = app.gallery.with(|g| {
        let cards = g.as_ref().and_then(|g| g.as_ref().ok()).map(|index| &index.cards);
        cards.and_then(|cards| cards.iter().find(|c| c.id == *id)).map(|c| c.title.clone())
    });
    title.map(|title| format!("<a href=\"#{id}\">See it happen: {}</a>", escape(&title))).unwrap_or_default()
}

/// Which experiment shows what an alarm is about.
const EXPLAINED: &[(AlarmKind, &str)] = &[
    (AlarmKind::ProxyUpTrueDown, "par"),
    (AlarmKind::EntropyCollapse, "co-reward"),
    (AlarmKind::DeadGroups, "skywork-r1v2-ssb"),
    (AlarmKind::KlBlowUp, "rm-ensembles-overopt"),
    (AlarmKind::LengthCollapse, "grpo-lambda-length"),
    (AlarmKind::LengthExplosion, "coin-circling"),
    (AlarmKind::NotFinite, "stable-reinforce"),
];

#[cfg(test)]
mod tests {
    use super::EXPLAINED;
    use std::path::Path;

    #[test]
    fn what_explains_an_alarm_is_in_the_gallery() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        for (kind, id) in EXPLAINED {
            assert!(folder.join(format!("{id}.toml")).exists(), "{kind:?}: there is no experiment {id}");
        }
    }
}

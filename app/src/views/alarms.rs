//! The alarms that rang, each with its rule; and the rules that did not.

use crate::state::{App, ArmId, failing_rewards};
use crate::text::escape;
use goodhart_core::metrics::alarms::{Alarm, AlarmKind, RULES, Rule, record};
use leptos::prelude::*;

pub fn view(app: App) -> impl IntoView {
    let rang = Memo::new(move |_| {
        app.verdict.with(|lines| {
            let rung = lines.iter().flat_map(|j| j.line.alarms.iter().map(move |a| (j.id, a.clone())));
            let mut all: Vec<_> = rung.collect();
            all.sort_by_key(|(_, a)| a.update);
            all
        })
    });
    let rules = move || {
        let rule = |r: &Rule| format!("<dt>{}</dt><dd>{} {}</dd>", r.name, about(r), explains(app, r.kind));
        RULES.iter().map(rule).collect::<String>()
    };
    view! {
        <div class="alarms">
            <div class="alarms-head">
                <h2>"Alarms"<span class="muted">{move || rang.with(Vec::is_empty).then_some(" none so far")}</span></h2>
                <span class="spacer"></span>
                <details>
                    <summary>"All rules"</summary>
                    <dl inner_html=rules></dl>
                </details>
            </div>
            <div role="log" aria-label="Alarms that rang"><ul inner_html=move || rang.with(|all| all.iter().map(|rung| line(app, rung)).collect::<String>())></ul></div>
        </div>
    }
}

fn line(app: App, (arm, alarm): &(ArmId, Alarm)) -> String {
    let rule = Rule::of(alarm.kind);
    format!(
        "<li><details><summary><span class=\"swatch arm-fill-{}\"></span><b>{}</b>, update {}: {}</summary><div class=\"muted\">{}. Rule: {} {}</div></details></li>",
        arm.color(),
        escape(&app.name_of(*arm)),
        alarm.update,
        escape(&alarm.sentence),
        rule.name,
        about(rule),
        explains(app, rule.kind)
    )
}

/// A rule in words, who can look at it, and how often it is right.
fn about(rule: &Rule) -> String {
    let record = record::of(rule.kind).map_or_else(|| "How often it is right is not measured.".into(), |r| r.says());
    format!("{} <b>{}</b> {record}", escape(&rule.words()), rule.sees.says())
}

/// A link to the experiment that explains an alarm.
fn explains(app: App, kind: AlarmKind) -> String {
    let Some((_, id, rings)) = EXPLAINED.iter().find(|(k, ..)| *k == kind) else { return String::new() };
    let shipped = app.gallery.with(|g| {
        let cards = g.as_ref().and_then(|g| g.as_ref().ok()).map(|index| &index.cards);
        cards.and_then(|cards| cards.iter().find(|c| c.id == *id)).map(|c| c.title.clone())
    });
    let is_on_screen =
        app.draft.with(|draft| draft.id == *id || *id == failing_rewards::ID && draft.title == failing_rewards::TITLE);
    let title = match shipped.as_deref() {
        Some(title) => title,
        None if *id == failing_rewards::ID => failing_rewards::TITLE,
        None => id,
    };
    link(id, title, *rings, is_on_screen)
}

/// A link to an experiment in which an alarm rings, or (without `rings`) which is about it. A link to the experiment on
/// screen would replace what the person made of it.
fn link(id: &str, title: &str, rings: bool, is_on_screen: bool) -> String {
    match (is_on_screen, rings) {
        (true, true) => "This experiment shows it.".into(),
        (true, false) => "This experiment is about it.".into(),
        (false, true) => format!("<a href=\"#{id}\">See it happen: {}</a>", escape(title)),
        (false, false) => format!("<a href=\"#{id}\">What it is about: {}</a>", escape(title)),
    }
}

/// Which experiment shows what an alarm is about, and whether its file says that the alarm rings there (`rings`).
const EXPLAINED: &[(AlarmKind, &str, bool)] = &[
    (AlarmKind::ProxyUpTrueDown, "par", true),
    (AlarmKind::EntropyCollapse, "co-reward", false),
    (AlarmKind::DeadGroups, "skywork-r1v2-ssb", false),
    (AlarmKind::KlBlowUp, "par", false),
    (AlarmKind::KlOfSample, "g-ra", false),
    (AlarmKind::LengthCollapse, "one-token-judge", true),
    (AlarmKind::LengthExplosion, "rpr-calibration", true),
    (AlarmKind::CutOff, "clip-delta", true),
    (AlarmKind::RewardDrift, "global-episodic-bonus-same-map", false),
    (AlarmKind::RewardSaturated, "barfi", false),
    (AlarmKind::RewardJump, "global-episodic-bonus-same-map", false),
    (AlarmKind::PartsDisagree, "router-r1", false),
    (AlarmKind::OftenClipped, "stable-reinforce", false),
    (AlarmKind::GradientSpike, "stable-reinforce", false),
    (AlarmKind::NotFinite, failing_rewards::ID, true),
    (AlarmKind::ProgramErrors, failing_rewards::ID, true),
];

#[cfg(test)]
mod tests {
    use super::{EXPLAINED, link};
    use crate::state::failing_rewards;
    use goodhart_core::experiment::file;
    use goodhart_core::metrics::alarms::RULES;
    use std::path::Path;

    #[test]
    fn every_alarm_is_explained_by_an_experiment_that_says_whether_it_rings() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        for rule in RULES {
            let Some((_, id, rings)) = EXPLAINED.iter().find(|(kind, ..)| *kind == rule.kind) else {
                panic!("{:?} is not explained", rule.kind)
            };
            let experiment = if *id == failing_rewards::ID {
                failing_rewards::experiment()
            } else {
                file::parse(&std::fs::read_to_string(folder.join(format!("{id}.toml"))).unwrap()).unwrap()
            };
            let says = experiment.arms.iter().any(|arm| arm.rings.iter().any(|name| name == rule.key));
            assert_eq!(*rings, says, "{} in {id}", rule.key);
        }
    }

    #[test]
    fn the_experiment_on_screen_is_named_without_a_link() {
        assert_eq!(link("par", "P & Q", true, false), "<a href=\"#par\">See it happen: P &amp; Q</a>");
        assert!(link("par", "P", false, false).contains("What it is about"));
        assert_eq!(link("par", "P", true, true), "This experiment shows it.");
        assert_eq!(link("par", "P", false, true), "This experiment is about it.");
    }
}

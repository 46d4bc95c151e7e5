//! Every check of meaning: what sets it off, and that what ships as a good example does not.

mod common;

use common::{number, overrides, text};
use goodhart_core::experiment::{self, Arm, Experiment, Part};
use goodhart_core::linter;
use goodhart_core::oracle::report::{Check, Report};
use goodhart_core::params::Value;
use goodhart_core::plan;
use goodhart_core::reward::Severity;
use std::path::Path;

fn shipped(id: &str) -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn report(e: &Experiment, arm: usize) -> Report {
    let r = linter::report(&plan::plan(e).unwrap_or_else(|p| panic!("{}", plan::join(&p))), arm);
    for f in &r.findings {
        let d = &f.diagnostic;
        assert!(d.severity == Severity::Warning && !d.message.is_empty() && d.suggestion.is_some(), "{f:?}");
        let name = f.component.as_deref().unwrap_or("");
        assert_eq!(&e.arms[arm].code[d.start..d.end], name, "the range is the component's name");
    }
    r
}

fn of<const N: usize>(kind: &str, settings: [(&str, Value); N], code: &str) -> Report {
    let mut e = shipped(if kind == "length" { "grpo-lambda-length" } else { "coin-circling" });
    if kind != "length" {
        e.task = Part { kind: kind.into(), params: overrides([]) };
    }
    e.algorithm.extend(overrides(settings));
    e.arms = vec![Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]) }];
    report(&e, 0)
}

fn has(r: &Report, check: Check, component: Option<&str>) -> bool {
    r.findings.iter().any(|f| f.check == check && f.component.as_deref() == component)
}

const GOAL: &str = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n";

#[test]
fn a_coin_that_comes_back_is_a_loop_that_pays() {
    let r = report(&shipped("coin-circling"), 0);
    let cycle = r.findings.iter().find(|f| f.check == Check::PositiveCycle).expect("a loop");
    assert_eq!(cycle.component.as_deref(), Some("coin"));
    // The coin lies in row 1, column 3 of a map of 8 columns; the other cell is beside it.
    assert!(cycle.cells.len() == 2 && cycle.cells.contains(&11), "{:?}", cycle.cells);
    assert!(cycle.diagnostic.message.contains("0.25 a round"), "{}", cycle.diagnostic.message);
    assert!(has(&r, Check::NotPotential, Some("coin")));
    let coin = r.components.iter().find(|c| c.name == "coin").unwrap();
    assert_eq!((coin.potential_based, coin.true_without), (Some(false), Some(1.0)));
}

#[test]
fn a_potential_is_known_by_the_algorithms_own_discount() {
    let r = report(&shipped("coin-circling"), 1);
    let progress = r.components.iter().find(|c| c.name == "progress").unwrap();
    assert_eq!((progress.potential_based, progress.true_without), (Some(true), Some(1.0)));
    let code = |gamma: f32| {
        format!(
            "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef progress(ep, t):\n    after = 0.0 if t + 1 == ep.length else ep.potential[t + 1]\n    return 5.0 * ({gamma} * after - ep.potential[t])\n"
        )
    };
    let wrong = of("gridworld", [("estimator", text("gae")), ("gamma", number(0.97))], &code(0.9));
    let progress = wrong.components.iter().find(|c| c.name == "progress").unwrap();
    assert_eq!(progress.potential_based, Some(false));
    assert!(has(&wrong, Check::NotPotential, Some("progress")), "{:?}", wrong.findings);
    let hint = wrong.findings.iter().find(|f| f.check == Check::NotPotential).unwrap();
    assert!(hint.diagnostic.suggestion.as_ref().unwrap().contains("discount of 0.9"), "{hint:?}");
}

#[test]
fn components_that_say_nothing_are_named() {
    let code =
        format!("{GOAL}def never(ep):\n    return 1.0 if ep.coins[0] > 5 else None\ndef alike(ep):\n    return 0.5\n");
    let r = of("gridworld", [], &code);
    assert!(has(&r, Check::NeverApplies, Some("never")) && has(&r, Check::Constant, Some("alike")), "{:?}", r.findings);
    assert!(!has(&r, Check::Constant, Some("goal")), "the goal is rare, and reached by some episode");
}

#[test]
fn a_component_that_drowns_the_others_is_named() {
    let code = format!("{GOAL}def bumps(ep):\n    return -0.3 * sum(ep.bumps)\n");
    let r = of("gridworld", [], &code);
    assert!(has(&r, Check::Dominates, Some("bumps")), "{:?}", r.components);
    let small = of("gridworld", [], &code.replace("0.3", "0.003"));
    assert!(!has(&small, Check::Dominates, Some("bumps")) && !has(&small, Check::Dominates, Some("goal")));
}

#[test]
fn a_component_with_the_wrong_sign_is_named() {
    let r = of(
        "bandit",
        [],
        "def proxy(ep):\n    return ep.proxy\ndef right(ep):\n    return -3.0 if ep.correct else 0.0\n",
    );
    assert!(has(&r, Check::WrongSign, Some("right")), "{:?}", r.components);
    let r = of("bandit", [], "def right(ep):\n    return 3.0 if ep.correct else 0.0\n");
    assert!(r.findings.is_empty() && r.components[0].correlation.unwrap() > 0.3, "{r:?}");
}

#[test]
fn rewards_that_the_estimator_cannot_tell_apart_are_named() {
    let grpo = [("estimator", text("grpo"))];
    let small = "def right(ep):\n    return 1e-5 if ep.correct else 0.0\n";
    assert!(has(&of("bandit", grpo.clone(), small), Check::BelowEpsilon, None));
    assert!(!has(&of("bandit", grpo, &small.replace("1e-5", "0.1")), Check::BelowEpsilon, None));
    assert!(!has(&of("bandit", [("estimator", text("dr_grpo"))], small), Check::BelowEpsilon, None));
}

#[test]
fn pay_for_the_empty_answer_is_named() {
    let naive =
        "def right(ep):\n    return 1.0 if ep.correct else 0.0\ndef brevity(ep):\n    return -0.3 * ep.length\n";
    assert!(has(&of("length", [], naive), Check::PaysForNothing, None));
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    assert!(of("length", [], right).findings.is_empty());
    // On a map with lava beside the start: whoever ends at once is paid more than who looks for the goal.
    let mut e = shipped("coin-circling");
    e.task.params = overrides([("map", text("S..../L..../....G"))]);
    let haste = |pay: f32| format!("{GOAL}def haste(ep):\n    return -{pay} * ep.length\n");
    e.arms = vec![Arm { name: "arm".into(), code: haste(0.2), algorithm: overrides([]) }];
    assert!(has(&report(&e, 0), Check::PaysForNothing, None));
    e.arms[0].code = GOAL.into();
    assert!(report(&e, 0).findings.is_empty());
}

#[test]
fn good_arms_that_ship_set_nothing_off() {
    for (id, arms) in
        [("coin-circling", &[1, 2][..]), ("grpo-lambda-length", &[0, 2]), ("starc", &[0, 1]), ("par", &[2])]
    {
        let e = shipped(id);
        for arm in arms {
            let r = report(&e, *arm);
            assert!(r.findings.is_empty(), "{id}, {}: {:?}", r.arm, r.findings);
        }
    }
}

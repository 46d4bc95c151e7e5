//! Every check of meaning: what sets it off, and that what ships as a good example does not.

mod common;

use common::{number, overrides, text};
use goodhart_core::experiment::{self, Arm, Experiment, Part};
use goodhart_core::linter::{self, edits};
use goodhart_core::oracle::report::{ArmReport, Check, Finding};
use goodhart_core::params::Value;
use goodhart_core::plan;
use goodhart_core::reward::Severity;
use std::path::Path;

fn shipped(id: &str) -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn looked_at(e: &Experiment, arm: usize) -> ArmReport {
    linter::report(&plan::plan(e).unwrap_or_else(|p| panic!("{}", plan::join(&p))), arm)
}

/// A report, whose every fix is made and looked at: it ends its finding and brings no other.
fn report(e: &Experiment, arm: usize) -> ArmReport {
    let r = looked_at(e, arm);
    let same = |f: &Finding, g: &Finding| f.check == g.check && f.component == g.component;
    for f in &r.findings {
        let d = &f.diagnostic;
        assert!(d.severity == Severity::Warning && !d.message.is_empty(), "{f:?}");
        let name = f.component.as_deref().unwrap_or("");
        assert_eq!(&e.arms[arm].code[d.start..d.end], name, "the range is the component's name");
        for fix in &f.fixes {
            assert_eq!(d.suggestion.as_ref(), Some(&fix.says));
            let mut fixed = e.clone();
            fixed.arms[arm].code = edits::apply(&e.arms[arm].code, &fix.edits).expect("the edits fit");
            fixed.arms[arm].algorithm.extend(fix.set.clone());
            let after = looked_at(&fixed, arm);
            assert!(!after.findings.iter().any(|g| same(f, g)), "{fix:?} does not end {f:?}");
            assert!(after.findings.iter().all(|g| r.findings.iter().any(|f| same(f, g))), "{fix:?} brings {after:?}");
        }
    }
    r
}

fn fixes(r: &ArmReport, check: Check) -> Vec<&str> {
    let own = r.findings.iter().filter(|f| f.check == check);
    own.flat_map(|f| f.fixes.iter().map(|fix| fix.says.as_str())).collect()
}

fn of<const N: usize>(kind: &str, settings: [(&str, Value); N], code: &str) -> ArmReport {
    let mut e = shipped(if kind == "length" { "grpo-lambda-length" } else { "coin-circling" });
    if kind != "length" {
        e.task = Part { kind: kind.into(), params: overrides([]) };
    }
    e.algorithm.extend(overrides(settings));
    e.arms = vec![Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]), ..Arm::default() }];
    report(&e, 0)
}

fn has(r: &ArmReport, check: Check, component: Option<&str>) -> bool {
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
    assert_eq!(fixes(&wrong, Check::NotPotential), ["use its discount: gamma = 0.9"], "{hint:?}");
}

#[test]
fn components_that_say_nothing_are_named() {
    let code =
        format!("{GOAL}def never(ep):\n    return 1.0 if ep.coins[0] > 5 else None\ndef alike(ep):\n    return 0.5\n");
    let r = of("gridworld", [], &code);
    assert!(has(&r, Check::NeverApplies, Some("never")) && has(&r, Check::Constant, Some("alike")), "{:?}", r.findings);
    assert!(!has(&r, Check::Constant, Some("goal")), "the goal is rare, and reached by some episode");
    assert_eq!(fixes(&r, Check::NeverApplies), ["leave `never` out"]);
    assert_eq!(fixes(&r, Check::Constant), ["leave `alike` out"]);
}

/// Not applying is information where another component gives the sample a reward: without `right`, training ends at 0.09
/// and with it at 0.91.
#[test]
fn a_component_that_is_one_or_none_says_something() {
    let brief = "def brief(ep):\n    return 0.1 if ep.submitted else 0.0\n";
    let right = "def right(ep):\n    return 1.0 if ep.correct else None\n";
    let steps = |settings: &[(&str, Value)], code: &str| {
        let mut e = shipped("pav-progress");
        e.task = Part { kind: "steps".into(), params: overrides([("skill", number(2.0))]) };
        e.algorithm = settings.iter().map(|(name, value)| ((*name).to_string(), value.clone())).collect();
        e.arms = vec![Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]), ..Arm::default() }];
        report(&e, 0)
    };
    let both = format!("{right}{brief}");
    let r = steps(&[], &both);
    assert!(r.findings.is_empty(), "{:?}", r.findings);
    let own = r.components.iter().find(|c| c.name == "right").unwrap();
    assert!(own.variance_share.unwrap() > 0.1 && own.correlation.unwrap() > 0.5, "{own:?}");
    // Alone, a sample of None has no reward and takes no part.
    let alone = steps(&[], right);
    assert_eq!(fixes(&alone, Check::Constant), ["let `right` pay 0.0 instead of None"], "{:?}", alone.findings);
    // Where each component is normalised over the samples where it applies, it is constant again.
    let apart = steps(&[("estimator", text("gdpo"))], &both);
    assert_eq!(fixes(&apart, Check::Constant), ["let `right` pay 0.0 instead of None"], "{:?}", apart.findings);
}

fn pointmass(weights: &str) -> ArmReport {
    let mut e = shipped("lucy-skg-krc");
    e.task = Part { kind: "pointmass".into(), params: overrides([]) };
    e.algorithm = overrides([("estimator", text("gae"))]);
    let code = format!(
        "{weights}def fast(ep, t):\n    return ep.speed[t + 1]\ndef reached(ep):\n    return 1.0 if ep.reached else 0.0\n"
    );
    e.arms = vec![Arm { name: "arm".into(), code, algorithm: overrides([]), ..Arm::default() }];
    report(&e, 0)
}

/// The base policy hardly ever reaches the target. No weight of the other component changes that, so none is offered, and
/// neither is what this estimator does not look at.
#[test]
fn what_the_base_policy_never_does_is_not_drowned() {
    for weights in ["", "weights = {\"fast\": 0.71}\n", "weights = {\"fast\": 0.01}\n"] {
        let r = pointmass(weights);
        for f in r.findings.iter().filter(|f| f.check == Check::Dominates) {
            let said = f.diagnostic.suggestion.clone().unwrap_or_default();
            assert!(f.fixes.len() == usize::from(!said.is_empty()) && !said.contains("normalize"), "{weights}: {f:?}");
        }
    }
}

/// Where the oracle cannot go, a short training finds that a crash at full speed is paid more than the way.
#[test]
fn pay_for_what_is_worth_less_is_found_by_trying() {
    let mut e = shipped("carl-route-completion");
    let code = "def pace(ep, t):\n    return 0.1 * ep.speed[t + 1] / 6\ndef crash(ep):\n    return -1.0 + 5.0 * ep.speed[-1] / 6 if ep.collision else 0.0\n";
    e.arms[0] = Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]), ..Arm::default() };
    let r = report(&e, 0);
    let found = r.findings.iter().find(|f| f.check == Check::PaysMoreForLess);
    assert!(found.is_some(), "{:?}", r.findings);
    let message = &found.unwrap().diagnostic.message;
    assert!(message.contains("true score of 0.0"), "{message}");
    let good = report(&shipped("carl-route-completion"), 2);
    assert!(good.findings.is_empty(), "{:?}", good.findings);
}

/// On a map with lava beside the start, a cost of time makes the shortest episodes better paid than the wanderings of the
/// base policy, and still the goal pays most: no warning against what the oracle says, but a word of the way there.
#[test]
fn warnings_do_not_contradict_the_oracle() {
    let mut e = shipped("coin-circling");
    e.task.params = overrides([("map", text("S..../L..../....G"))]);
    let code = format!("{GOAL}def haste(ep):\n    return -0.05 * ep.length\n");
    e.arms = vec![Arm { name: "arm".into(), code, algorithm: overrides([]), ..Arm::default() }];
    let r = report(&e, 0);
    assert!(r.regret.unwrap() < 0.01 && !has(&r, Check::PaysForNothing, None), "{r:?}");
    assert!(r.training.contains("On the way, the shortest episodes would be paid"), "{}", r.training);
    for path in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments")).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_none_or(|x| x != "toml") {
            continue;
        }
        let e = experiment::file::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for r in linter::reports(&plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p)))) {
            let accuses = |f: &&Finding| {
                !matches!(f.check, Check::Dominates | Check::NeverApplies | Check::Constant | Check::BelowEpsilon)
            };
            let accused = r.findings.iter().find(accuses);
            // An answer that must be right often enough before it pays is optimal, and not what training finds.
            let is_reachable = r.training.starts_with(goodhart_core::oracle::TRAINING);
            if let (Some(regret), Some(found), true) = (r.regret, accused, is_reachable) {
                assert!(regret > 0.01, "{path:?}, {}: regret {regret} and {found:?}", r.arm);
            }
        }
    }
}

#[test]
fn a_component_that_drowns_the_others_is_named() {
    let code = format!("{GOAL}def bumps(ep):\n    return -0.3 * sum(ep.bumps)\n");
    let r = of("gridworld", [], &code);
    assert!(has(&r, Check::Dominates, Some("bumps")), "{:?}", r.components);
    assert!(fixes(&r, Check::Dominates)[0].starts_with("give `bumps` the weight 0."), "{:?}", r.findings);
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

/// Pay for hard questions is the same for all answers to one: an estimator that compares answers to one question does not
/// see it, one with a value function or a baseline of the batch does.
#[test]
fn what_differs_only_between_prompts_moves_nothing_where_groups_are_compared() {
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    let hard = format!("{right}def hard(ep):\n    return 5.0 * ep.hops\n");
    let facts = |r: &ArmReport, name: &str| r.components.iter().find(|c| c.name == name).unwrap().clone();
    for estimator in ["grpo", "rloo", "dr_grpo", "gdpo"] {
        let r = of("length", [("estimator", text(estimator))], &hard);
        let found = r.findings.iter().find(|f| f.check == Check::Constant).expect("hard moves no policy");
        assert_eq!(found.component.as_deref(), Some("hard"));
        let message = &found.diagnostic.message;
        assert!(message.contains(&format!("{estimator} compares samples of one prompt only")), "{message}");
        assert_eq!(fixes(&r, Check::Constant), ["leave `hard` out"]);
        assert!(!has(&r, Check::Dominates, Some("hard")), "{:?}", r.findings);
        let (own, other) = (facts(&r, "hard"), facts(&r, "right"));
        assert_eq!((own.variance_share, own.correlation, other.variance_share), (Some(0.0), None, Some(1.0)));
    }
    for estimator in ["gae", "reinforce"] {
        let r = of("length", [("estimator", text(estimator))], &hard);
        assert!(!has(&r, Check::Constant, Some("hard")) && has(&r, Check::Dominates, Some("hard")), "{:?}", r.findings);
        assert!(facts(&r, "hard").variance_share.unwrap() > 0.9);
    }
}

/// What is paid for being wrong, and far more for questions that are easy: among the answers to one it falls with the true
/// score, which the pay for easy questions hides over all of them.
#[test]
fn a_correlation_between_prompts_is_not_that_within_groups() {
    let code = "def odd(ep):\n    return (0.0 if ep.correct else 1.0) - 5.0 * ep.hops\n";
    let correlation =
        |estimator: &str| of("length", [("estimator", text(estimator))], code).components[0].correlation.unwrap();
    let (within, over) = (correlation("grpo"), correlation("reinforce"));
    assert!(within < -0.99 && over > -0.2, "{within} {over}");
}

#[test]
fn rewards_that_the_estimator_cannot_tell_apart_are_named() {
    let grpo = [("estimator", text("grpo"))];
    let small = "def right(ep):\n    return 1e-5 if ep.correct else 0.0\n";
    let r = of("bandit", grpo.clone(), small);
    assert!(has(&r, Check::BelowEpsilon, None));
    assert_eq!(fixes(&r, Check::BelowEpsilon).len(), 1, "{:?}", r.findings);
    assert!(!has(&of("bandit", grpo, &small.replace("1e-5", "0.1")), Check::BelowEpsilon, None));
    assert!(!has(&of("bandit", [("estimator", text("dr_grpo"))], small), Check::BelowEpsilon, None));
}

#[test]
fn pay_for_the_empty_answer_is_named() {
    let naive =
        "def right(ep):\n    return 1.0 if ep.correct else 0.0\ndef brevity(ep):\n    return -0.3 * ep.length\n";
    let r = of("length", [], naive);
    assert!(has(&r, Check::PaysForNothing, None), "{} {} {:?}", r.says, r.training, r.findings);
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    assert!(of("length", [], right).findings.is_empty());
    // On a map with lava beside the start: whoever ends at once is paid more than who looks for the goal.
    let mut e = shipped("coin-circling");
    e.task.params = overrides([("map", text("S..../L..../....G"))]);
    let haste = |pay: f32| format!("{GOAL}def haste(ep):\n    return -{pay} * ep.length\n");
    e.arms = vec![Arm { name: "arm".into(), code: haste(0.3), algorithm: overrides([]), ..Arm::default() }];
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

#[test]
fn digits_that_a_subtraction_takes_are_named() {
    let spread = |text: &str| format!("{GOAL}def steady(ep):\n    worth = 1e6\n    n = ep.length + 1\n    {text}\n");
    let naive = spread(
        "m = sum(worth + d for d in ep.distance) / n\n    v = sum((worth + d) ** 2 for d in ep.distance) / n - m * m\n    return -sqrt(max(v, 0.0))",
    );
    let r = of("gridworld", [], &naive);
    let found = r.findings.iter().find(|f| f.check == Check::Cancellation).expect("a subtraction that cancels");
    assert_eq!(found.component.as_deref(), Some("steady"));
    assert!(found.diagnostic.message.contains("the subtraction on line 7"), "{}", found.diagnostic.message);
    for fine in ["return -std(worth + d for d in ep.distance)", "return (worth + ep.distance[-1]) - worth"] {
        assert!(!has(&of("gridworld", [], &spread(fine)), Check::Cancellation, None), "{fine}");
        assert!(!has(&of("gridworld", [], &spread(fine)), Check::Cancellation, Some("steady")), "{fine}");
    }
    let in_combine = format!(
        "{GOAL}def combine(r, ep, group, batch, run):\n    m = mean(1e6 + e.length for e in group)\n    v = mean((1e6 + e.length) ** 2 for e in group) - m * m\n    return r.goal - v / 100\n"
    );
    assert!(has(&of("gridworld", [], &in_combine), Check::Cancellation, None));
}

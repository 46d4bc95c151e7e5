//! The oracle on the shipped tasks: what the optimum of a reward is, what it is worth, and what cannot be solved.

mod common;

use common::{number, overrides, text};
use goodhart_core::experiment::{self, Arm, Experiment, Part};
use goodhart_core::linter;
use goodhart_core::oracle::report::{ArmReport, Solved};
use goodhart_core::oracle::solve::worth;
use goodhart_core::oracle::{self, Answers, Oracle};
use goodhart_core::params::Value;
use goodhart_core::plan::{self, Plan};
use std::path::Path;
use std::sync::Arc;

fn shipped(id: &str) -> Experiment {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn planned<const N: usize>(kind: &str, params: [(&str, Value); N], estimator: &str, code: &str) -> Plan {
    let mut e = shipped("coin-circling");
    e.task = Part { kind: kind.into(), params: overrides(params) };
    e.algorithm.insert("estimator".into(), text(estimator));
    e.arms = vec![Arm { name: "arm".into(), code: code.into(), algorithm: overrides([]), ..Arm::default() }];
    plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p)))
}

fn near(x: f32, y: f32) -> bool {
    (x - y).abs() <= 1e-4 * y.abs().max(1.0)
}

const GOAL: &str = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n";

#[test]
fn the_shipped_rewards_are_worth_what_training_finds() {
    let plan = plan::plan(&shipped("coin-circling")).unwrap();
    let reports: Vec<ArmReport> = (0..3).map(|arm| linter::report(&plan, arm)).collect();
    assert!(reports.iter().all(|r| r.solved == Solved::Exactly && r.notes.is_empty()), "{reports:?}");
    assert_eq!(reports[0].says, "The optimum of this reward earns 0% of what you want.");
    assert_eq!(reports[0].training, "", "what is not wanted needs no word of the way there");
    assert_eq!(reports[1].training, oracle::TRAINING);
    assert_eq!([reports[0].true_share, reports[0].regret], [Some(0.0), Some(1.0)]);
    for r in &reports[1..] {
        let o = r.optimum.as_ref().unwrap();
        assert_eq!((o.true_low, o.true_score, o.true_high, o.length), (1.0, 1.0, 1.0, 10.0), "{}", r.arm);
        assert!(r.regret == Some(0.0) && r.starc.unwrap() < 1e-6);
    }
    // Ten steps to the goal, paid on the tenth, with gamma 0.97; the potential adds its value at the start, once.
    assert!(near(reports[2].optimum.as_ref().unwrap().value, 0.97f32.powi(9)));
    let potential = reports[1].optimum.as_ref().unwrap().value - 0.97f32.powi(9);
    assert!((0.5..1.0).contains(&potential), "{potential}");
    // The coin is two steps away; then there and back, paid every second step, until the horizon.
    let coins: f32 = (0..16).map(|k| 0.25 * 0.97f32.powi(1 + 2 * k)).sum();
    assert!(near(reports[0].optimum.as_ref().unwrap().value, coins), "{coins} {:?}", reports[0].optimum);

    let par = plan::plan(&shipped("par")).unwrap();
    let raw = linter::report(&par, 0);
    assert!(raw.solved == Solved::Approximately && near(raw.true_share.unwrap(), -1.0), "{raw:?}");
    let tempered = |arm| linter::report(&par, arm).tempered.unwrap();
    assert!(
        tempered(0).true_score < -0.9 && tempered(2).true_score > 0.3,
        "{} {}",
        tempered(0).true_score,
        tempered(2).true_score
    );
    let clipped = linter::report(&par, 1).optimum.unwrap();
    assert!(clipped.true_low < -0.9 && clipped.true_high > 0.9, "a ceiling leaves ties: {clipped:?}");
}

#[test]
fn the_optimal_policy_of_the_reward_is_a_row_of_probabilities_for_each_cell() {
    let plan = plan::plan(&shipped("coin-circling")).unwrap();
    let sparse = linter::report(&plan, 2).optimum.unwrap();
    let row = |cell: usize| &sparse.policy[cell * 4..cell * 4 + 4];
    assert_eq!(row(0), [0.0; 4], "a wall");
    assert!((row(9).iter().sum::<f32>() - 1.0).abs() < 1e-6, "the start");
    // Beside the goal (row 6, column 6) from above.
    assert_eq!(row(5 * 8 + 6), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn rewards_for_whole_episodes_that_are_sums_are_solved_exactly() {
    let code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef coins(ep):\n    return 0.25 * sum(ep.coins)\ndef short(ep):\n    return -0.01 * ep.length\n";
    let r = linter::report(&planned("gridworld", [], "grpo", code), 0);
    assert_eq!(r.solved, Solved::Exactly, "{r:?}");
    assert!(near(r.optimum.unwrap().value, 16.0 * 0.25 - 0.32), "circling to the end");
    // The same as a combination, on the last step.
    let code = "def coins(ep):\n    return 0.25 * sum(ep.coins)\ndef combine(r, ep, group, batch, run):\n    return r.coins - 0.01 * ep.length + (1.0 if ep.goal else 0.0)\n";
    let r = linter::report(&planned("gridworld", [], "grpo", code), 0);
    assert!(r.solved == Solved::Exactly && near(r.optimum.unwrap().value, 3.68), "{}", r.says);
}

#[test]
fn a_reward_that_looks_at_the_whole_episode_is_not_called_exact() {
    let code = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef often(ep):\n    return 1.0 if sum(ep.coins) >= 3 else 0.0\n";
    let r = linter::report(&planned("gridworld", [], "grpo", code), 0);
    assert_ne!(r.solved, Solved::Exactly, "{r:?}");
    let said = format!("{} {}", r.says, r.notes.join(" "));
    assert!(said.contains("unexplained"), "{said}");
}

#[test]
fn what_the_reward_rests_on_is_said() {
    let relative = "def proxy(ep):\n    return ep.proxy\ndef combine(r, ep, group, batch, run):\n    return r.proxy - mean(e.proxy for e in group)\n";
    let plain = linter::report(&planned("bandit", [], "grpo", "def proxy(ep):\n    return ep.proxy\n"), 0);
    let grouped = linter::report(&planned("bandit", [], "grpo", relative), 0);
    assert!(grouped.notes.iter().any(|n| n.contains("the base policy drew")), "{:?}", grouped.notes);
    assert_eq!(plain.optimum.unwrap().policy, grouped.optimum.unwrap().policy, "a baseline changes no optimum");

    let fading = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef combine(r, ep, group, batch, run):\n    return r.goal + 0.1 * (1.0 - run.progress) * sum(ep.coins)\n";
    let r = linter::report(&planned("gridworld", [], "grpo", fading), 0);
    assert!(r.notes.iter().any(|n| n.contains("changes during the run")), "{:?}", r.notes);
}

#[test]
fn a_length_penalty_of_a_thousandth_decides_between_equally_paid_ways() {
    let r = linter::report(&planned("gridworld", [], "grpo", GOAL), 0);
    assert_eq!((r.solved, r.true_share), (Solved::Exactly, Some(1.0)), "{r:?}");
    let short = format!("{GOAL}def short(ep):\n    return -0.001 * ep.length\n");
    let o = linter::report(&planned("gridworld", [], "grpo", &short), 0).optimum.unwrap();
    assert_eq!((o.length, o.true_low), (10.0, 1.0));
    assert!(near(o.value, 0.99) && near(o.bound, 0.99), "{o:?}");
    // Paid for length, a policy with a clock would dawdle and still arrive; whether one without can, is said to be open.
    let long = linter::report(&planned("gridworld", [], "grpo", &short.replace("-0.001", "0.001")), 0);
    assert!(long.notes.iter().any(|n| n.contains("saw the clock")), "{:?}", long.notes);
}

#[test]
fn expectations_agree_with_episodes_that_slip() {
    let plan = planned("gridworld", [("slip", number(0.2)), ("false_positive", number(0.1))], "grpo", GOAL);
    let oracle = Oracle::new(&plan).unwrap();
    let (report, paid, best) = oracle.solved(0).unwrap();
    assert_eq!(report.solved, Solved::Exactly, "{report:?}");
    let n = 4096;
    for policy in [&best.policy, &oracle.base] {
        let exact = worth(&oracle.model, policy, &oracle.truth, 1.0);
        let same = worth(&oracle.model, policy, &paid.r, 1.0);
        assert!((exact - same).abs() < 1e-9, "the reward is the true score: {exact} {same}");
        let plays = oracle.player().unwrap().sample(policy, n, 8, 9).unwrap();
        let mean = plays.true_scores.iter().map(|x| f64::from(*x)).sum::<f64>() / n as f64;
        let error = (exact * (1.0 - exact) / n as f64).sqrt();
        assert!((mean - exact).abs() < 4.0 * error + 1e-9, "{mean} against {exact} +- {error}");
    }
}

#[test]
fn noise_of_the_verifier_is_averaged_not_optimised() {
    let code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    let noisy = [("false_positive", number(0.3)), ("false_negative", number(0.2)), ("table_seed", number(3.0))];
    let r = linter::report(&planned("bandit", noisy, "grpo", code), 0);
    let o = r.optimum.unwrap();
    assert!((o.value - 0.8).abs() < 0.15 && o.true_score > 0.5, "{o:?}");
    assert!(r.notes.iter().any(|n| n.contains("64 draws")));
}

#[test]
fn metrics_of_the_oracle_are_named() {
    let plan = Arc::new(plan::plan(&shipped("coin-circling")).unwrap());
    let first = [0].into();
    let answers = Answers::new(&plan, &first);
    for (name, value) in [("oracle/true_score", 0.0), ("oracle/true_share", 0.0), ("oracle/regret", 1.0)] {
        assert_eq!(answers.metric(0, name, 2), Some(Ok(vec![value; 2])), "{name}");
    }
    assert!(answers.metric(0, "true_score", 2).is_none() && answers.metric(1, "oracle/regret", 2).is_none());
    let tokens = Arc::new(plan::plan(&shipped("grpo-lambda-length")).unwrap());
    assert!(Answers::new(&tokens, &first).metric(0, "oracle/starc", 2).unwrap().is_err());
    let d = oracle::distances(&plan);
    assert_eq!((d.names.len(), d.starc.len(), d.names[3].as_str()), (4, 16, "true objective"));
    assert!(d.starc[3].unwrap() > 0.2 && d.starc[3] == d.starc[12] && d.starc[7].unwrap() < 1e-6);
    assert!(d.reasons.is_empty(), "{:?}", d.reasons);
    let d = oracle::distances(&plan::plan(&shipped("pav-progress")).unwrap());
    let named =
        |d: &oracle::report::Distances| d.reasons.iter().all(|r| r.starts_with("No distances") && r.ends_with('.'));
    assert!(!d.reasons.is_empty() && named(&d), "{:?}", d.reasons);
    assert!(d.reasons.iter().any(|r| r.contains(&d.names[0])), "{:?} {:?}", d.names, d.reasons);
    assert_eq!(oracle::distances(&tokens).reasons.len(), 1);
}

/// Of many start states none is left out, and equally likely ones are found to be so.
#[test]
fn every_start_of_a_quiz_is_found() {
    let code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    let params = [("questions", number(32.0)), ("styles", number(2.0))];
    let oracle = Oracle::new(Arc::new(planned("quiz", params, "grpo", code))).unwrap();
    assert_eq!(oracle.model.starts.len(), 64);
    assert!(oracle.model.starts.iter().all(|(_, p)| (p - 1.0 / 64.0).abs() < 1e-9));
    assert!(!oracle.model.estimated);
}

/// What a task says of its dice is what its steps do.
#[test]
fn chances_are_those_of_the_dice() {
    use goodhart_core::oracle::model::Model;
    use goodhart_core::tasks::DrawKey;
    let cases = [
        ("gridworld", overrides([("slip", number(0.3))]), 5),
        ("chain", overrides([("slip", number(0.2)), ("channels", number(4.0))]), 5),
        ("rooms", overrides([("size", number(7.0)), ("channels", number(3.0))]), 5),
        ("steps", overrides([]), 1),
        ("judge", overrides([]), 1),
    ];
    for (kind, params, every) in cases {
        let task = goodhart_core::tasks::build(kind, &params).unwrap_or_else(|e| panic!("{kind}: {e:?}"));
        let model = Model::explore(&task).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert!(!model.estimated, "{kind}");
        let steps = common::steps(&task);
        let mut record = vec![0.0; task.schema.stride];
        let mut several = 0;
        for node in (0..model.nodes() as u32).step_by(every) {
            for action in 0..model.actions {
                let edges = model.choices(node, action);
                several += usize::from(edges.len() > 1);
                assert!((model.edges[edges.clone()].iter().map(|e| e.p).sum::<f64>() - 1.0).abs() < 1e-9, "{kind}");
                let n = if edges.len() > 1 { 600 } else { 20 };
                let mut counts = vec![0; edges.len()];
                for sample in 0..n {
                    let mut state = model.states[node as usize];
                    let key = DrawKey { seed: 8, update: node, group: action as u32, sample };
                    let t = u32::from(!model.starts.iter().any(|s| s.0 == node));
                    let over = steps.step(key, t, action as u32, &mut state, &mut record);
                    let after = steps.essence(&state);
                    let is_it = |e: &usize| model.after[*e] == after && model.edges[*e].over == over;
                    let edge = edges.clone().find(is_it).unwrap_or_else(|| panic!("{kind}: an unforeseen {state:?}"));
                    counts[edge - edges.start] += 1;
                }
                for (e, count) in edges.zip(counts) {
                    let p = model.edges[e].p;
                    let error = (p * (1.0 - p) / f64::from(n)).sqrt();
                    assert!((f64::from(count) / f64::from(n) - p).abs() <= 5.0 * error + 1e-9, "{kind}: {count} {p}");
                }
            }
        }
        assert!(several > 0, "{kind}: no dice");
    }
}

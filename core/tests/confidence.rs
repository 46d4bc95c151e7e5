//! How sure the policy was, as fields of its episodes: what they hold, what paying for them does, and that reading them
//! changes nothing.

use goodhart_core::engine::{CpuEngine, LaneId, lanes_of};
use goodhart_core::experiment::{Arm, Experiment, Part};
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::oracle::needs_a_run;
use goodhart_core::params::{Overrides, Value};
use goodhart_core::plan::{self, Plan};
use std::sync::Arc;

const LANE: LaneId = LaneId { arm: 0, seed: 0 };

fn numbers(params: &[(&str, f64)]) -> Overrides {
    params.iter().map(|(name, x)| ((*name).to_string(), Value::Number(*x))).collect()
}

fn planned(kind: &str, codes: &[&str]) -> Arc<Plan> {
    let arm = |(i, code): (usize, &&str)| Arm { name: format!("arm {i}"), code: (*code).into(), ..Arm::default() };
    let part = |kind: &str| Part { kind: kind.into(), params: Overrides::new() };
    let e = Experiment {
        run: numbers(&[("updates", 60.0), ("groups", 4.0), ("num_generations", 8.0)]),
        algorithm: numbers(&[("learning_rate", 0.1)]),
        ..Experiment::new("confidence", part(kind), part("table"), codes.iter().enumerate().map(arm).collect())
    };
    Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))))
}

#[test]
fn a_watched_episode_says_how_sure_the_policy_was() {
    for kind in ["bandit", "chain", "quiz"] {
        let plan = planned(kind, &["def right(ep):\n    return 1.0 if ep.correct else 0.0\n"]);
        let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
        engine.watch(LANE);
        let entropy = engine.update()[Column::Entropy as usize];
        let kept = engine.watched().unwrap().1;
        let at = |name: &str| plan.task.schema.get(name).unwrap().offset;
        let (mut sum, mut steps) = (0.0, 0.0);
        for (record, length) in kept.records.chunks_exact(plan.task.schema.stride).zip(&kept.lengths) {
            let own = record[at("entropy")];
            sum += own * *length as f32;
            steps += *length as f32;
            assert!(
                own > 0.0 && record[at("logp")] < 0.0 && record[at("self_certainty")] >= -1e-6,
                "{kind}: {record:?}"
            );
        }
        assert!((sum / steps - entropy).abs() < 1e-4 * entropy, "{kind}: {} for {entropy}", sum / steps);
    }
}

/// The chain's policy starts without a leaning: log 1/A a step, and nothing to tell it from a guess.
#[test]
fn a_guess_has_the_logp_of_a_guess_and_no_certainty() {
    let plan = planned("chain", &["def right(ep):\n    return 1.0 if ep.correct else 0.0\n"]);
    let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
    engine.watch(LANE);
    engine.update();
    let kept = engine.watched().unwrap().1;
    let guess = -(plan.task.n_actions as f32).ln();
    let slots = plan.confidence.slots();
    for (record, length) in kept.records.chunks_exact(plan.task.schema.stride).zip(&kept.lengths) {
        let [entropy, logp, certainty] = record[slots.clone()] else { panic!("three fields") };
        assert!((entropy + guess).abs() < 1e-4 && certainty.abs() < 1e-4);
        assert!((logp - guess * *length as f32).abs() < 1e-3 * logp.abs());
    }
}

#[test]
fn paying_for_logp_lowers_the_entropy_and_watching_it_changes_nothing() {
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    let watched = format!("{right}def sure(ep):\n    return ep.self_certainty\nweights = {{\"sure\": 0.0}}\n");
    let plan = planned("bandit", &["def sure(ep):\n    return ep.logp\n", right, &watched]);
    let mut engine = CpuEngine::new(plan.clone(), &lanes_of(&plan, &[0]), None).unwrap();
    let rows: Vec<Vec<f32>> = (0..60).map(|_| engine.update().to_vec()).collect();
    let entropy = |update: usize, lane: usize| rows[update][lane * ROW + Column::Entropy as usize];
    assert!(entropy(59, 0) < 0.5 * entropy(0, 0), "{} to {}", entropy(0, 0), entropy(59, 0));
    for row in &rows {
        let lane = |lane: usize, column: Column| row[lane * ROW + column as usize];
        assert_eq!(lane(1, Column::TrueScore), lane(2, Column::TrueScore));
        assert_eq!(lane(1, Column::GradNorm), lane(2, Column::GradNorm));
    }
    let why = |arm: usize| needs_a_run(&plan, &plan.arms[arm].program);
    assert!(why(0).is_some() && why(1).is_none() && why(2).is_some());
}

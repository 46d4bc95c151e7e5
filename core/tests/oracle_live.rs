//! The oracle beside training: exact numbers agree with many samples, and gradients point the same way.

mod common;

use common::{number, overrides, text};
use goodhart_core::cpu::{CpuEngine, LaneId};
use goodhart_core::experiment::{self, Experiment};
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::oracle::live::Live;
use goodhart_core::plan;
use std::path::Path;
use std::sync::Arc;

const LANE: LaneId = LaneId { arm: 0, seed: 0 };

#[test]
fn exact_numbers_agree_with_a_large_batch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments/coin-circling.toml");
    let mut e = experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    // Plain policy gradient: one pass, returns without a baseline's bias, and enough samples that chance is small.
    e.algorithm = overrides([
        ("estimator", text("reinforce")),
        ("learning_rate", number(0.5)),
        ("optim", text("sgd")),
        ("max_grad_norm", number(0.0)),
        ("beta", number(0.001)),
    ]);
    e.run.insert("groups".into(), number(64.0));
    e.run.insert("num_generations".into(), number(64.0));
    e.arms.truncate(1);
    let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))));
    let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
    engine.watch(LANE);
    let mut live = Live::new(&plan).unwrap();
    let mut cosines = Vec::new();
    for update in 0..12 {
        let before = engine.probabilities(LANE, live.probe());
        let row: Vec<f32> = engine.update().to_vec();
        assert_eq!(row.len(), ROW);
        let at = |c: Column| row[c as usize];
        assert_eq!(engine.probabilities_before(LANE, live.probe()), Some(before.clone()), "what the samples came from");
        let (_, kept) = engine.watched().unwrap();
        let kept = kept.clone();
        let exact = live.exact(LANE, engine.arm(0), &before, &before, &kept, update);
        assert_eq!(exact.1, "", "nothing is missing");
        let exact = exact.0.unwrap();
        let n = plan.n_samples() as f32;
        let spread = at(Column::RewardStd).max(0.3) / n.sqrt();
        let reward = exact.reward.unwrap();
        assert!((reward - at(Column::ProxyReward)).abs() < 6.0 * spread, "{reward} {}", at(Column::ProxyReward));
        assert!((exact.true_score - at(Column::TrueScore)).abs() < 0.05, "{exact:?}");
        assert!((exact.entropy - at(Column::Entropy)).abs() < 0.01, "{exact:?} {}", at(Column::Entropy));
        assert!((exact.kl - at(Column::Kl)).abs() < 0.002 + 0.1 * exact.kl, "{exact:?} {}", at(Column::Kl));
        cosines.push(exact.cosine.unwrap());
    }
    println!("{cosines:?}");
    assert!(cosines.iter().all(|c| *c > 0.5), "{cosines:?}");
}

/// The sentence for what is missing of the first update of a shipped experiment's first arm.
fn missing(id: &str, change: impl FnOnce(&mut Experiment)) -> (bool, String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../experiments/{id}.toml"));
    let mut e = experiment::file::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    e.arms.truncate(1);
    change(&mut e);
    let plan = Arc::new(plan::plan(&e).unwrap_or_else(|p| panic!("{}", plan::join(&p))));
    let mut live = match Live::new(&plan) {
        Ok(live) => live,
        Err(why) => return (false, why),
    };
    let mut engine = CpuEngine::new(plan.clone(), &[LANE], None).unwrap();
    engine.watch(LANE);
    engine.update();
    let every = engine.probabilities(LANE, live.probe());
    let kept = engine.watched().unwrap().1.clone();
    let (exact, why) = live.exact(LANE, engine.arm(0), &every, &every, &kept, 0);
    (exact.is_some(), why)
}

#[test]
fn what_is_missing_has_a_reason() {
    let (is_known, why) = missing("grpo-lambda-length", |_| ());
    assert!(!is_known && why.starts_with("Nothing is known exactly") && why.contains("completion"), "{why}");
    let (is_known, why) = missing("coin-circling", |e| e.policy.kind = "mlp".into());
    assert!(is_known && why.contains("table"), "{why}");
    let changing = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n\ndef combine(r, ep, group, batch, run):\n    return (1.0 - run.progress) * r.goal\n";
    let (is_known, why) = missing("coin-circling", |e| e.arms[0].code = changing.into());
    assert!(is_known && why.contains("changes during the run"), "{why}");
}

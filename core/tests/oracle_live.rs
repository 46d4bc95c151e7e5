//! The oracle beside training: exact numbers agree with many samples, and gradients point the same way.

mod common;

use common::{number, overrides, text};
use goodhart_core::cpu::{CpuEngine, LaneId};
use goodhart_core::experiment;
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
        let exact = live.exact(LANE, engine.arm(0), &before, &before, &kept, update).unwrap();
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

//! What the exact oracle needs of an engine that is followed: the parameters that its samples came from.

use crate::device::context;
use crate::experiments::{GRID, bandit, experiment, parameters, plan_of, rows_of};
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, LaneId, lanes_of};
use goodhart_core::oracle::live::{Followed, Live};
use goodhart_core::plan::Plan;
use goodhart_core::protocol::Exact;
use std::sync::Arc;
use wasm_bindgen_test::wasm_bindgen_test;

/// What is exact of a lane's last update on the GPU.
async fn exact(live: &mut Live, engine: &GpuEngine, lane: LaneId) -> Exact {
    let kept = engine.kept(lane).await.unwrap();
    let [params, reference] = engine.followed(lane).await.unwrap().unwrap();
    let (arm, update) = (engine.arm(lane.arm), engine.update_count() - 1);
    let (exact, why) = live.exact(&Followed { lane, arm, params: &params, reference: &reference, kept: &kept, update });
    exact.unwrap_or_else(|| panic!("{why}"))
}

/// Trains both engines, the GPU several updates a submit, and compares every exact number of a lane.
async fn agrees(plan: Arc<Plan>, submits: &[u32]) {
    let Some(context) = context().await else { return };
    let ids = lanes_of(&plan, &[0]);
    let lane = ids[ids.len() - 1];
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    gpu.follow().unwrap();
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    cpu.watch(lane);
    let mut live = Live::new(&plan).unwrap();
    let (mut after, mut apart) = (0, 0.0f32);
    for updates in submits {
        after += updates;
        rows_of(&mut gpu, after).await;
        while cpu.update_count() < after {
            cpu.update();
        }
        let got = exact(&mut live, &gpu, lane).await;
        let [params, reference] = cpu.followed().unwrap();
        let (_, kept) = cpu.watched().unwrap();
        let arm = cpu.arm(lane.arm);
        let followed = Followed { lane, arm, params, reference, kept, update: after - 1 };
        let want = live.exact(&followed).0.unwrap();
        let pairs = [
            (got.reward.unwrap(), want.reward.unwrap()),
            (got.true_score, want.true_score),
            (got.entropy, want.entropy),
            (got.kl, want.kl),
            (got.cosine.unwrap(), want.cosine.unwrap()),
        ];
        for (i, (g, w)) in pairs.into_iter().enumerate() {
            assert!((g - w).abs() < 2e-3, "number {i} after {after} updates: {g} against {w}");
        }
        let params = cpu.checkpoint().lanes.pop().unwrap().params;
        let late = live.exact(&Followed { params: &params, ..followed }).0.unwrap();
        apart = apart.max((late.cosine.unwrap() - want.cosine.unwrap()).abs());
    }
    assert!(apart > 0.01, "the parameters after an update would do as well: {apart}");
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn a_table_is_followed_alike() {
    let run = r#"{"updates": 9, "groups": 8, "num_generations": 8}"#;
    let text = experiment(r#"{"kind": "gridworld"}"#, r#"{"kind": "table"}"#, run, r#"{"learning_rate": 0.5}"#, GRID);
    agrees(plan_of(&text), &[1, 3, 2]).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_mlp_is_followed_alike() {
    let run = r#"{"updates": 9, "groups": 8, "num_generations": 8}"#;
    let policy = r#"{"kind": "mlp", "hidden": [16]}"#;
    let text = experiment(r#"{"kind": "gridworld"}"#, policy, run, r#"{"learning_rate": 0.01}"#, GRID);
    agrees(plan_of(&text), &[1, 3, 2]).await;
}

/// Following changes no number, and what it keeps is what the parameters were.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn following_changes_nothing() {
    let Some(context) = context().await else { return };
    let plan = bandit(8, 0.05);
    let ids = lanes_of(&plan, &[0]);
    let new = async || GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let (mut followed, mut alone) = (new().await, new().await);
    assert!(followed.followed(ids[1]).await.unwrap().is_none(), "nothing was kept yet");
    followed.follow().unwrap();
    followed.follow().unwrap();
    assert!(followed.followed(ids[1]).await.unwrap().is_none(), "nor without an update");
    let start = parameters(&alone).await;
    let n = start.len() / ids.len();
    let mut rows = rows_of(&mut alone, 3).await;
    let before = parameters(&alone).await;
    rows.extend(rows_of(&mut alone, 4).await);
    let got = rows_of(&mut followed, 4).await;
    assert!(got.iter().zip(&rows).all(|(g, w)| g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan())));
    let [params, reference] = followed.followed(ids[1]).await.unwrap().unwrap();
    assert_eq!((params.as_slice(), reference.as_slice()), (&before[n..], &start[n..]));
    followed.restore(&alone.checkpoint().await.unwrap()).unwrap();
    assert!(followed.followed(ids[1]).await.unwrap().is_none(), "a checkpoint does not hold what was before it");
}

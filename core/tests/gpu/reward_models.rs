//! Learned reward models on both engines: the scores that stage `appraise` writes and the columns of `calibrate`, for the
//! same weights, up to rounding; and the answers that a training in the middle of a run is given.

use crate::device::context;
use crate::experiments::{plan_of, rows_of};
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::metrics::columns::ROW;
use goodhart_core::metrics::{Column, digest};
use goodhart_core::plan::Plan;
use goodhart_core::reward_models::RewardModels;
use std::sync::Arc;
use wasm_bindgen_test::wasm_bindgen_test;

/// Two arms, the second of which trains its models every two updates. The policy stands still, so that both engines draw
/// the same answers in every update.
fn plan(task: &str, policy: &str, models: &str) -> Arc<Plan> {
    plan_with("labels", task, policy, models)
}

fn plan_with(pairs: &str, task: &str, policy: &str, models: &str) -> Arc<Plan> {
    plan_of(&format!(
        r#"{{"version": 1, "title": "test", "task": {task}, "policy": {policy}, "reward_models": {models},
            "run": {{"updates": 6, "groups": 6, "num_generations": 5}}, "algorithm": {{"learning_rate": 0}},
            "arms": [
                {{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}},
                {{"name": "b", "code": "def r(ep):\n    return min(ep.rms) - 0.1 * len(ep.rms)\n",
                  "algorithm": {{"rm_every": 2, "rm_pairs": 9, "rm_steps": 1, "rm_fresh_pairs": "{pairs}"}}}}
            ]}}"#
    ))
}

async fn agrees(plan: Arc<Plan>) {
    let Some(context) = context().await else { return };
    let models = plan.reward_models.as_ref().expect("the experiment learns reward models");
    let ids = lanes_of(&plan, &[0, 1]);
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    assert!(gpu.stage_names().contains(&"appraise") && gpu.stage_names().contains(&"calibrate"));
    for (i, id) in ids.iter().enumerate() {
        let mut weights: Vec<f32> = (0..models.params.count).flat_map(|m| models.shape.init(i as u32, m)).collect();
        for own in weights.chunks_exact_mut(models.shape.n_params()) {
            let at = models.shape.n_learned();
            (own[at], own[at + 1]) = (0.25, 0.5 + i as f32);
        }
        cpu.set_reward_models(*id, &weights).unwrap();
        gpu.set_reward_models(*id, &weights).unwrap();
    }
    assert!(gpu.set_reward_models(ids[0], &[0.0]).is_err(), "weights of another size");
    cpu.watch(ids[1]);
    let mut want = cpu.update().to_vec();
    want.extend_from_slice(cpu.update());
    let got = rows_of(&mut gpu, 2).await;
    same(&got, &want);
    let kept = &cpu.watched().expect("an update was watched").1.records;
    same_scores(&gpu.kept(ids[1]).await.unwrap().records, kept, models, &plan);

    assert_eq!(gpu.submit(1).unwrap(), 0, "nothing goes on before the models are trained");
    let (jobs, theirs) = (cpu.reward_model_jobs(), gpu.reward_model_jobs().await.unwrap());
    assert_eq!(jobs.len(), 2, "one arm of two seeds");
    for ((id, job), (other, device)) in jobs.iter().zip(&theirs) {
        assert_eq!((id, job.round), (other, 2));
        assert_eq!(digest(&job.rows), digest(&device.rows), "the same answers");
        assert!(job == device && !job.is_empty());
    }
    for (id, job) in jobs {
        let weights: Vec<f32> = job.weights().iter().map(|w| w * 0.5).collect();
        cpu.set_reward_models(id, &weights).unwrap();
        gpu.set_reward_models(id, &weights).unwrap();
    }
    let want: Vec<f32> = (0..2).flat_map(|_| cpu.update().to_vec()).collect();
    same(&rows_of(&mut gpu, 4).await, &want);
    let saved = gpu.checkpoint().await.unwrap();
    assert_eq!(saved.lanes[1].reward_models, cpu.checkpoint().lanes[1].reward_models);
}

/// The models' scores in the records of both engines; that they are right is tested where they are computed.
fn same_scores(got: &[f32], want: &[f32], models: &RewardModels, plan: &Plan) {
    let stride = plan.task.schema.stride;
    assert_eq!(got.len(), want.len());
    let (mut low, mut high) = (f32::MAX, f32::MIN);
    for (got, want) in got.chunks_exact(stride).zip(want.chunks_exact(stride)) {
        assert_eq!(got[models.rms], models.count() as f32);
        for slot in std::iter::once(models.rm).chain(models.rms + 1..=models.rms + models.count()) {
            let (g, w) = (got[slot], want[slot]);
            assert!((g - w).abs() <= 1e-4 + 1e-4 * w.abs(), "slot {slot}: gpu {g}, cpu {w}");
        }
        (low, high) = (low.min(want[models.rm]), high.max(want[models.rm]));
    }
    assert!(high - low > 0.01, "the models tell answers apart: {low} to {high}");
}

fn same(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    let columns = [Column::TrueScore, Column::ProxyReward, Column::RewardStd, Column::RmAccuracy, Column::RmEce];
    for (g, w) in got.chunks_exact(ROW).zip(want.chunks_exact(ROW)) {
        for column in columns.map(|c| c as usize) {
            let (g, w) = (g[column], w[column]);
            assert!((g.is_nan() && w.is_nan()) || (g - w).abs() <= 2e-4 + 2e-3 * w.abs(), "{column}: gpu {g}, cpu {w}");
        }
    }
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_ensemble_of_mlps_agrees() {
    let models = r#"{"count": 3, "hidden": [24, 7], "inputs": "features, arm"}"#;
    agrees(plan(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, models)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn a_classifier_agrees() {
    let models = r#"{"hidden": [8], "objective": "classification", "labels": "verifier"}"#;
    agrees(plan(r#"{"kind": "bandit"}"#, r#"{"kind": "mlp", "hidden": [8]}"#, models)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn corruptions_of_accepted_answers_agree() {
    let task = r#"{"kind": "essay", "good_score": 0.2}"#;
    agrees(plan_with("corrupted", task, r#"{"kind": "table"}"#, r#"{"count": 2, "hidden": [8]}"#)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn sequence_encoders_agree() {
    // An untrained policy is never right, so that no pair has different labels.
    let models = r#"{"count": 2, "objective": "regression", "encoder": "sequence", "inputs": "tokens", "embedding": 6, "hidden": [10]}"#;
    let policy = r#"{"kind": "transformer", "d_model": 16, "layers": 1, "heads": 2}"#;
    agrees(plan(r#"{"kind": "length", "max_completion_length": 12}"#, policy, models)).await;
}

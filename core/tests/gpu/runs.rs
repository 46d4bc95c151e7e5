//! Whole runs of the WebGPU engine against the CPU engine: the same experiment, seeds and random numbers. The first
//! update agrees number by number up to rounding: 2e-4 plus 2e-3 relative in every column. After it trajectories part,
//! and only their means over seeds agree.

use crate::device::context;
use crate::experiments::{BANDIT, GRID, LENGTH, experiment, parameters, plan_of, rows_of};
use crate::stages;
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, LaneId, lanes_of};
use goodhart_core::metrics::columns::{COLUMNS, Column, ROW};
use wasm_bindgen_test::wasm_bindgen_test;

/// Trains an experiment on both engines, all its arms with some seeds; one update is compared by its numbers alone.
/// `dispatches` is the budget of an update.
pub async fn agrees(text: &str, seeds: u32, updates: u32, dispatches: usize) {
    let Some(context) = context().await else { return };
    let plan = plan_of(text);
    let ids = lanes_of(&plan, &(0..seeds).collect::<Vec<_>>());
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let (most, _) = gpu.dispatches();
    assert!(most <= dispatches, "an update takes {most} dispatches of {dispatches}: {:?}", gpu.stage_names());
    if gpu.sizes().rows() > 512 {
        assert!(gpu.stage_names().contains(&"backward_sum"), "so many rows are split");
    }
    let start = parameters(&gpu).await;
    let mut want = cpu.update().to_vec();
    let mut got = rows_of(&mut gpu, 1).await;
    same_rows(&got, &want);
    same_step(&parameters(&gpu).await, &cpu, &start);
    stages::agree(&gpu, &ids, &got).await;
    if updates > 1 {
        want.extend((1..updates).flat_map(|_| cpu.update().to_vec()));
        got.extend(rows_of(&mut gpu, updates).await);
        same_means(&got, &want, &ids, updates as usize);
    }
}

pub fn same_rows(got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(want).enumerate() {
        let column = COLUMNS.get(i % ROW).map_or("component", |c| c.name);
        let close = (g.is_nan() && w.is_nan()) || (g - w).abs() <= 2e-4 + 2e-3 * w.abs();
        assert!(close, "lane {} {column} ({}): gpu {g}, cpu {w}", i / ROW, i % ROW);
    }
}

/// The parameters after the first update, which started from `start`.
fn same_step(params: &[f32], cpu: &CpuEngine, start: &[f32]) {
    let (mut off, mut moved) = (0, 0.0f32);
    let lanes = cpu.checkpoint().lanes;
    let want: Vec<f32> = lanes.iter().flat_map(|l| l.params.clone()).collect();
    assert_eq!(params.len(), want.len());
    for ((g, w), s) in params.iter().zip(&want).zip(start) {
        moved = moved.max((w - s).abs());
        // Adam turns the sign of a gradient near 0 into a whole step, so that some few may differ.
        off += usize::from((g - w).abs() > 1e-4 + 0.02 * (w - s).abs());
    }
    assert!(moved > 1e-4, "the update moved nothing");
    assert!(off * 100 <= want.len(), "{off} of {} parameters differ", want.len());
}

/// Over the last third of a run: the mean difference between the engines' lanes is within two standard errors of the
/// mean over seeds, plus 0.02 of the column's size (at least 1).
fn same_means(got: &[f32], want: &[f32], ids: &[LaneId], updates: usize) {
    let lanes = ids.len();
    let window = updates - updates / 3..updates;
    let arms = 1 + ids.iter().map(|id| id.arm).max().unwrap_or(0);
    for name in ["true_score", "proxy_reward", "entropy", "completions/mean_length"] {
        let column = COLUMNS.iter().position(|c| c.name == name).unwrap();
        let last = |rows: &[f32], lane: usize| {
            window.clone().map(|u| rows[(u * lanes + lane) * ROW + column]).sum::<f32>() / window.len() as f32
        };
        for arm in 0..arms {
            let own: Vec<usize> = (0..lanes).filter(|l| ids[*l].arm == arm).collect();
            let differences: Vec<f32> = own.iter().map(|l| last(got, *l) - last(want, *l)).collect();
            let means: Vec<f32> = own.iter().map(|l| last(want, *l)).collect();
            let n = own.len() as f32;
            let mean = |xs: &[f32]| xs.iter().sum::<f32>() / n;
            let variance = means.iter().map(|x| (x - mean(&means)).powi(2)).sum::<f32>() / (n - 1.0);
            let limit = 2.0 * (variance / n).sqrt() + 0.02 * mean(&means).abs().max(1.0);
            println!("arm {arm} {name}: cpu {}, difference {}", mean(&means), mean(&differences));
            assert!(mean(&differences).abs() < limit, "arm {arm} {name}: {differences:?}, limit {limit}");
        }
    }
    // It learned something, so that agreement means something.
    let entropy = COLUMNS.iter().position(|c| c.name == "entropy").unwrap();
    let of = |update: usize| (0..lanes).map(|l| got[(update * lanes + l) * ROW + entropy]).sum::<f32>();
    let (first, end) = (of(0), of(updates - 1));
    println!("entropy went from {first} to {end}");
    assert!(end < 0.97 * first, "entropy went from {first} to {end}");
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_bandit_with_a_table_agrees() {
    let text = experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        r#"{"updates": 60, "groups": 8, "num_generations": 8}"#,
        // Adam would blow up what cancels to rounding: with one state a group, advantages that sum to 0 leave nothing of
        // the actions not taken.
        r#"{"learning_rate": 5.0, "optim": "sgd"}"#,
        BANDIT,
    );
    agrees(&text, 8, 60, 12).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn noise_filters_and_dropped_samples_agree() {
    let text = experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        r#"{"updates": 10, "groups": 8, "num_generations": 8}"#,
        r#"{"learning_rate": 5.0, "optim": "sgd", "reward_noise": "gaussian", "sample_filter": "best_worst",
            "advantage_filter": 2.2, "dynamic_sampling": "drop", "log_ratio_clip": 0.1, "num_iterations": 2,
            "inference_n": 3}"#,
        BANDIT,
    );
    agrees(&text, 3, 1, 24).await;
}

/// The largest groups: what is compared in pairs has a stage of its own. Some samples fail and have no reward.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_best_of_a_thousand_agrees() {
    let Some(context) = context().await else { return };
    let code = "def read(ep):\n    return ep.proxy\n";
    let text = experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        r#"{"updates": 1, "groups": 8, "num_generations": 1024}"#,
        r#"{"learning_rate": 0, "inference_n": 1024}"#,
        &[(code, ""), (code, r#""inference_n": 30"#), ("def read(ep):\n    return ep.proxy / (ep.arm - 2)\n", "")],
    );
    let plan = plan_of(&text);
    let ids = lanes_of(&plan, &[0]);
    let want = CpuEngine::new(plan.clone(), &ids, None).unwrap().update().to_vec();
    let mut gpu = GpuEngine::new(&context, plan, &ids, None).await.unwrap();
    assert!(gpu.stage_names().contains(&"infer"));
    same_rows(&rows_of(&mut gpu, 1).await, &want);
    let best = |lane: usize| want[lane * ROW + Column::BestOfN as usize];
    assert!((best(0) - best(1)).abs() > 1e-3, "{} and {}", best(0), best(1));
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_gridworld_with_an_mlp_and_gae_agrees() {
    let text = experiment(
        r#"{"kind": "gridworld"}"#,
        r#"{"kind": "mlp", "hidden": [24, 40]}"#,
        r#"{"updates": 12, "groups": 16, "num_generations": 2}"#,
        r#"{"learning_rate": 0.01, "estimator": "gae", "gamma": 0.99, "loss_type": "bnpo"}"#,
        GRID,
    );
    agrees(&text, 3, 12, 12).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn passes_and_minibatches_agree_where_arms_differ_in_them() {
    let arms = [(GRID[0].0, ""), (GRID[1].0, r#""num_iterations": 1, "num_minibatches": 2"#)];
    let text = experiment(
        r#"{"kind": "gridworld"}"#,
        r#"{"kind": "mlp", "hidden": [16]}"#,
        r#"{"updates": 12, "groups": 8, "num_generations": 4}"#,
        r#"{"learning_rate": 0.003, "num_iterations": 2, "num_minibatches": 3, "entropy_coef": 0.01}"#,
        &arms,
    );
    // Six optimiser steps instead of one.
    agrees(&text, 2, 1, 12 + 5 * 7).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn length_with_a_transformer_agrees() {
    let text = experiment(
        r#"{"kind": "length", "max_completion_length": 12}"#,
        r#"{"kind": "transformer", "d_model": 16, "layers": 2, "heads": 2}"#,
        r#"{"updates": 9, "groups": 4, "num_generations": 4}"#,
        r#"{"learning_rate": 0.02, "entropy_coef": 0.01}"#,
        LENGTH,
    );
    agrees(&text, 3, 9, 12 + 2 * 8).await;
}

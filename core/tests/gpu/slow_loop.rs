//! The slow loop over the components' weights (`outer_every`), on both engines.

use crate::device::context;
use crate::experiments::{bandit, experiment, rows_of};
use crate::handover::{follows, goes_on};
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::metrics::columns::{ROW, component_weight};
use wasm_bindgen_test::wasm_bindgen_test;

const HINTS: &[(&str, &str)] = &[
    (
        "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef lure(ep, t):\n    return 0.25 * ep.coins[t]\ndef hint(ep):\n    return -ep.distance[ep.length] / 9\n",
        "",
    ),
    ("def goal(ep):\n    return 1.0 if ep.goal else 0.0\n", r#""outer_every": 0"#),
    (
        "def goal(ep):\n    return 1.0 if ep.goal else None\ndef hint(ep):\n    return -ep.distance[ep.length] / 9\n",
        r#""outer_every": 3, "estimator": "gdpo", "outer_max": 0.8"#,
    ),
];

const CORRIDOR: &str =
    "{\"kind\": \"gridworld\", \"map\": \"############/#C..S.....G#/############\", \"horizon\": 20}";

fn corridor(policy: &str, updates: u32) -> String {
    let run = format!(r#"{{"updates": {updates}, "groups": 6, "num_generations": 6}}"#);
    let algorithm = r#"{"learning_rate": 0.03, "estimator": "dr_grpo", "outer_every": 2, "outer_lr": 0.2}"#;
    experiment(CORRIDOR, policy, &run, algorithm, HINTS)
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn weights_of_a_table_move_alike() {
    follows(&corridor(r#"{"kind": "table"}"#, 10), 10).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn weights_of_an_mlp_move_alike() {
    follows(&corridor(r#"{"kind": "mlp", "hidden": [24]}"#, 6), 6).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn weights_of_a_transformer_move_alike() {
    let code = "def right(ep):\n    return 1.0 if ep.correct else 0.0\ndef brevity(ep):\n    return -0.1 * ep.length\n";
    let text = experiment(
        r#"{"kind": "length", "max_completion_length": 8}"#,
        r#"{"kind": "transformer", "d_model": 16, "layers": 2, "heads": 2}"#,
        r#"{"updates": 5, "groups": 6, "num_generations": 4}"#,
        r#"{"learning_rate": 0.01, "outer_every": 2, "outer_lr": 0.3, "outer_max": 2.0}"#,
        &[(code, ""), (code, r#""outer_every": 0"#)],
    );
    follows(&text, 5).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn moved_weights_go_on_on_either_engine() {
    let saved = goes_on(&corridor(r#"{"kind": "table"}"#, 10)).await;
    let Some(saved) = saved else { return };
    for lane in &saved.lanes {
        assert_eq!(lane.weights.is_empty(), lane.arm == 1);
        assert!(lane.weights.is_empty() || lane.weights.iter().any(|w| *w != 1.0), "{:?}", lane.weights);
    }
}

/// Edits start and stop the loop and give it new weights, as on the CPU engine.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_edit_starts_the_weights_anew() {
    let Some(context) = context().await else { return };
    let plan = bandit(9, 0.05);
    let ids = lanes_of(&plan, &[0]);
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    assert!(!gpu.stage_names().contains(&"outer_step"));
    let weights = async |gpu: &mut GpuEngine, cpu: &mut CpuEngine| {
        let landed = rows_of(gpu, cpu.update_count() + 1).await;
        let (g, c) = (landed[component_weight(0)], cpu.update()[component_weight(0)]);
        assert!((g.is_nan() && c.is_nan()) || (g - c).abs() < 1e-3, "{g} against {c}");
        assert!(landed[ROW + component_weight(0)].is_nan(), "the other arm's weights stay");
        g
    };
    assert!(weights(&mut gpu, &mut cpu).await.is_nan());
    let mut settings = plan.arms[0].settings.clone();
    settings.outer_every = 1;
    settings.outer_max = 3.0;
    cpu.set_settings(0, settings.clone());
    gpu.set_settings(0, settings.clone()).unwrap();
    let moved = weights(&mut gpu, &mut cpu).await;
    assert!(moved > 1.0, "the only component agrees with itself: {moved}");
    settings.outer_every = 0;
    cpu.set_settings(0, settings.clone());
    gpu.set_settings(0, settings).unwrap();
    assert_eq!(weights(&mut gpu, &mut cpu).await, moved, "it stays where it was");
    let program = || plan.compile("weights = {\"other\": 0.5}\ndef other(ep):\n    return ep.proxy\n").unwrap();
    cpu.set_program(0, program());
    gpu.set_program(0, program()).await.unwrap();
    assert!(weights(&mut gpu, &mut cpu).await.is_nan(), "the new program's own weight counts");
}

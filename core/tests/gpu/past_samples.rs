//! Past samples that stand in for those without an advantage (`dynamic_sampling = refill`), on both engines.

use crate::device::context;
use crate::experiments::{BANDIT, experiment, plan_of, rows_of};
use crate::handover::{follows, goes_on};
use crate::runs::agrees;
use goodhart_core::algorithm::Settings;
use goodhart_core::algorithm::settings::DynamicSampling;
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::metrics::columns::{Column, ROW};
use wasm_bindgen_test::wasm_bindgen_test;

/// Rewards that leave many groups without an advantage, and other ways to treat them.
const SPARSE: &[(&str, &str)] = &[
    ("def sparse(ep):\n    return 1.0 if ep.arm == 2 else 0.0\n", ""),
    ("def sparse(ep):\n    return 1.0 if ep.arm == 2 else 0.0\n", r#""dynamic_sampling": "drop""#),
    ("def sparse(ep):\n    return 1.0 / (ep.arm - 2)\n", r#""ssb_share": 0.25, "ssb_size": 7, "num_minibatches": 2"#),
];

fn bandit(updates: u32) -> String {
    experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        &format!(r#"{{"updates": {updates}, "groups": 8, "num_generations": 4}}"#),
        r#"{"learning_rate": 2.0, "optim": "sgd", "dynamic_sampling": "refill", "ssb_size": 24, "num_iterations": 2,
            "beta": 0.05}"#,
        SPARSE,
    )
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn past_samples_of_a_table_stand_in_alike() {
    follows(&bandit(8), 8).await;
}

/// With a value head, whose values and returns come along.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn past_samples_of_an_mlp_stand_in_alike() {
    let goal = "def goal(ep):\n    return 1.0 if ep.goal else 0.0\n";
    let text = experiment(
        r#"{"kind": "gridworld"}"#,
        r#"{"kind": "mlp", "hidden": [24]}"#,
        r#"{"updates": 6, "groups": 6, "num_generations": 3}"#,
        r#"{"learning_rate": 0.01, "dynamic_sampling": "refill", "ssb_size": 40}"#,
        &[(goal, ""), (goal, r#""estimator": "gae", "whiten_advantages": false, "sample_filter": "best_worst""#)],
    );
    follows(&text, 6).await;
}

/// With prior logits, which come along too.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn past_samples_with_prior_logits_stand_in_alike() {
    let right = "def right(ep):\n    return 1.0 if ep.correct else 0.0\n";
    let text = experiment(
        r#"{"kind": "quiz"}"#,
        r#"{"kind": "table"}"#,
        r#"{"updates": 6, "groups": 8, "num_generations": 3}"#,
        r#"{"learning_rate": 0.5, "optim": "sgd", "dynamic_sampling": "refill"}"#,
        &[(right, "")],
    );
    assert!(matches!(&plan_of(&text).task.play, goodhart_core::tasks::Play::Steps(task) if task.has_prior()));
    follows(&text, 6).await;
}

fn length(updates: u32) -> String {
    let right = "def accuracy(ep):\n    return 1.0 if ep.correct else 0.0\n";
    experiment(
        r#"{"kind": "length", "max_completion_length": 8}"#,
        r#"{"kind": "transformer", "d_model": 16, "layers": 2, "heads": 2}"#,
        &format!(r#"{{"updates": {updates}, "groups": 6, "num_generations": 3}}"#),
        r#"{"learning_rate": 0.01, "dynamic_sampling": "refill", "ssb_size": 30}"#,
        &[(right, ""), ("def brevity(ep):\n    return 1.0 if ep.length < 4 else 0.0\n", r#""num_minibatches": 2"#)],
    )
}

/// Past completions bring their own prompts.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn past_samples_of_a_transformer_stand_in_alike() {
    follows(&length(6), 6).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn past_samples_go_on_on_either_engine() {
    for text in [bandit(10), length(6)] {
        let Some(saved) = goes_on(&text).await else { return };
        assert!(saved.lanes.iter().any(|lane| !lane.buffer.is_empty()));
        assert!(saved.lanes.iter().filter(|lane| lane.arm == 0).all(|lane| lane.weights.is_empty()));
    }
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn whole_runs_with_past_samples_agree() {
    let algorithm = r#"{"learning_rate": 2.0, "optim": "sgd", "dynamic_sampling": "refill", "ssb_size": 64}"#;
    let text = experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        r#"{"updates": 40, "groups": 8, "num_generations": 8}"#,
        algorithm,
        BANDIT,
    );
    // The usual twelve, three for the past samples, and a forward pass in the first optimiser step.
    agrees(&text, 6, 40, 16).await;
}

/// An edit turns refilling on in a run that began without it, and begins with an empty buffer.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_edit_begins_to_refill() {
    let Some(context) = context().await else { return };
    let run = r#"{"updates": 20, "groups": 8, "num_generations": 4}"#;
    let algorithm = r#"{"learning_rate": 0.5, "optim": "sgd"}"#;
    let text = experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, run, algorithm, &SPARSE[..1]);
    let plan = plan_of(&text);
    let ids = lanes_of(&plan, &[0]);
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    assert!(!gpu.stage_names().contains(&"refill_draw"));
    let (plain, _) = gpu.dispatches();
    let shares = async |gpu: &mut GpuEngine, cpu: &mut CpuEngine| -> Vec<f32> {
        let got = rows_of(gpu, cpu.update_count() + 4).await;
        let want: Vec<f32> = (0..4).flat_map(|_| cpu.update().to_vec()).collect();
        let share = |rows: &[f32]| -> Vec<f32> {
            rows.chunks_exact(ROW).map(|row| row[Column::EffectiveSamples as usize]).collect()
        };
        assert_eq!(share(&got), share(&want));
        share(&got)
    };
    let before = shares(&mut gpu, &mut cpu).await;
    assert!(before.iter().any(|share| *share < 0.9), "{before:?}");
    let mut settings = plan.arms[0].settings.clone();
    settings.dynamic_sampling = DynamicSampling::Refill;
    cpu.set_settings(0, settings.clone());
    gpu.set_settings(0, settings.clone()).unwrap();
    let after = shares(&mut gpu, &mut cpu).await;
    assert!(after[0] < 1.0 && after[1..] == [1.0; 3], "{after:?}");
    // A larger buffer than the device has made room for is refused, and nothing changes.
    let moving = Settings { outer_every: 1, ..settings.clone() };
    assert!(gpu.set_settings(0, Settings { ssb_size: settings.ssb_size + 1, ..moving.clone() }).is_err());
    assert_eq!(shares(&mut gpu, &mut cpu).await, [1.0; 4]);
    // What else the refused edit asked for is made when it is asked for again.
    gpu.set_settings(0, moving).unwrap();
    assert!(gpu.stage_names().contains(&"outer_step"));
    settings.dynamic_sampling = DynamicSampling::Off;
    cpu.set_settings(0, settings.clone());
    gpu.set_settings(0, settings).unwrap();
    assert_eq!(gpu.dispatches().0, plain, "what is not asked for is not dispatched");
    shares(&mut gpu, &mut cpu).await;
}

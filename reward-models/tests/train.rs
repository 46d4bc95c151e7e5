//! Trainings as the product runs them: what burn learned is scored by goodhart-core, so the two must agree on the network.

use burn::tensor::Device;
use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::experiment::Experiment;
use goodhart_core::math::rng::{below, draw, uniform};
use goodhart_core::plan::{self, Plan};
#[cfg(feature = "wgpu")]
use goodhart_core::protocol::EngineKind;
use goodhart_core::reward_models::{Diversity, Examples, Job, ModelJob, Objective, Scorer, TrainingReport};
use goodhart_reward_models::{Devices, Fault, Progress, train};
use std::sync::Arc;

fn planned(task: &str, policy: &str, models: &str) -> Arc<Plan> {
    let text = format!(
        r#"{{"version": 1, "title": "t", "task": {task}, "policy": {policy}, "reward_models": {models},
            "run": {{"groups": 8, "num_generations": 8}},
            "arms": [{{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}}]}}"#
    );
    let experiment: Experiment = serde_json::from_str(&text).unwrap();
    Arc::new(plan::plan(&experiment).unwrap_or_else(|problems| panic!("{}", plan::join(&problems))))
}

fn trained_on(device: &Device, job: &Job) -> (Vec<f32>, Vec<f32>) {
    let mut losses = Vec::new();
    let tell = async |p: Progress| losses.push(p.loss);
    let weights = pollster::block_on(train(device, job, tell)).unwrap();
    (weights, losses)
}

fn trained(job: &Job) -> (Vec<f32>, Vec<f32>) {
    trained_on(Devices::cpu().on_cpu(), job)
}

/// Learns the rewards of a bandit's answers from scratch, as a run would before its first update.
fn learned(models: &str) -> (Vec<f32>, TrainingReport) {
    let plan = planned(r#"{"kind": "bandit", "hacks": 0, "features": 8}"#, r#"{"kind": "table"}"#, models);
    let start = FirstTraining::new(&plan, 0, None).unwrap().unwrap();
    let (weights, losses) = trained(start.job());
    assert!(losses.last() < losses.first(), "the loss falls: {losses:?}");
    let (weights, report) = start.finish(weights);
    (weights, report.unwrap())
}

#[test]
fn every_objective_learns_to_order_answers() {
    for objective in ["bradley_terry", "margin", "regression"] {
        let (_, report) = learned(&format!(r#"{{"objective": "{objective}", "steps": 150}}"#));
        assert!(report.mean.accuracy() > 0.85, "{objective}: {}", report.mean.accuracy());
    }
    let (_, report) = learned(r#"{"objective": "classification", "labels": "verifier", "steps": 150}"#);
    assert!(report.mean.accuracy() > 0.6, "right answers first: {}", report.mean.accuracy());
}

#[test]
fn wrong_labels_cost_accuracy_and_the_same_job_gives_the_same_bits() {
    let noisy = r#"{"count": 3, "steps": 150, "label_noise": 0.4, "data": "bootstrap"}"#;
    let (weights, report) = learned(noisy);
    let (_, clean) = learned(r#"{"count": 3, "steps": 150, "data": "bootstrap"}"#);
    assert!(report.mean.accuracy() < clean.mean.accuracy() - 0.03, "{report:?} {clean:?}");
    let again = learned(noisy).0;
    assert!(weights.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn what_burn_fits_is_what_the_engine_scores() {
    let mlp = r#"{"count": 2, "hidden": [24, 12], "objective": "regression"}"#;
    let sequence = r#"{"count": 2, "encoder": "sequence", "inputs": "tokens", "objective": "regression"}"#;
    let length = r#"{"kind": "length", "max_completion_length": 10}"#;
    let transformer = r#"{"kind": "transformer", "d_model": 16, "layers": 1, "heads": 1}"#;
    for plan in [planned(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, mlp), planned(length, transformer, sequence)]
    {
        let models = plan.reward_models.as_ref().unwrap();
        let shape = &models.shape;
        let (n, is_mlp) = (256u32, shape.embedding == 0);
        let word = |i: u32, k: u32| draw(1, i, k, 0, 0, 0)[0];
        let mut rows = Vec::new();
        let mut targets = Vec::new();
        for i in 0..n {
            let mut row: Vec<f32> = (0..shape.width as u32).map(|k| 2.0 * uniform(word(i, k)) - 1.0).collect();
            if is_mlp {
                targets.push(row[0] - 2.0 * row[1] * row[1]);
            } else {
                let length = 1 + below(word(i, 99), shape.width as u32 - 1) as usize;
                row[0] = length as f32;
                (1..shape.width).for_each(|k| row[k] = below(word(i, k as u32), shape.vocabulary as u32) as f32);
                // The share of the first four tokens of the vocabulary.
                targets.push(3.0 * row[1..=length].iter().filter(|t| **t < 4.0).count() as f32 / length as f32);
            }
            rows.extend(row);
        }
        let examples = Examples { first: (0..n).collect(), second: Vec::new(), targets: targets.clone() };
        let job = Job {
            shape: shape.clone(),
            objective: Objective::Regression,
            margin: 0.0,
            batch: 64,
            steps: 400,
            learning_rate: 0.01,
            weight_decay: 0.0,
            seed: 0,
            round: 0,
            rows,
            models: (0..2).map(|m| ModelJob { weights: shape.init(0, m), examples: examples.clone() }).collect(),
        };
        let (weights, losses) = trained(&job);
        let mean = targets.iter().sum::<f32>() / n as f32;
        let variance = targets.iter().map(|t| (t - mean) * (t - mean)).sum::<f32>() / n as f32;
        for own in weights.chunks_exact(shape.n_params()) {
            let error: f32 = job
                .rows
                .chunks_exact(shape.width)
                .zip(&targets)
                .map(|(row, t)| {
                    let r = Scorer::default().raw(shape, own, row);
                    (r - t) * (r - t)
                })
                .sum();
            let error = error / n as f32;
            assert!(error < 0.1 * variance, "squared error {error} of {variance}");
            let last = losses.last().unwrap();
            assert!((error - last).abs() < 0.05 * variance, "the engine finds {error}, burn says {last}");
        }
    }
}

#[test]
fn a_job_without_examples_changes_nothing() {
    let plan = planned(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, "{}");
    let start = FirstTraining::new(&plan, 0, None).unwrap().unwrap();
    let mut job = start.job().clone();
    assert_eq!(plan.reward_models.as_ref().unwrap().params.data, Diversity::Same);
    job.models[0].examples = Examples::default();
    assert_eq!(trained(&job).0, job.weights());
}

#[test]
fn a_training_that_diverges_is_an_error_not_a_number() {
    let plan = planned(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, r#"{"objective": "regression"}"#);
    let start = FirstTraining::new(&plan, 0, None).unwrap().unwrap();
    let mut job = start.job().clone();
    job.learning_rate = f32::MAX;
    let told = pollster::block_on(train(Devices::cpu().on_cpu(), &job, async |_| ()));
    assert_eq!(told.unwrap_err(), Fault::Diverged);
}

/// On whatever adapter there is, a software one too.
#[cfg(feature = "wgpu")]
#[test]
fn webgpu_learns_what_the_processor_learns() {
    let devices = pollster::block_on(Devices::with_gpu(true));
    let gpu = devices.on_gpu().expect("a software adapter comes with mesa-vulkan-drivers");
    let mlp = planned(r#"{"kind": "essay"}"#, r#"{"kind": "table"}"#, r#"{"count": 3, "hidden": [24, 12]}"#);
    let sequence = r#"{"encoder": "sequence", "inputs": "tokens", "objective": "regression"}"#;
    let sequence = planned(r#"{"kind": "judge"}"#, r#"{"kind": "table"}"#, sequence);
    for plan in [mlp, sequence] {
        let start = FirstTraining::new(&plan, 0, None).unwrap().unwrap();
        let job = Job { steps: 60, ..start.job().clone() };
        let ((want, curve), (got, theirs)) = (trained_on(devices.on_cpu(), &job), trained_on(gpu, &job));
        let close = |a: &[f32], b: &[f32], tolerance: f32| {
            let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(a.len() == b.len() && worst < tolerance, "they differ by {worst}");
        };
        close(&curve, &theirs, 1e-3);
        close(&want, &got, 1e-2);
        assert!(want.iter().zip(job.weights()).any(|(a, b)| (a - b).abs() > 0.05), "something was learned");
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn the_faster_device_trains_and_both_times_are_told() {
    let plan = planned(r#"{"kind": "essay"}"#, r#"{"kind": "table"}"#, "{}");
    let start = FirstTraining::new(&plan, 0, None).unwrap().unwrap();
    let mut devices = pollster::block_on(Devices::with_gpu(true));
    let has_gpu = devices.on_gpu().is_some();
    let (_, on) = pollster::block_on(devices.train(start.job(), async |_| ())).unwrap();
    assert_eq!((on.cpu_ms.is_some(), on.gpu_ms.is_some()), (has_gpu, has_gpu));
    if let (Some(cpu), Some(gpu)) = (on.cpu_ms, on.gpu_ms) {
        assert_eq!(on.kind == EngineKind::Gpu, gpu < cpu);
        assert!(on.to_string().contains(" ms a step, "), "{on}");
    }
    let again = pollster::block_on(devices.train(start.job(), async |_| ())).unwrap().1;
    assert_eq!(again, on, "measured once");
    let alone = pollster::block_on(Devices::cpu().train(start.job(), async |_| ())).unwrap().1;
    assert_eq!((alone.kind, alone.cpu_ms, alone.to_string().as_str()), (EngineKind::Cpu, None, "trained on the CPU"));
}

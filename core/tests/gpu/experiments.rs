//! Small experiments, and what the tests do with an engine that trains them.

use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::experiment::Experiment;
use goodhart_core::plan::{self, Plan};
use std::sync::Arc;

pub const BANDIT: &[(&str, &str)] = &[
    ("def proxy(ep):\n    return ep.proxy\n", ""),
    ("def proxy(ep):\n    return min(ep.proxy, 0.5) if ep.arm > 3 else None\n", r#""learning_rate": 2.0"#),
];

pub const GRID: &[(&str, &str)] = &[
    (
        "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef shaped(ep, t):\n    return 0.1 * (ep.distance[t] - ep.distance[t + 1])\n",
        "",
    ),
    ("def goal(ep):\n    return 1.0 if ep.goal else 0.0\n", r#""vf_coef": 0.25"#),
];

pub const LENGTH: &[(&str, &str)] = &[
    ("def accuracy(ep):\n    return 1.0 if ep.correct else 0.0\ndef brevity(ep):\n    return -0.01 * ep.length\n", ""),
    (
        "def brevity(ep):\n    return -0.01 * ep.length\ndef combine(r, ep, group, batch, run):\n    m = mean(e.length for e in group)\n    return r.brevity + 0.1 * (ep.length > m) + 0.001 * run.step\n",
        r#""beta": 0.1, "loss_type": "grpo""#,
    ),
];

/// The plan of an experiment's text.
pub fn plan_of(text: &str) -> Arc<Plan> {
    let experiment: Experiment = serde_json::from_str(text).unwrap();
    Arc::new(plan::plan(&experiment).unwrap_or_else(|problems| panic!("{}", plan::join(&problems))))
}

/// The text of an experiment; an arm is its program and what it changes in the algorithm.
pub fn experiment(task: &str, policy: &str, run: &str, algorithm: &str, arms: &[(&str, &str)]) -> String {
    let arms: Vec<String> = arms
        .iter()
        .enumerate()
        .map(|(i, (code, diff))| {
            format!(
                r#"{{"name": "arm {i}", "code": {}, "algorithm": {{{diff}}}}}"#,
                serde_json::to_string(code).unwrap()
            )
        })
        .collect();
    format!(
        r#"{{"version": 1, "title": "test", "task": {task}, "policy": {policy}, "run": {run}, "algorithm": {algorithm},
            "arms": [{}]}}"#,
        arms.join(", ")
    )
}

/// A bandit of `BANDIT`'s two arms, four groups of four, that runs for some updates at a learning rate.
pub fn bandit(updates: u32, learning_rate: f32) -> Arc<Plan> {
    let run = format!(r#"{{"updates": {updates}, "groups": 4, "num_generations": 4}}"#);
    let algorithm = format!(r#"{{"learning_rate": {learning_rate}}}"#);
    plan_of(&experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, &run, &algorithm, BANDIT))
}

/// Trains up to `updates` and gives the metric rows of what it trained.
pub async fn rows_of(engine: &mut GpuEngine, updates: u32) -> Vec<f32> {
    let mut rows = Vec::new();
    while engine.update_count() < updates {
        engine.submit(updates - engine.update_count()).unwrap();
        while let Some(landed) = engine.next_rows().await.unwrap() {
            rows.extend(landed.values);
        }
    }
    rows
}

/// Every lane's parameters.
pub async fn parameters(engine: &GpuEngine) -> Vec<f32> {
    let n = engine.sizes().lanes * engine.sizes().params;
    engine.read("params", 0, n).await.unwrap().into_iter().map(f32::from_bits).collect()
}

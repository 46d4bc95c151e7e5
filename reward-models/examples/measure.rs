//! Milliseconds of a training step on the processor and on the GPU, software adapters included, for models of several
//! sizes, the experiments' own first: `cargo run --release --features wgpu --example measure`.

use goodhart_core::engine::reward_models::FirstTraining;
use goodhart_core::experiment::Experiment;
use goodhart_core::plan;
use goodhart_reward_models::{Devices, milliseconds};
use pollster::block_on;
use std::sync::Arc;

const MODELS: [(&str, &str); 5] = [
    ("cooper", r#"{"hidden": [64, 64]}"#),
    ("rm-ensembles-overopt", r#"{"count": 5, "hidden": [64, 64], "data": "bootstrap"}"#),
    ("sixteen of 64, 64", r#"{"count": 16, "hidden": [64, 64]}"#),
    ("batches of 1024", r#"{"count": 5, "hidden": [64, 64], "batch": 1024}"#),
    ("the largest", r#"{"count": 16, "hidden": [64, 64, 64], "batch": 1024}"#),
];

fn main() -> Result<(), String> {
    let devices = block_on(Devices::with_gpu(true));
    if devices.on_gpu().is_none() {
        println!("no GPU, or a build without the feature wgpu: the processor alone");
    }
    for (name, models) in MODELS {
        let text = format!(
            r#"{{"version": 1, "title": "t", "task": {{"kind": "essay"}}, "policy": {{"kind": "table"}},
                "reward_models": {models}, "arms": [{{"name": "a", "code": "def r(ep):\n    return ep.rm\n"}}]}}"#
        );
        let experiment: Experiment = serde_json::from_str(&text).map_err(|e| e.to_string())?;
        let plan = plan::plan(&experiment).map_err(|problems| plan::join(&problems))?;
        let start = FirstTraining::new(&Arc::new(plan), 0, None)?.ok_or("the experiment learns no reward model")?;
        let took = |device| block_on(milliseconds(device, start.job())).map_err(|e| e.to_string());
        let cpu = took(devices.on_cpu())?;
        let gpu = devices.on_gpu().map(took).transpose()?;
        let gpu = gpu.map_or_else(String::new, |ms| format!(", WebGPU {ms:.2}"));
        println!("{name:24} processor {cpu:.2} ms a step{gpu}");
    }
    Ok(())
}

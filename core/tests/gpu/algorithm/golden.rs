//! TRL's golden vectors through the shaders.

use super::batch::*;
use crate::device::context;
use crate::pass::{run, words};
use goodhart_core::algorithm::Settings;
use wasm_bindgen_test::wasm_bindgen_test;

/// What TRL itself answers, made by `golden/make.py`. Part of the binary, since a browser has no files.
const ADVANTAGES: &str = include_str!("../../golden/trl_advantages.json");
const LOSSES: &str = include_str!("../../golden/trl_losses.json");

fn golden(text: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(text).unwrap()
}

/// The numbers of nested lists, null as NaN.
fn numbers(value: &serde_json::Value) -> Vec<f32> {
    match value {
        serde_json::Value::Array(xs) => xs.iter().flat_map(numbers).collect(),
        x => vec![x.as_f64().map_or(f32::NAN, |x| x as f32)],
    }
}

fn golden_settings(options: &serde_json::Value, names: &[&str]) -> Settings {
    let given = options.as_object().unwrap().iter().filter(|(k, _)| names.is_empty() || names.contains(&k.as_str()));
    let pairs: Vec<(String, String)> = given
        .filter(|(k, _)| *k != "max_completion_length")
        .map(|(k, v)| (k.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_string)))
        .collect();
    settings(&pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>())
}

/// The tolerance of the golden vectors: 1e-4 relative, 1e-5 absolute.
fn assert_golden(name: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= 1e-4 * e.abs() + 1e-5, "{name}[{i}]: {g} instead of {e}");
    }
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn advantages_are_those_of_trl() {
    let Some(gpu) = context().await else { return };
    for components in 1..=3 {
        let cases: Vec<_> =
            golden(ADVANTAGES).into_iter().filter(|c| c["weights"].as_array().unwrap().len() == components).collect();
        let sizes = Sizes { lanes: cases.len(), groups: 4, group: 8, steps: 1, components, params: 1 };
        let n = sizes.n();
        let names = ["scale_rewards", "multi_objective_aggregation"];
        let arms: Vec<_> = cases.iter().map(|c| (golden_settings(c, &names), numbers(&c["weights"]))).collect();
        let lanes: Vec<_> = cases
            .iter()
            .zip(&arms)
            .map(|(case, (_, weights))| {
                let components = numbers(&case["rewards"]);
                let sum = |i: usize| {
                    let xs: Vec<f32> = weights
                        .iter()
                        .enumerate()
                        .map(|(k, w)| w * components[k * n + i])
                        .filter(|x| !x.is_nan())
                        .collect();
                    if xs.is_empty() { f32::NAN } else { xs.iter().sum() }
                };
                let zeros = vec![0.0; n];
                LaneData {
                    lengths: vec![1; n],
                    truncated: vec![0; n],
                    active: vec![1; n],
                    rewards: (0..n).map(sum).collect(),
                    components,
                    step_rewards: zeros.clone(),
                    values: zeros.clone(),
                    end_values: zeros.clone(),
                    values_new: zeros.clone(),
                    logp: zeros.clone(),
                    logp_old: zeros.clone(),
                    logp_ref: zeros.clone(),
                    entropy: zeros,
                }
            })
            .collect();
        let mut buffers = sizes.tables(&arms);
        shared(sizes, &lanes, &mut buffers);
        buffers.insert("at", at(0, 0, 0, 1, 1));
        run(&gpu, &sizes.text("advantage"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
        for (lane, case) in cases.iter().enumerate() {
            let got = column(&buffers["advantages"], 2, 0, lane, n);
            assert_golden(&case["name"].to_string(), &got, &numbers(&case["advantages"]));
        }
    }
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn losses_are_those_of_trl() {
    let Some(gpu) = context().await else { return };
    let cases = golden(LOSSES);
    let sizes = Sizes { lanes: cases.len(), groups: 1, group: 8, steps: 12, components: 1, params: 1 };
    let arms: Vec<_> = cases.iter().map(|c| (golden_settings(&c["options"], &[]), vec![1.0])).collect();
    let lanes: Vec<_> = cases
        .iter()
        .map(|case| LaneData {
            lengths: numbers(&case["mask"]).chunks(12).map(|row| row.iter().sum::<f32>() as u32).collect(),
            truncated: vec![0; 8],
            active: vec![1; 8],
            rewards: vec![0.0; 8],
            components: vec![0.0; 8],
            step_rewards: vec![0.0; 96],
            values: vec![0.0; 96],
            end_values: vec![0.0; 8],
            values_new: vec![0.0; 96],
            logp: numbers(&case["logp"]),
            logp_old: numbers(&case["logp_old"]),
            logp_ref: numbers(&case["logp_ref"]),
            entropy: numbers(&case["entropy"]),
        })
        .collect();
    let mut buffers = sizes.tables(&arms);
    shared(sizes, &lanes, &mut buffers);
    let advantages: Vec<f32> = cases
        .iter()
        .flat_map(|c| numbers(&c["advantages"]))
        .flat_map(|a| std::iter::repeat_n([a, 0.0], sizes.steps))
        .flatten()
        .collect();
    buffers.insert("advantages", words(&advantages));
    buffers.insert("at", at(0, 0, 0, 1, 1));
    run(&gpu, &sizes.text("loss"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
    for (lane, case) in cases.iter().enumerate() {
        let name = format!("{} {}", case["name"], case["options"]);
        assert_golden(&name, &[stats(&buffers, lane).loss], &numbers(&case["loss"]));
        let got = column(&buffers["coefs"], 4, 0, lane, 96);
        assert_golden(&name, &got, &numbers(&case["dloss_dlogp"]));
    }
}

//! The exploration memory's stages against the CPU's, on the device's own episodes.

use crate::common::steps;
use crate::device::context;
use crate::experiments::{experiment, plan_of, rows_of};
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::plan::Plan;
use goodhart_core::tasks::{DrawKey, STATE_WORDS};
use std::sync::Arc;
use wasm_bindgen_test::wasm_bindgen_test;

const GOAL: &[(&str, &str)] = &[
    ("def goal(ep):\n    return 1.0 if ep.goal else 0.0\n", ""),
    ("def bonus(ep, t):\n    return 0.1 * ep.elliptical[t + 1] / sqrt(1.0 + ep.visits[t + 1])\n", ""),
];
const GROUP: usize = 5;

fn remembering(task: &str, policy: &str, memory: &str) -> Arc<Plan> {
    let run = r#"{"updates": 8, "groups": 3, "num_generations": 5}"#;
    let text = experiment(task, &format!(r#"{{"kind": "{policy}"}}"#), run, r#"{"learning_rate": 0.05}"#, GOAL);
    plan_of(&text.replacen("\"arms\":", &format!("\"exploration\": {memory}, \"arms\":"), 1))
}

async fn stages_agree(plan: Arc<Plan>) {
    let Some(context) = context().await else { return };
    let memory = plan.exploration.clone().unwrap();
    let lanes = lanes_of(&plan, &[0, 1]);
    let mut engine = GpuEngine::new(&context, plan.clone(), &lanes, None).await.unwrap();
    let (n, stride, horizon) = (plan.n_samples(), plan.task.schema.stride, plan.steps());
    let mut counters = vec![0u32; lanes.len() * memory.buckets()];
    let (mut scratch, mut visited) = (Vec::new(), 0.0f32);
    for update in 0..3 {
        for stage in ["rollout", "explore", "remember"] {
            engine.run_stage(stage, update).unwrap();
        }
        let read = async |name: &str, words: usize| engine.read(name, 0, words).await.unwrap();
        let records = read("records", lanes.len() * n * stride).await;
        let samples = read("samples", lanes.len() * n * 4).await;
        let actions = read("actions", lanes.len() * n * horizon).await;
        for (l, lane) in lanes.iter().enumerate() {
            let own = &mut counters[l * memory.buckets()..(l + 1) * memory.buckets()];
            let mut replayed = Vec::new();
            for i in 0..n {
                let at = l * n + i;
                let length = f32::from_bits(samples[at * 4]) as usize;
                let (group, sample) = ((i / GROUP) as u32, (i % GROUP) as u32);
                let key = DrawKey { seed: plan.seed(lane.seed), update, group, sample };
                let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; stride]);
                let task = steps(&plan.instances[plan.instance(lane.seed)]);
                task.begin(key, &mut state, &mut record);
                memory.note(task, &state, 0, &mut record);
                for t in 0..length {
                    task.step(key, t as u32, actions[at * horizon + t], &mut state, &mut record);
                    memory.note(task, &state, t + 1, &mut record);
                }
                memory.fill(own, length, &mut record, &mut scratch);
                for name in ["visits", "episodic_visits", "elliptical"] {
                    let field = plan.task.schema.get(name).unwrap();
                    for slot in field.offset..=field.offset + length + 1 {
                        let (cpu, gpu) = (record[slot], f32::from_bits(records[at * stride + slot]));
                        let near = (cpu - gpu).abs() <= if name == "elliptical" { 2e-3 * cpu.max(1.0) } else { 0.0 };
                        assert!(near, "{name} of lane {l}, sample {i}, slot {slot}: {cpu} on the CPU, {gpu}");
                        visited = visited.max(if name == "visits" { cpu } else { 0.0 });
                    }
                }
                replayed.push((length, record));
            }
            replayed.iter().for_each(|(length, record)| memory.remember(*length, record, own));
        }
        assert_eq!(read("visits", counters.len()).await, counters, "update {update}");
    }
    assert!(visited > 20.0, "counts grow: {visited}");
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn what_was_visited_is_what_the_cpu_counts() {
    stages_agree(remembering(
        r#"{"kind": "rooms", "channels": 4, "shared_structure": 0.5, "horizon": 24}"#,
        "mlp",
        "{}",
    ))
    .await;
    stages_agree(remembering(r#"{"kind": "chain", "cells": 20}"#, "table", r#"{"buckets": 16, "ridge": 1.0}"#)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn a_checkpoint_holds_the_counters() {
    let Some(context) = context().await else { return };
    let plan = remembering(r#"{"kind": "chain", "cells": 8, "horizon": 12}"#, "table", "{}");
    let ids = lanes_of(&plan, &[0]);
    let new = async || GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let want = rows_of(&mut new().await, 8).await;
    let mut first = new().await;
    let mut got = rows_of(&mut first, 3).await;
    let checkpoint = first.checkpoint().await.unwrap();
    assert!(checkpoint.lanes[1].visits.iter().sum::<u32>() > 100);
    let mut second = new().await;
    second.restore(&checkpoint).unwrap();
    got.extend(rows_of(&mut second, 8).await);
    let same = |(g, w): (&f32, &f32)| g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(&want).all(same));
    CpuEngine::new(plan.clone(), &ids, None).unwrap().restore(&checkpoint).unwrap();
}

//! What an engine does besides training: checkpoints, what views read, edits.

use crate::device::context;
use crate::experiments::{BANDIT, bandit, experiment, parameters, plan_of, rows_of};
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::metrics::columns::{MAX_COMPONENTS, ROW, component_mean};
use wasm_bindgen_test::wasm_bindgen_test;

/// Twelve updates, interrupted by a checkpoint that a second engine takes over; and what views read.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn a_checkpoint_goes_on_where_it_was() {
    let Some(context) = context().await else { return };
    let plan = bandit(12, 0.05);
    let ids = lanes_of(&plan, &[0, 1]);
    let new = async || GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let mut whole = new().await;
    let want = rows_of(&mut whole, 12).await;
    let mut first = new().await;
    let mut got = rows_of(&mut first, 5).await;
    let checkpoint = first.checkpoint().await.unwrap();
    assert_eq!(checkpoint.update, 5);
    let mut second = new().await;
    second.restore(&checkpoint).unwrap();
    got.extend(rows_of(&mut second, 12).await);
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!(g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()), "number {i}: {g} against {w}");
    }
    // The CPU engine takes it over too.
    CpuEngine::new(plan.clone(), &ids, None).unwrap().restore(&checkpoint).unwrap();

    let lane = ids[1];
    let kept = second.kept(lane).await.unwrap();
    let row = &want[want.len() - ids.len() * ROW..][ROW..2 * ROW];
    let mean = kept.true_scores.iter().sum::<f32>() / kept.true_scores.len() as f32;
    assert!((mean - row[0]).abs() < 1e-5, "{mean} {}", row[0]);
    let groups = goodhart_core::engine::anatomy::groups(&plan, &plan.arms[lane.arm].program, &kept);
    assert_eq!(groups.len(), 4);
    let arm = plan.task.schema.get("arm").unwrap().offset;
    for s in groups.iter().flat_map(|g| &g.samples) {
        assert_eq!(s.components[0].is_none(), s.record[arm] <= 3.0);
        assert_eq!((s.actions.as_slice(), s.length), (&[s.record[arm] as u32][..], 1));
    }
    let probe = goodhart_core::engine::probe::of_task(&plan).unwrap();
    let p = second.probabilities(lane, &probe).await.unwrap();
    for row in p.chunks_exact(plan.task.n_actions) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
}

/// A checkpoint without a value head goes on with a fresh one, and leaves the same on both engines.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn a_value_head_joins_a_run() {
    let Some(context) = context().await else { return };
    let plan = bandit(4, 0.05);
    let text = |estimator: &str| {
        let algorithm = format!(r#"{{"estimator": "{estimator}"}}"#);
        let run = r#"{"updates": 4, "groups": 4, "num_generations": 4}"#;
        plan_of(&experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, run, &algorithm, BANDIT))
    };
    let ids = lanes_of(&plan, &[0, 1]);
    let mut first = GpuEngine::new(&context, plan, &ids, None).await.unwrap();
    rows_of(&mut first, 2).await;
    let saved = first.checkpoint().await.unwrap();
    let mut gpu = GpuEngine::new(&context, text("gae"), &ids, None).await.unwrap();
    gpu.restore(&saved).unwrap();
    let mut cpu = CpuEngine::new(text("gae"), &ids, None).unwrap();
    cpu.restore(&saved).unwrap();
    assert!(cpu.checkpoint().lanes[0].params.len() > saved.lanes[0].params.len());
    assert_eq!(gpu.checkpoint().await.unwrap(), cpu.checkpoint());
    let mut back = GpuEngine::new(&context, text("grpo"), &ids, None).await.unwrap();
    back.restore(&cpu.checkpoint()).unwrap();
    assert_eq!(back.checkpoint().await.unwrap(), saved);
}

/// An edit changes the reward from the next submit on and keeps the policy.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_edited_program_is_used_and_the_policy_stays() {
    let Some(context) = context().await else { return };
    let plan = bandit(4, 0.0);
    let ids = lanes_of(&plan, &[0]);
    let mut engine = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    rows_of(&mut engine, 1).await;
    let before = parameters(&engine).await;
    let program = plan.compile("def a(ep):\n    return 7.0\ndef b(ep):\n    return 1.5\n").unwrap();
    engine.set_program(0, program).await.unwrap();
    assert_eq!(before, parameters(&engine).await);
    let rows = rows_of(&mut engine, 2).await;
    assert_eq!(rows[1], 8.5);
    assert!(rows[ROW + 1] < 8.0, "the other arm keeps its program");
}

/// An edit may bring more components than the run began with, and the row has all of them.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn an_edit_may_bring_more_components() {
    let Some(context) = context().await else { return };
    let plan = bandit(4, 0.0);
    let ids = lanes_of(&plan, &[0, 1]);
    let mut engine = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    rows_of(&mut engine, 1).await;
    let before = parameters(&engine).await;
    let code: String = (0..32).map(|c| format!("def c{c}(ep, t):\n    return {c}.5\n")).collect();
    engine.set_program(0, plan.compile(&code).unwrap()).await.unwrap();
    assert_eq!(before, parameters(&engine).await);
    let rows = rows_of(&mut engine, 2).await;
    for (lane, row) in rows.chunks_exact(ROW).enumerate() {
        for c in 0..MAX_COMPONENTS {
            let mean = row[component_mean(c)];
            match (ids[lane].arm, c) {
                (0, _) => assert_eq!(mean, c as f32 + 0.5, "component {c}"),
                (_, 0) => assert!(mean < 8.0, "the other arm keeps its program"),
                _ => assert!(mean.is_nan(), "component {c} of a program of one is {mean}"),
            }
        }
    }
}

//! Whole updates of the WebGPU engine against the CPU engine: the same experiment, seeds and random numbers. The first
//! update must agree number by number up to rounding; after it trajectories may part.
#![cfg(feature = "gpu")]

use goodhart_core::cpu::{CpuEngine, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::gpu::{GpuContext, GpuEngine, request_device};
use goodhart_core::metrics::columns::{COLUMNS, ROW};
use goodhart_core::plan::{self, Plan};
use std::sync::Arc;

fn context() -> Option<GpuContext> {
    match pollster::block_on(request_device()) {
        Ok(context) => Some(context),
        Err(e) => {
            println!("skipped: {e}");
            None
        }
    }
}

fn plan_of(text: &str) -> Arc<Plan> {
    let experiment: Experiment = serde_json::from_str(text).unwrap();
    Arc::new(plan::plan(&experiment).unwrap_or_else(|problems| panic!("{}", plan::join(&problems))))
}

fn experiment(task: &str, policy: &str, run: &str, algorithm: &str, arms: &[(&str, &str)]) -> String {
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

fn rows_of(engine: &mut GpuEngine, updates: u32) -> Vec<f32> {
    let mut rows = Vec::new();
    while engine.update_count() < updates {
        engine.submit(updates - engine.update_count()).unwrap();
        while let Some(landed) = pollster::block_on(engine.next_rows()).unwrap() {
            rows.extend(landed.values);
        }
    }
    rows
}

fn parameters(engine: &GpuEngine) -> Vec<f32> {
    let n = engine.shape().lanes * engine.shape().params;
    pollster::block_on(engine.read("params", 0, n)).unwrap().into_iter().map(f32::from_bits).collect()
}

/// Compares the first update of both engines, column by column, and the parameters after it.
fn first_update_agrees(text: &str) {
    let Some(context) = context() else { return };
    let plan = plan_of(text);
    let ids = lanes_of(&plan, &[0, 1]);
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let want = cpu.update().to_vec();
    let mut gpu = pollster::block_on(GpuEngine::new(&context, plan, &ids, None)).unwrap();
    if gpu.shape().rows() > 512 {
        assert!(gpu.stage_names().contains(&"backward_sum"), "so many rows are split");
    }
    let got = rows_of(&mut gpu, 1);
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        let column = COLUMNS.get(i % ROW).map_or("component", |c| c.name);
        let close = (g.is_nan() && w.is_nan()) || (g - w).abs() <= 2e-4 + 2e-3 * w.abs();
        assert!(close, "lane {} {column} ({}): gpu {g}, cpu {w}", i / ROW, i % ROW);
    }
    let params = parameters(&gpu);
    let (mut off, mut moved) = (0, 0.0f32);
    let lanes = cpu.checkpoint().lanes;
    let want: Vec<f32> = lanes.iter().flat_map(|l| l.params.clone()).collect();
    assert_eq!(params.len(), want.len());
    let start = plan_start(&context, text);
    for ((g, w), s) in params.iter().zip(&want).zip(&start) {
        moved = moved.max((w - s).abs());
        // Adam turns the sign of a gradient near 0 into a whole step, so that some few may differ.
        off += usize::from((g - w).abs() > 1e-4 + 0.02 * (w - s).abs());
    }
    assert!(moved > 1e-4, "the update moved nothing");
    assert!(off * 100 <= want.len(), "{off} of {} parameters differ", want.len());
}

fn plan_start(context: &GpuContext, text: &str) -> Vec<f32> {
    let plan = plan_of(text);
    let ids = lanes_of(&plan, &[0, 1]);
    parameters(&pollster::block_on(GpuEngine::new(context, plan, &ids, None)).unwrap())
}

const BANDIT: &[(&str, &str)] = &[
    ("def proxy(ep):\n    return ep.proxy\n", ""),
    ("def proxy(ep):\n    return min(ep.proxy, 0.5) if ep.arm > 3 else None\n", r#""learning_rate": 2.0"#),
];

#[test]
fn the_bandit_with_a_table_agrees() {
    let run = r#"{"updates": 10, "groups": 8, "num_generations": 8}"#;
    first_update_agrees(&experiment(
        r#"{"kind": "bandit"}"#,
        r#"{"kind": "table"}"#,
        run,
        // Adam would blow up what cancels to rounding: with one state a group, advantages that sum to 0 leave nothing of
        // the actions not taken.
        r#"{"learning_rate": 5.0, "optim": "sgd"}"#,
        BANDIT,
    ));
}

#[test]
fn passes_and_minibatches_agree_where_arms_differ_in_them() {
    let arms = [(GRID[0].0, ""), (GRID[1].0, r#""num_iterations": 1, "num_minibatches": 2"#)];
    first_update_agrees(&experiment(
        r#"{"kind": "gridworld"}"#,
        r#"{"kind": "mlp", "hidden": [16]}"#,
        r#"{"updates": 10, "groups": 8, "num_generations": 4}"#,
        r#"{"learning_rate": 0.003, "num_iterations": 2, "num_minibatches": 3, "entropy_coef": 0.01}"#,
        &arms,
    ));
}

const LENGTH: &[(&str, &str)] = &[
    ("def accuracy(ep):\n    return 1.0 if ep.correct else 0.0\ndef brevity(ep):\n    return -0.01 * ep.length\n", ""),
    (
        "def brevity(ep):\n    return -0.01 * ep.length\ndef combine(r, ep, group, batch, run):\n    m = mean(e.length for e in group)\n    return r.brevity + 0.1 * (ep.length > m) + 0.001 * run.step\n",
        r#""beta": 0.1, "loss_type": "grpo""#,
    ),
];

#[test]
fn length_with_a_transformer_agrees() {
    first_update_agrees(&experiment(
        r#"{"kind": "length"}"#,
        r#"{"kind": "transformer", "d_model": 16, "layers": 2, "heads": 2}"#,
        r#"{"updates": 10, "groups": 4, "num_generations": 5}"#,
        r#"{"learning_rate": 0.01, "entropy_coef": 0.01}"#,
        LENGTH,
    ));
}

const GRID: &[(&str, &str)] = &[
    (
        "def goal(ep):\n    return 1.0 if ep.goal else 0.0\ndef shaped(ep, t):\n    return 0.1 * (ep.distance[t] - ep.distance[t + 1])\n",
        "",
    ),
    ("def goal(ep):\n    return 1.0 if ep.goal else 0.0\n", r#""vf_coef": 0.25"#),
];

#[test]
fn the_gridworld_with_an_mlp_and_gae_agrees() {
    first_update_agrees(&experiment(
        r#"{"kind": "gridworld"}"#,
        r#"{"kind": "mlp", "hidden": [24, 40]}"#,
        r#"{"updates": 10, "groups": 16, "num_generations": 2}"#,
        r#"{"learning_rate": 0.003, "estimator": "gae", "gamma": 0.99, "loss_type": "bnpo"}"#,
        GRID,
    ));
}

/// Twelve updates, interrupted by a checkpoint that a second engine takes over; and what views read.
#[test]
fn a_checkpoint_goes_on_where_it_was() {
    let Some(context) = context() else { return };
    let run = r#"{"updates": 12, "groups": 4, "num_generations": 4}"#;
    let text = experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, run, r#"{"learning_rate": 0.05}"#, BANDIT);
    let plan = plan_of(&text);
    let ids = lanes_of(&plan, &[0, 1]);
    let new = || pollster::block_on(GpuEngine::new(&context, plan.clone(), &ids, None)).unwrap();
    let mut whole = new();
    let want = rows_of(&mut whole, 12);
    let mut first = new();
    let mut got = rows_of(&mut first, 5);
    let checkpoint = pollster::block_on(first.checkpoint()).unwrap();
    assert_eq!(checkpoint.update, 5);
    let mut second = new();
    second.restore(&checkpoint).unwrap();
    got.extend(rows_of(&mut second, 12));
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!(g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()), "number {i}: {g} against {w}");
    }
    // The CPU engine takes it over too.
    CpuEngine::new(plan.clone(), &ids, None).unwrap().restore(&checkpoint).unwrap();

    let lane = ids[1];
    let kept = pollster::block_on(second.kept(lane)).unwrap();
    let row = &want[want.len() - ids.len() * ROW..][ROW..2 * ROW];
    let mean = kept.true_scores.iter().sum::<f32>() / kept.true_scores.len() as f32;
    assert!((mean - row[0]).abs() < 1e-5, "{mean} {}", row[0]);
    let groups = goodhart_core::anatomy::groups(&plan, &kept);
    assert_eq!(groups.len(), 4);
    let arm = plan.task.schema.get("arm").unwrap().offset;
    for s in groups.iter().flat_map(|g| &g.samples) {
        assert_eq!(s.components[0].is_none(), s.record[arm] <= 3.0);
        assert_eq!((s.actions.as_slice(), s.length), (&[s.record[arm] as u32][..], 1));
    }
    let probe = goodhart_core::anatomy::probe(&plan).unwrap();
    let p = pollster::block_on(second.probabilities(lane, &probe)).unwrap();
    for row in p.chunks_exact(plan.task.n_actions) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    }
}

/// An edit changes the reward from the next submit on and keeps the policy.
#[test]
fn an_edited_program_is_used_and_the_policy_stays() {
    let Some(context) = context() else { return };
    let run = r#"{"updates": 4, "groups": 4, "num_generations": 4}"#;
    let text = experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, run, r#"{"learning_rate": 0.0}"#, BANDIT);
    let plan = plan_of(&text);
    let ids = lanes_of(&plan, &[0]);
    let mut engine = pollster::block_on(GpuEngine::new(&context, plan.clone(), &ids, None)).unwrap();
    rows_of(&mut engine, 1);
    let before = parameters(&engine);
    let program = plan.compile("def a(ep):\n    return 7.0\ndef b(ep):\n    return 1.5\n").unwrap();
    pollster::block_on(engine.set_program(0, program)).unwrap();
    assert_eq!(before, parameters(&engine));
    let rows = rows_of(&mut engine, 2);
    assert_eq!(rows[1], 8.5);
    assert!(rows[ROW + 1] < 8.0, "the other arm keeps its program");
}

/// Sixty updates over eight seeds: the two engines' trajectories part by rounding, their means over seeds may not.
#[test]
fn whole_runs_agree_statistically() {
    const SEEDS: usize = 8;
    let Some(context) = context() else { return };
    let run = r#"{"updates": 60, "seeds": 8, "groups": 8, "num_generations": 8}"#;
    let text = experiment(r#"{"kind": "bandit"}"#, r#"{"kind": "table"}"#, run, r#"{"learning_rate": 0.05}"#, BANDIT);
    let plan = plan_of(&text);
    let ids = lanes_of(&plan, &(0..SEEDS as u32).collect::<Vec<_>>());
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let want: Vec<f32> = (0..60).flat_map(|_| cpu.update().to_vec()).collect();
    let got = rows_of(&mut pollster::block_on(GpuEngine::new(&context, plan.clone(), &ids, None)).unwrap(), 60);
    let lanes = ids.len();
    let column = |name: &str| COLUMNS.iter().position(|c| c.name == name).unwrap();
    for (arm, name) in [(0, "true_score"), (0, "proxy_reward"), (0, "entropy"), (1, "true_score"), (1, "entropy")] {
        // A lane's mean over the last ten updates.
        let last = |rows: &[f32], lane: usize| {
            (50..60).map(|u| rows[(u * lanes + lane) * ROW + column(name)]).sum::<f32>() / 10.0
        };
        let of_arm = || (0..lanes).filter(|l| ids[*l].arm == arm);
        let differences: Vec<f32> = of_arm().map(|l| last(&got, l) - last(&want, l)).collect();
        let spread: Vec<f32> = of_arm().map(|l| last(&want, l)).collect();
        let mean = |xs: &[f32]| xs.iter().sum::<f32>() / xs.len() as f32;
        let deviation = (spread.iter().map(|x| (x - mean(&spread)).powi(2)).sum::<f32>() / 7.0).sqrt();
        let limit = 2.0 * deviation / (SEEDS as f32).sqrt() + 0.02;
        println!("arm {arm} {name}: cpu {}, difference {}", mean(&spread), mean(&differences));
        assert!(mean(&differences).abs() < limit, "arm {arm} {name}: {differences:?}, limit {limit}");
    }
    // It learned something, so that agreement means something.
    let first: f32 = (0..lanes).map(|l| got[l * ROW + column("entropy")]).sum();
    let end: f32 = (0..lanes).map(|l| got[(59 * lanes + l) * ROW + column("entropy")]).sum();
    assert!(end < 0.9 * first, "entropy went from {first} to {end}");
}

/// The budget of dispatches: 12 an update for a table or an MLP of one pass, 8 more a layer for the transformer.
#[test]
fn updates_keep_to_their_dispatches() {
    let Some(context) = context() else { return };
    let run = r#"{"updates": 2, "groups": 2, "num_generations": 2}"#;
    for (task, policy, arms, budget) in [
        ("bandit", r#""kind": "table""#, BANDIT, 12),
        ("gridworld", r#""kind": "mlp", "hidden": [8, 8]"#, GRID, 12),
        ("length", r#""kind": "transformer", "d_model": 16, "layers": 2, "heads": 2"#, LENGTH, 12 + 2 * 8),
    ] {
        let policy = format!("{{{policy}}}");
        let plan = plan_of(&experiment(&format!(r#"{{"kind": "{task}"}}"#), &policy, run, "{}", arms));
        let ids = lanes_of(&plan, &[0]);
        let engine = pollster::block_on(GpuEngine::new(&context, plan, &ids, None)).unwrap();
        let (most, _) = engine.dispatches();
        println!("{task}: {most} dispatches, {:?}", engine.stage_names());
        assert!(most <= budget, "{task} takes {most} dispatches of {budget}");
    }
}

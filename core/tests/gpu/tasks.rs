//! The tasks' shader twins: they validate, and on a device they give the CPU's records and true scores.

use crate::common::{self, number, task, text};
use crate::device::context;
use crate::pass::{Buffers, floats, run};
use goodhart_core::engine::gpu::GpuContext;
use goodhart_core::math::rng::{below, draw, wgsl};
use goodhart_core::tasks::{DrawKey, Play, Task, TaskView, TokenTask, build};
use std::collections::BTreeSet;
use wasm_bindgen_test::wasm_bindgen_test;

/// Host module of a step task: one invocation a sample, its actions given; per sample the length, the score, and for
/// each step the state's index, the action's prior and eight features.
const STEP_HOST: &str = "
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> actions: array<u32>;
@group(0) @binding(2) var<storage, read_write> records: array<f32>;
@group(0) @binding(3) var<storage, read_write> seen: array<u32>;
var<private> base: u32;
fn task_word(i: u32) -> u32 { return words[i]; }
fn record_set(slot: u32, value: f32) { records[base + slot] = value; }
fn record_get(slot: u32) -> f32 { return records[base + slot]; }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let sample = id.x;
    if sample >= SAMPLES { return; }
    base = sample * RECORD;
    var out = sample * (2u + 10u * STEPS);
    let group = sample / 8u;
    var s = task_begin(SEED, UPDATE, group, sample);
    var t = 0u;
    var over = false;
    while !over && t < STEPS {
        let action = actions[sample * STEPS + t];
        var features: array<u32, 8>;
        task_features(&s, &features);
        seen[out + 2u + 10u * t] = task_state_index(&s);
        seen[out + 3u + 10u * t] = bitcast<u32>(task_prior(&s, action));
        for (var i = 0u; i < 8u; i++) { seen[out + 4u + 10u * t + i] = features[i]; }
        over = task_step(&s, SEED, UPDATE, group, sample, t, action);
        t++;
    }
    seen[out] = t;
    seen[out + 1u] = bitcast<u32>(task_finish(&s, SEED, UPDATE, group, sample, t, !over));
}
";

/// Host module of a token task: completions and their lengths given; per sample the score and the prompt.
const TOKEN_HOST: &str = "
@group(0) @binding(0) var<storage, read_write> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> completions: array<u32>;
@group(0) @binding(2) var<storage, read_write> records: array<f32>;
@group(0) @binding(3) var<storage, read_write> seen: array<u32>;
var<private> sample: u32;
var<private> prompt: array<u32, PROMPT>;
fn task_word(i: u32) -> u32 { return words[i]; }
fn record_set(slot: u32, value: f32) { records[sample * RECORD + slot] = value; }
fn record_get(slot: u32) -> f32 { return records[sample * RECORD + slot]; }
fn prompt_token(i: u32) -> u32 { return prompt[i]; }
fn completion_token(t: u32) -> u32 { return completions[sample * (1u + STEPS) + 1u + t]; }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    sample = id.x;
    if sample >= SAMPLES { return; }
    let group = sample / 8u;
    var p: array<u32, PROMPT>;
    task_prompt(SEED, UPDATE, group, &p);
    prompt = p;
    let length = completions[sample * (1u + STEPS)];
    let ended = length > 0u && completion_token(max(length, 1u) - 1u) == END;
    seen[sample * (1u + PROMPT)] = bitcast<u32>(task_finish(SEED, UPDATE, group, sample, length, !ended));
    for (var i = 0u; i < PROMPT; i++) { seen[sample * (1u + PROMPT) + 1u + i] = p[i]; }
}
";

const SAMPLES: u32 = 512;
const SEED: u32 = 11;
const UPDATE: u32 = 6;

/// The whole module: constants of a host, the generator, the task, the host.
fn module(task: &Task) -> String {
    let (host, end, prompt) = match &task.play {
        Play::Steps(_) => (STEP_HOST, 0, 0),
        Play::Tokens(t) => (TOKEN_HOST, t.end_token(), t.prompt_len()),
    };
    let constants = [
        ("SAMPLES", SAMPLES),
        ("SEED", SEED),
        ("UPDATE", UPDATE),
        ("RECORD", task.schema.stride as u32),
        ("STEPS", task.horizon as u32),
        ("END", end),
        ("PROMPT", prompt as u32),
        ("SEEN", 8),
    ];
    let constants: String = constants.iter().map(|(name, value)| format!("const {name}: u32 = {value}u;\n")).collect();
    [constants.as_str(), &wgsl(), task.twin.wgsl(), host].join("\n")
}

fn off() -> goodhart_core::params::Value {
    goodhart_core::params::Value::Bool(false)
}

/// Tasks with settings away from their defaults, so that every branch of a twin runs.
fn variants() -> Vec<Task> {
    let noisy = [("false_positive", number(0.2)), ("false_negative", number(0.3))];
    let with = |kind, more: &[(&'static str, _)]| {
        let mut all = common::overrides(noisy.clone());
        all.extend(more.iter().map(|(k, v): &(&str, goodhart_core::params::Value)| (k.to_string(), v.clone())));
        build(kind, &all).expect("a variant builds")
    };
    let key_map = "SC.C./.K#D./C..LG/S.C#.";
    vec![
        task("bandit", []),
        with(
            "bandit",
            &[
                ("arms", number(64.0)),
                ("hacks", number(6.0)),
                ("features", number(8.0)),
                ("contexts", number(16.0)),
                ("references", number(10.0)),
                ("middle_noise", number(3.0)),
            ],
        ),
        with(
            "bandit",
            &[("arms", number(2.0)), ("hacks", number(0.0)), ("features", number(1.0)), ("references", number(0.0))],
        ),
        task("essay", []),
        with(
            "essay",
            &[
                ("contexts", number(16.0)),
                ("levels", number(8.0)),
                ("references", number(16.0)),
                ("helpful_scale", number(2.5)),
                ("ease", number(1.5)),
                ("good_score", number(0.1)),
            ],
        ),
        with("essay", &[("contexts", number(1.0)), ("levels", number(3.0)), ("references", number(0.0))]),
        task("gridworld", []),
        with(
            "gridworld",
            &[("map", text(key_map)), ("slip", number(0.3)), ("coin_respawn", number(3.0)), ("horizon", number(64.0))],
        ),
        with("gridworld", &[("map", text(key_map)), ("slip", number(1.0)), ("coin_respawn", number(0.0))]),
        with("gridworld", &[("map", text("SG"))]),
        task("chain", []),
        with("chain", &[("distractor", number(3.0)), ("channels", number(5.0)), ("slip", number(0.3))]),
        task("drive", []),
        with(
            "drive",
            &[
                ("lanes", number(4.0)),
                ("cars", number(12.0)),
                ("light_steps", number(3.0)),
                ("speed_limit", number(2.0)),
                ("start_speed", number(0.0)),
            ],
        ),
        with("drive", &[("lanes", number(1.0)), ("cars", number(0.0)), ("light", off()), ("road", number(20.0))]),
        task("pointmass", []),
        with(
            "pointmass",
            &[
                ("thrust", number(16.0)),
                ("radius", number(1.5)),
                ("start_distance", number(4.0)),
                ("start_speed", number(1.0)),
                ("ends", off()),
            ],
        ),
        task("rooms", []),
        with("rooms", &[("size", number(16.0)), ("channels", number(7.0)), ("shared_structure", number(0.4))]),
        with("rooms", &[("size", number(5.0)), ("shared_structure", number(0.0))]),
        task("length", []),
        with(
            "length",
            &[
                ("symbols", number(12.0)),
                ("work_min", number(1.0)),
                ("work_max", number(11.0)),
                ("vocabulary", number(32.0)),
                ("max_completion_length", number(56.0)),
            ],
        ),
        with(
            "length",
            &[
                ("symbols", number(4.0)),
                ("work_min", number(1.0)),
                ("work_max", number(1.0)),
                ("vocabulary", number(16.0)),
                ("max_completion_length", number(4.0)),
            ],
        ),
        task("judge", []),
        with(
            "judge",
            &[
                ("problems", number(16.0)),
                ("depth", number(1.0)),
                ("operations", number(2.0)),
                ("horizon", number(4.0)),
                ("guess", number(0.3)),
                ("hardened_fooled", number(0.5)),
                ("judge_false_positive", number(0.2)),
            ],
        ),
        task("quiz", []),
        with(
            "quiz",
            &[
                ("questions", number(200.0)),
                ("answers", number(16.0)),
                ("styles", number(7.0)),
                ("paraphrase", number(0.5)),
            ],
        ),
        with("quiz", &[("answers", number(2.0)), ("styles", number(2.0)), ("paraphrase", number(0.0))]),
        task("route", []),
        with(
            "route",
            &[
                ("topics", number(12.0)),
                ("experts", number(8.0)),
                ("max_calls", number(6.0)),
                ("price_ratio", number(2.7)),
                ("specialism", number(0.1)),
            ],
        ),
        with("route", &[("experts", number(1.0)), ("max_calls", number(1.0)), ("own", number(0.9))]),
        task("steps", []),
        with(
            "steps",
            &[
                ("problems", number(16.0)),
                ("depth", number(2.0)),
                ("operations", number(2.0)),
                ("horizon", number(48.0)),
                ("guess", number(0.4)),
                ("skill", number(1.5)),
                ("answer_prior", number(-1.0)),
                ("filler_prior", number(0.5)),
                ("pattern_prior", number(0.25)),
                ("thinking_correlation", number(1.0)),
                ("misled_correlation", number(0.0)),
            ],
        ),
        with("steps", &[("depth", number(8.0)), ("operations", number(8.0)), ("repair", number(0.0))]),
        with("tool", &[("demo_error", number(0.1))]),
        with(
            "tool",
            &[
                ("tools", number(4.0)),
                ("arguments", number(3.0)),
                ("values", number(10.0)),
                ("vocabulary", number(40.0)),
                ("max_completion_length", number(24.0)),
                ("demo_error", number(0.05)),
                ("demo_slip", number(0.3)),
            ],
        ),
        with("tool", &[("tools", number(2.0)), ("arguments", number(1.0)), ("values", number(2.0))]),
        with("program", &[("slip", number(0.2))]),
        task("corridor", []),
        task("frozen_lake", []),
        with("cliff_walking", &[("slippery", goodhart_core::params::Value::Bool(true))]),
        task("taxi", []),
        with(
            "program",
            &[
                ("code", text(include_str!("../tasks/chain.py"))),
                ("cells", number(9.0)),
                ("distractor", number(2.0)),
                ("channels", number(5.0)),
                ("slip", number(0.2)),
            ],
        ),
        with("program", &[("code", text(include_str!("../tasks/everything.py")))]),
        with("program", &[("code", text(concat!(include_str!("../tasks/chain.py"), "\nhistory = 3\n")))]),
        with("program", &[("code", text(include_str!("../tasks/words.py")))]),
        task("sums", []),
        with("sums", &[("terms", number(6.0)), ("modulus", number(20.0)), ("untagged", number(0.5))]),
    ]
}

#[cfg(not(target_family = "wasm"))]
#[test]
fn every_twin_validates_and_its_text_depends_on_the_kind_alone() {
    use goodhart_core::tasks::TASKS;
    use naga::valid::{Capabilities, ValidationFlags, Validator};
    for task in variants() {
        let source = module(&task);
        let parsed = naga::front::wgsl::parse_str(&source).unwrap_or_else(|e| panic!("{}", e.emit_to_string(&source)));
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        validator.validate(&parsed).unwrap_or_else(|e| panic!("{}: {e:?}", task.kind));
        let is_program = TASKS.iter().any(|kind| kind.name == task.kind && kind.source.is_some());
        if !is_program {
            let plain = build(task.kind, &common::overrides([])).expect("the defaults build");
            assert_eq!(task.twin.wgsl(), plain.twin.wgsl());
        }
    }
    // What policies see as numbers is compared in `step_policies`: floats differ in their last bit.
    let numbers = ["acrobot", "cartpole", "lunar_lander", "mountain_car", "race_line", "walker"];
    let sees_numbers = |kind: &str| numbers.contains(&kind);
    assert!(TASKS.iter().all(|kind| sees_numbers(kind.name) || variants().iter().any(|task| task.kind == kind.name)));
}

fn key(sample: u32) -> DrawKey {
    DrawKey { seed: SEED, update: UPDATE, group: sample / 8, sample }
}

/// Whole numbers exactly, others within 1e-6 of their size.
fn assert_same(what: &str, cpu: &[f32], gpu: &[f32]) {
    for (slot, (a, b)) in cpu.iter().zip(gpu).enumerate() {
        let near = if a.fract() == 0.0 { a == b } else { (a - b).abs() <= 1e-6 * a.abs().max(1.0) };
        assert!(near, "{what}, slot {slot}: {a} on the CPU, {b} on the device");
    }
    assert_eq!(cpu.len(), gpu.len());
}

async fn step_task(task: &Task, gpu: &GpuContext) {
    let (stride, horizon) = (task.schema.stride, task.horizon);
    let action = |sample, t| below(draw(1, sample, t, 0, 0, 0)[0], task.n_actions as u32);
    let actions = (0..SAMPLES).flat_map(|s| (0..horizon as u32).map(move |t| action(s, t))).collect();
    let row = 2 + 10 * horizon;
    let mut buffers = Buffers::from([
        ("words", common::steps(task).shader_words()),
        ("actions", actions),
        ("records", vec![0; stride * SAMPLES as usize]),
        ("seen", vec![0; row * SAMPLES as usize]),
    ]);
    run(gpu, &module(task), &mut buffers, [SAMPLES.div_ceil(64), 1, 1]).await;
    let mut coins = BTreeSet::new();
    for sample in 0..SAMPLES {
        let e = common::play(task, key(sample), |t, _| action(sample, t));
        let what = format!("{} sample {sample}", task.kind);
        let at = sample as usize;
        assert_same(&what, &e.record, &floats(&buffers["records"][at * stride..(at + 1) * stride]));
        let seen = &buffers["seen"][at * row..(at + 1) * row];
        assert_eq!(seen[0], e.length, "{what}: length");
        assert_same(&what, &[e.score], &[f32::from_bits(seen[1])]);
        coins.extend(coin_cells(task, &e.record));
        for (t, (state, features, prior)) in e.seen.iter().enumerate() {
            let here = &seen[2 + 10 * t..12 + 10 * t];
            assert_eq!((here[0], &here[2..2 + features.len()]), (*state, features.as_slice()), "{what} step {t}");
            assert_same(&format!("{what} step {t}: prior"), &[*prior], &[f32::from_bits(here[1])]);
        }
    }
    if let TaskView::Grid { cells, .. } = &task.view {
        assert_eq!(coins.len(), cells.iter().filter(|c| **c == 'C').count(), "every coin was taken");
    }
}

/// The cells where an episode took coins.
fn coin_cells(task: &Task, record: &[f32]) -> Vec<u32> {
    if task.schema.get("coins").is_none() {
        return Vec::new();
    }
    let (cells, coins) = (common::list(task, record, "cells"), common::list(task, record, "coins"));
    (0..coins.len()).filter(|t| coins[*t] == 1.0).map(|t| cells[t + 1] as u32).collect()
}

/// A third each: demonstrations, demonstrations with some tokens replaced, any tokens.
fn completion(task: &dyn TokenTask, sample: u32, prompt: &[u32], horizon: usize) -> Vec<u32> {
    let mut out = vec![0; horizon];
    let dice = |t: usize| draw(2, sample, t as u32, 0, 0, 0);
    let mut n = task.demonstration(key(sample), prompt, &mut out);
    if sample % 3 == 2 {
        n = below(dice(1000)[0], horizon as u32 + 1) as usize;
    }
    out.truncate(n);
    for (t, token) in out.iter_mut().enumerate() {
        if sample % 3 == 2 || (sample % 3 == 1 && dice(t)[1] % 4 == 0) {
            *token = below(dice(t)[0], task.vocabulary() as u32);
        }
    }
    if let Some(end) = out.iter().position(|x| *x == task.end_token()) {
        out.truncate(end + 1);
    }
    out
}

async fn token_task(task: &Task, gpu: &GpuContext) {
    let (stride, horizon) = (task.schema.stride, task.horizon);
    let t = common::tokens(task);
    let mut prompts = Vec::new();
    let mut said = Vec::new();
    let mut completions = Vec::new();
    for sample in 0..SAMPLES {
        let mut prompt = vec![0; t.prompt_len()];
        t.prompt(key(sample), &mut prompt);
        let tokens = completion(t, sample, &prompt, horizon);
        completions.push(tokens.len() as u32);
        completions.extend(&tokens);
        completions.resize((sample as usize + 1) * (1 + horizon), 0);
        prompts.push(prompt);
        said.push(tokens);
    }
    let width = 1 + t.prompt_len();
    let mut buffers = Buffers::from([
        ("words", t.shader_words()),
        ("completions", completions),
        ("records", vec![0; stride * SAMPLES as usize]),
        ("seen", vec![0; width * SAMPLES as usize]),
    ]);
    run(gpu, &module(task), &mut buffers, [SAMPLES.div_ceil(64), 1, 1]).await;
    let mut scores = [0, 0];
    for at in 0..SAMPLES as usize {
        let mut record = vec![f32::NAN; stride];
        let ended = said[at].last() == Some(&t.end_token());
        let score = t.finish(key(at as u32), &prompts[at], &said[at], !ended, &mut record);
        let what = format!("{} sample {at}", task.kind);
        assert_eq!(&buffers["seen"][width * at + 1..width * (at + 1)], &prompts[at][..], "{what}: prompt");
        assert_same(&what, &record, &floats(&buffers["records"][at * stride..(at + 1) * stride]));
        assert_eq!(f32::from_bits(buffers["seen"][width * at]), score, "{what}: score");
        scores[usize::from(score >= 0.5)] += 1;
    }
    assert!(scores.iter().all(|n| *n > 50), "both scores occur: {scores:?}");
}

/// Plays those of the variants that `wanted` names, by their place and their task.
async fn played(wanted: impl Fn(&Task) -> bool) {
    let Some(gpu) = context().await else { return };
    for task in variants().iter().filter(|task| wanted(task)) {
        match &task.play {
            Play::Steps(_) => step_task(task, &gpu).await,
            Play::Tokens(_) => token_task(task, &gpu).await,
        }
    }
}

fn is_program(task: &Task) -> bool {
    goodhart_core::tasks::TASKS.iter().any(|kind| kind.name == task.kind && kind.source.is_some())
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn records_and_true_scores_are_those_of_the_cpu() {
    played(|task| !is_program(task)).await;
}

// A browser's software device can take long to compile a program: a test each, so that it is heard of in between.

// Chromium's software device compiles these for minutes, which is not understood yet: they run natively alone.
#[cfg(not(target_family = "wasm"))]
#[pollster::test]
async fn the_corridor_and_the_lake_are_those_of_the_cpu() {
    played(|task| ["corridor", "frozen_lake"].contains(&task.kind)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_cliff_is_that_of_the_cpu() {
    played(|task| task.kind == "cliff_walking").await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_taxi_is_that_of_the_cpu() {
    played(|task| task.kind == "taxi").await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_chain_as_a_program_is_that_of_the_cpu() {
    played(|task| task.kind == "program" && task.schema.get("tv").is_some()).await;
}

// Chromium's software device compiles these for minutes, which is not understood yet: they run natively alone.
#[cfg(not(target_family = "wasm"))]
#[pollster::test]
async fn a_program_of_everything_is_that_of_the_cpu() {
    let is_steps = |task: &Task| matches!(task.play, Play::Steps(_));
    played(|task| task.kind == "program" && is_steps(task) && task.schema.get("tv").is_none()).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn programs_whose_policy_writes_are_those_of_the_cpu() {
    played(|task| is_program(task) && matches!(task.play, Play::Tokens(_))).await;
}

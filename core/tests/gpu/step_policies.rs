//! Rollout, forward and backward of the table and the MLP on a WebGPU device, against plain f64 code here and the CPU
//! tasks.

use crate::device::context;
use goodhart_core::engine::LaneId;
use goodhart_core::engine::gpu::{GpuContext, GpuEngine};
use goodhart_core::experiment::Experiment;
use goodhart_core::math::rng::{draw, purpose, uniform};
use goodhart_core::plan::{self, Plan};
use goodhart_core::policy::Tensor;
use goodhart_core::tasks::{DrawKey, Play, Samples, State, StepTask, Task};
use std::sync::Arc;
use wasm_bindgen_test::wasm_bindgen_test;

const UPDATE: u32 = 3;

struct Case {
    plan: Arc<Plan>,
    tensors: Vec<Tensor>,
    lanes: Vec<LaneId>,
    params: Vec<f32>,
}

impl Case {
    fn actions(&self) -> usize {
        self.plan.task.n_actions
    }
    fn critic(&self) -> bool {
        self.plan.interface.critic
    }
    fn table(&self) -> bool {
        self.plan.policy.name == "table"
    }
}

fn play(task: &Task) -> &dyn StepTask {
    match &task.play {
        Play::Steps(play) => play.as_ref(),
        Play::Tokens(_) => panic!("a step task is needed"),
    }
}

/// What the case's policy is fed with in a state.
fn seen(case: &Case, task: &dyn StepTask, state: &State, width: usize) -> Vec<u32> {
    let mut state = *state;
    let states = std::slice::from_mut(&mut state);
    let mut samples = Samples {
        seed: 0,
        update: 0,
        group: 1,
        states,
        records: &mut vec![0.0; case.plan.task.schema.stride],
        stride: case.plan.task.schema.stride,
    };
    let mut inputs = Vec::new();
    task.see_all(&mut samples, &[0], case.table(), width, &mut inputs);
    inputs
}

fn case(kind: &str, policy: &str, critic: bool) -> Case {
    let hidden = if policy == "mlp" { ", \"hidden\": [24, 40]" } else { "" };
    let estimator = if critic { "gae" } else { "grpo" };
    let task = match kind {
        "numbers" => serde_json::json!({"kind": "program", "code": include_str!("../tasks/numbers.py")}),
        kind => serde_json::json!({"kind": kind}),
    };
    let text = format!(
        r#"{{"version": 1, "title": "test", "task": {task}, "policy": {{"kind": "{policy}"{hidden}}},
            "run": {{"updates": 10, "seeds": 2, "first_seed": 5, "groups": {GROUPS}, "num_generations": {GROUP}}},
            "algorithm": {{"estimator": "{estimator}"}},
            "arms": [{{"name": "a", "code": "def r(ep):\n    return 1.0\n"}},
                     {{"name": "b", "code": "def r(ep):\n    return 2.0\n"}}]}}"#
    );
    let experiment: Experiment = serde_json::from_str(&text).unwrap();
    let plan = plan::plan(&experiment).unwrap_or_else(|problems| panic!("{}", plan::join(&problems)));
    let built = plan.policy.build(&plan.policy_params, &plan.interface).unwrap();
    let ids = [(0, 0), (1, 0), (0, 1)].map(|(arm, seed)| LaneId { arm, seed });
    let params = (0..ids.len() * built.n_params())
        .map(|i| uniform(draw(1, i as u32, 0, 0, 0, purpose::INIT)[0]) * 0.8 - 0.4)
        .collect();
    Case { tensors: built.tensors().to_vec(), plan: Arc::new(plan), lanes: ids.to_vec(), params }
}

const GROUPS: usize = 5;
const GROUP: usize = 3;

async fn engine(context: &GpuContext, case: &Case) -> GpuEngine {
    let engine = GpuEngine::new(context, case.plan.clone(), &case.lanes, None).await.unwrap();
    let words = |scale: f32| case.params.iter().map(|p| (p * scale).to_bits()).collect::<Vec<_>>();
    engine.write("params", 0, &words(1.0)).unwrap();
    engine.write("base_params", 0, &words(0.5)).unwrap();
    engine
}

/// Logits and value of a row, and the activations on the way: [layer][unit].
struct Row {
    hidden: Vec<Vec<f64>>,
    logp: Vec<f64>,
    value: f64,
}

fn at(params: &[f32], t: &Tensor, i: usize, j: usize) -> f64 {
    f64::from(params[t.offset + i * t.cols + j])
}

fn forward(case: &Case, params: &[f32], inputs: &[u32], prior: &[f32]) -> Row {
    let t = &case.tensors;
    let a = case.actions();
    let mut hidden = Vec::new();
    let (mut logits, value) = if case.table() {
        let s = inputs[0] as usize;
        let value = if case.critic() { at(params, &t[1], s, 0) } else { 0.0 };
        ((0..a).map(|j| at(params, &t[0], s, j)).collect::<Vec<f64>>(), value)
    } else {
        let first: Vec<f64> = (0..t[0].cols)
            .map(|j| {
                let sum: f64 = match case.plan.interface.dense {
                    true => inputs.iter().enumerate().map(|(k, x)| number(*x) * at(params, &t[0], k, j)).sum(),
                    false => inputs.iter().map(|f| at(params, &t[0], *f as usize, j)).sum(),
                };
                (sum + at(params, &t[1], 0, j)).tanh()
            })
            .collect();
        let dense = |x: &[f64], w: usize| -> Vec<f64> {
            (0..t[w].cols)
                .map(|j| {
                    let sum: f64 = x.iter().enumerate().map(|(i, x)| x * at(params, &t[w], i, j)).sum();
                    sum + at(params, &t[w + 1], 0, j)
                })
                .collect()
        };
        let second: Vec<f64> = dense(&first, 2).into_iter().map(f64::tanh).collect();
        let logits = dense(&second, 4);
        let value = if case.critic() { dense(&second, 6)[0] } else { 0.0 };
        hidden = vec![first, second];
        (logits, value)
    };
    logits.iter_mut().zip(prior).for_each(|(z, p)| *z += f64::from(*p));
    let top = logits.iter().copied().fold(f64::MIN, f64::max);
    let lse = top + logits.iter().map(|z| (z - top).exp()).sum::<f64>().ln();
    Row { hidden, logp: logits.iter().map(|z| z - lse).collect(), value }
}

fn number(bits: u32) -> f64 {
    f64::from(f32::from_bits(bits))
}

fn entropy(row: &Row) -> f64 {
    -row.logp.iter().map(|l| l.exp() * l).sum::<f64>()
}

fn floats(words: Vec<u32>) -> Vec<f32> {
    words.into_iter().map(f32::from_bits).collect()
}

fn close(a: f32, b: f64, tolerance: f64, what: &str) {
    assert!((f64::from(a) - b).abs() <= tolerance * b.abs().max(1.0), "{what}: {a} against {b}");
}

async fn rollout_agrees(context: &GpuContext, case: &Case) {
    let mut engine = engine(context, case).await;
    engine.run_stage("rollout", UPDATE).unwrap();
    let shape = engine.sizes().clone();
    let read = async |name: &str, words: usize| engine.read(name, 0, words).await.unwrap();
    let (n, steps, stride) = (shape.samples(), shape.steps, case.plan.task.schema.stride);
    let rows = shape.lanes * shape.rows();
    let actions = read("actions", rows).await;
    let inputs = read("inputs", rows * shape.active).await;
    let ends = if shape.bootstraps { shape.lanes * n } else { 0 };
    let old = floats(read("policy_old", (rows + ends) * 4).await);
    assert_eq!(shape.bootstraps, case.critic() && play(&case.plan.task).can_go_on(), "who is asked at the end");
    let samples = floats(read("samples", shape.lanes * n * 4).await);
    let records = floats(read("records", shape.lanes * n * stride).await);
    let mut priors = vec![0.0; rows * case.actions()];
    let mut near_a_boundary = 0;
    let mut seen_steps = 0;
    for (l, lane) in case.lanes.iter().enumerate() {
        let params = &case.params[l * shape.params..(l + 1) * shape.params];
        let task = play(&case.plan.instances[case.plan.instance(lane.seed)]);
        for i in 0..n {
            let key = DrawKey {
                seed: case.plan.seed(lane.seed),
                update: UPDATE,
                group: (i / GROUP) as u32,
                sample: (i % GROUP) as u32,
            };
            let mut state = [0; goodhart_core::tasks::STATE_WORDS];
            let mut record = vec![0.0; stride];
            task.begin(key, &mut state, &mut record);
            let (mut t, mut over) = (0, false);
            let mut sure = [0.0; 3];
            while t < steps && !over {
                let row = (l * n + i) * steps + t;
                let want = seen(case, task, &state, shape.active);
                assert_eq!(inputs[row * shape.active..(row + 1) * shape.active], want[..], "inputs of row {row}");
                let mut prior = vec![0.0; case.actions()];
                task.prior(&state, &mut prior);
                let out = forward(case, params, &want, &prior);
                priors[row * case.actions()..][..case.actions()].copy_from_slice(&prior);
                let action = actions[row];
                close(old[row * 4], out.logp[action as usize], 1e-4, "logp");
                close(old[row * 4 + 1], entropy(&out), 1e-4, "entropy");
                let from_uniform = -(out.logp.len() as f64).ln() - out.logp.iter().sum::<f64>() / out.logp.len() as f64;
                let step = [entropy(&out), out.logp[action as usize], from_uniform];
                sure.iter_mut().zip(step).for_each(|(sum, x)| *sum += x);
                close(old[row * 4 + 2], out.value, 1e-4, "value");
                let u =
                    f64::from(uniform(draw(key.seed, key.update, key.group, key.sample, t as u32, purpose::ACTION)[0]));
                let mut below = 0.0;
                let own = out.logp.iter().position(|l| {
                    below += l.exp();
                    u < below
                });
                near_a_boundary += usize::from(own != Some(action as usize));
                seen_steps += 1;
                over = task.step(key, t as u32, action, &mut state, &mut record);
                t += 1;
            }
            if shape.bootstraps {
                let seen = seen(case, task, &state, shape.active);
                let worth = if over { 0.0 } else { forward(case, params, &seen, &vec![0.0; case.actions()]).value };
                close(old[(rows + l * n + i) * 4 + 2], worth, 1e-4, "value behind the last step");
            }
            let score = task.finish(key, &state, t as u32, !over, &mut record);
            let sample = &samples[(l * n + i) * 4..][..4];
            assert_eq!((sample[0], sample[1]), (t as f32, f32::from(u8::from(!over))), "length and truncated");
            close(sample[2], f64::from(score), 1e-5, "true score");
            let got = &records[(l * n + i) * stride..][..stride];
            let slots = case.plan.confidence.slots();
            let want = [sure[0] / t as f64, sure[1], sure[2] / t as f64];
            got[slots.clone()].iter().zip(want).for_each(|(got, want)| close(*got, want, 2e-4, "confidence"));
            for field in case.plan.task.schema.fields.iter().filter(|field| !slots.contains(&field.offset)) {
                let filled = if field.ty.is_list() { 1 + record[field.offset] as usize } else { 1 };
                for k in field.offset..field.offset + filled {
                    close(got[k], f64::from(record[k]), 1e-5, &field.name);
                }
            }
        }
    }
    assert!(near_a_boundary * 1000 <= seen_steps, "{near_a_boundary} of {seen_steps} actions differ");
    // The policy looked at again is the policy that sampled; with the reference it is the other one.
    engine.run_stage("reference", UPDATE).unwrap();
    engine.run_stage("forward", UPDATE).unwrap();
    let read = async |name: &str, words: usize| engine.read(name, 0, words).await.unwrap();
    let again = floats(read("policy_new", rows * 4).await);
    let old = floats(read("policy_old", rows * 4).await);
    for l in 0..case.lanes.len() {
        let base: Vec<f32> = case.params[l * shape.params..(l + 1) * shape.params].iter().map(|p| p * 0.5).collect();
        for i in 0..n {
            for t in 0..samples[(l * n + i) * 4] as usize {
                let row = (l * n + i) * steps + t;
                for k in 0..3 {
                    close(again[row * 4 + k], f64::from(old[row * 4 + k]), 1e-5, "forward");
                }
                let out = forward(
                    case,
                    &base,
                    &inputs[row * shape.active..(row + 1) * shape.active],
                    &priors[row * case.actions()..],
                );
                close(old[row * 4 + 3], out.logp[actions[row] as usize], 1e-4, "logp of the reference");
            }
        }
    }
    backward_agrees(case, &mut engine, &inputs, &priors, &actions, &samples).await;
}

async fn backward_agrees(
    case: &Case,
    engine: &mut GpuEngine,
    inputs: &[u32],
    priors: &[f32],
    actions: &[u32],
    samples: &[f32],
) {
    let shape = engine.sizes().clone();
    let rows = shape.lanes * shape.rows();
    let mut coefs = vec![0.0f32; rows * 4];
    let mut want = vec![0.0f64; shape.lanes * shape.params];
    for row in 0..rows {
        let (sample, t) = (row / shape.steps, row % shape.steps);
        // Every third sample takes no part.
        if t as f32 >= samples[sample * 4] || sample % 3 == 2 {
            continue;
        }
        let random = draw(9, row as u32, 0, 0, 0, 1).map(|w| uniform(w) - 0.5);
        let value = if case.critic() { random[2] } else { 0.0 };
        coefs[row * 4..row * 4 + 4].copy_from_slice(&[random[0], random[1], value, 1.0]);
        let lane = row / shape.rows();
        let params = &case.params[lane * shape.params..(lane + 1) * shape.params];
        let seen = &inputs[row * shape.active..(row + 1) * shape.active];
        let grads = &mut want[lane * shape.params..(lane + 1) * shape.params];
        add_gradient(
            case,
            params,
            (seen, &priors[row * case.actions()..]),
            actions[row] as usize,
            random.map(f64::from),
            grads,
        );
    }
    engine.write("coefs", 0, &coefs.iter().map(|c| c.to_bits()).collect::<Vec<_>>()).unwrap();
    engine.run_stage("backward", UPDATE).unwrap();
    let grads = floats(engine.read("grads", 0, want.len()).await.unwrap());
    let scale = want.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    for (i, (g, w)) in grads.iter().zip(&want).enumerate() {
        assert!((f64::from(*g) - w).abs() <= 1e-3 * w.abs() + 1e-5 * scale, "parameter {i}: {g} against {w}");
    }
    assert!(scale > 0.0);
}

fn add_gradient(
    case: &Case,
    params: &[f32],
    (seen, prior): (&[u32], &[f32]),
    taken: usize,
    coef: [f64; 4],
    grads: &mut [f64],
) {
    let t = &case.tensors;
    let out = forward(case, params, seen, prior);
    let h = entropy(&out);
    let dlogits: Vec<f64> = (0..case.actions())
        .map(|a| {
            let p = out.logp[a].exp();
            coef[0] * (f64::from(u8::from(a == taken)) - p) - coef[1] * p * (out.logp[a] + h)
        })
        .collect();
    let mut add = |t: &Tensor, i: usize, j: usize, g: f64| grads[t.offset + i * t.cols + j] += g;
    if case.table() {
        dlogits.iter().enumerate().for_each(|(a, d)| add(&t[0], seen[0] as usize, a, *d));
        if case.critic() {
            add(&t[1], seen[0] as usize, 0, coef[2]);
        }
        return;
    }
    let back = |w: usize, d: &[f64]| -> Vec<f64> {
        (0..t[w].rows).map(|i| d.iter().enumerate().map(|(j, d)| d * at(params, &t[w], i, j)).sum()).collect()
    };
    let mut d_second = back(4, &dlogits);
    let mut outer = |w: usize, x: &[f64], d: &[f64]| {
        for (j, d) in d.iter().enumerate() {
            x.iter().enumerate().for_each(|(i, x)| add(&t[w], i, j, x * d));
            add(&t[w + 1], 0, j, *d);
        }
    };
    outer(4, &out.hidden[1], &dlogits);
    if case.critic() {
        outer(6, &out.hidden[1], &[coef[2]]);
        d_second.iter_mut().zip(back(6, &[coef[2]])).for_each(|(d, v)| *d += v);
    }
    d_second.iter_mut().zip(&out.hidden[1]).for_each(|(d, y)| *d *= 1.0 - y * y);
    outer(2, &out.hidden[0], &d_second);
    let mut d_first = back(2, &d_second);
    d_first.iter_mut().zip(&out.hidden[0]).for_each(|(d, y)| *d *= 1.0 - y * y);
    outer(0, &[], &d_first);
    if case.plan.interface.dense {
        for (k, x) in seen.iter().enumerate() {
            d_first.iter().enumerate().for_each(|(j, d)| grads[t[0].offset + k * t[0].cols + j] += number(*x) * d);
        }
        return;
    }
    for f in seen {
        d_first.iter().enumerate().for_each(|(j, d)| grads[t[0].offset + *f as usize * t[0].cols + j] += d);
    }
}

// Each policy with a value head and without one; each of them compiles anew.
#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_table_agrees() {
    let Some(context) = context().await else { return };
    rollout_agrees(&context, &case("bandit", "table", true)).await;
    rollout_agrees(&context, &case("gridworld", "table", false)).await;
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn the_mlp_agrees() {
    let Some(context) = context().await else { return };
    rollout_agrees(&context, &case("bandit", "mlp", false)).await;
    rollout_agrees(&context, &case("gridworld", "mlp", true)).await;
    rollout_agrees(&context, &case("numbers", "mlp", true)).await;
}

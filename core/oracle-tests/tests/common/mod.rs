//! A policy's pass, and its logits, values and gradients to compare with burn's.

use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};
use goodhart_core::math::rng;
use goodhart_core::params::{Overrides, Value};
use goodhart_core::policy::{Inputs, Interface, Policy, build};

pub const PROMPTS: [[u32; 3]; 2] = [[1, 5, 2], [0, 3, 3]];
pub const GROUP_OF: [u32; 5] = [0, 1, 0, 1, 1];
pub const LENGTHS: [u32; 5] = [6, 1, 4, 6, 3];
pub const ACTIONS: usize = 7;

/// The two features, the state or the token of sample s at step t.
pub fn input(s: usize, t: u32, k: u32) -> u32 {
    6 * k + rng::below(rng::draw(11, s as u32, t, k, 0, 0)[0], 6)
}

/// Rows of a pass as (sample, step), in the order that the engine gives them.
pub fn rows() -> Vec<(usize, u32)> {
    let alive = |t: u32| (0..LENGTHS.len()).filter(move |&s| LENGTHS[s] > t).map(move |s| (s, t));
    (0..6).flat_map(alive).collect()
}

/// A fixed weighting of the logits or values, whose weighted sum is the loss.
pub fn weights(n: usize, which: u32) -> Vec<f32> {
    (0..n).map(|i| rng::uniform(rng::draw(7, i as u32, which, 0, 0, 0)[0]) - 0.5).collect()
}

pub struct Pass {
    pub policy: Box<dyn Policy>,
    pub params: Vec<f32>,
    pub logits: Vec<f32>,
    pub values: Vec<f32>,
    pub grads: Vec<f32>,
}

/// Runs a policy forward and backward.
pub fn run(kind: &str, overrides: &[(&str, Value)], critic: bool) -> Pass {
    let tokens = kind == "transformer";
    let interface = Interface {
        n_actions: ACTIONS,
        features: if tokens { 0 } else { 12 },
        active: if tokens { 0 } else { 2 },
        dense: false,
        states: if tokens { 0 } else { 6 },
        prompt_len: if tokens { 3 } else { 0 },
        horizon: 6,
        critic,
        n_samples: GROUP_OF.len(),
        n_groups: PROMPTS.len(),
    };
    let overrides: Overrides = overrides.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
    let mut policy = build(kind, &overrides, &interface).expect("these parameters are fine");
    let mut params = vec![0.0; policy.n_params()];
    policy.init(3, &mut params);
    for (i, p) in params.iter_mut().enumerate() {
        *p += 0.3 * (rng::uniform(rng::draw(5, i as u32, 0, 0, 0, 0)[0]) - 0.5);
    }
    let (prompts, groups) = if tokens { (PROMPTS.concat(), GROUP_OF.to_vec()) } else { (vec![], vec![]) };
    policy.reset(&params, &prompts, &groups);
    let (mut logits, mut values) = (Vec::new(), Vec::new());
    for t in 0..6 {
        let samples: Vec<u32> = rows().iter().filter(|r| r.1 == t).map(|r| r.0 as u32).collect();
        let per_row = if kind == "mlp" { 2 } else { 1 };
        let data: Vec<u32> = samples.iter().flat_map(|&s| (0..per_row).map(move |k| input(s as usize, t, k))).collect();
        let inputs = if tokens { Inputs::Tokens(&data) } else { Inputs::Features(&data) };
        let mut l = vec![0.0; samples.len() * ACTIONS];
        let mut v = vec![0.0; if critic { samples.len() } else { 0 }];
        policy.step(&params, &samples, inputs, &mut l, &mut v);
        logits.extend(l);
        values.extend(v);
    }
    let mut grads = vec![0.0; params.len()];
    policy.backward(&params, &weights(logits.len(), 0), &weights(values.len(), 1), &mut grads);
    Pass { policy, params, logits, values, grads }
}

pub fn device() -> Device {
    Device::flex().autodiff()
}

pub fn constant(values: Vec<f32>, rows: usize, cols: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, cols]), &device())
}

pub fn indices(values: impl Iterator<Item = u32>) -> Tensor<1, Int> {
    let values: Vec<i32> = values.map(|v| v as i32).collect();
    let n = values.len();
    Tensor::from_data(TensorData::new(values, [n]), &device())
}

/// The pass's tensors as leaves of a graph, by name.
pub struct Leaves(Vec<(String, Tensor<2>)>);

impl Leaves {
    pub fn new(pass: &Pass) -> Self {
        let leaf = |t: &goodhart_core::policy::Tensor| {
            let values = pass.params[t.offset..t.offset + t.rows * t.cols].to_vec();
            (t.name.clone(), constant(values, t.rows, t.cols).require_grad())
        };
        Self(pass.policy.tensors().iter().map(leaf).collect())
    }

    pub fn get(&self, name: &str) -> Tensor<2> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, t)| t.clone()).expect("a tensor of that name")
    }

    fn gradient(&self, grads: &Gradients) -> Vec<f32> {
        let of = |t: &Tensor<2>| numbers(t.grad(grads).expect("every tensor takes part"));
        self.0.iter().flat_map(|(_, t)| of(t)).collect()
    }
}

pub fn numbers(t: Tensor<2>) -> Vec<f32> {
    t.into_data().try_into_vec().expect("single precision")
}

/// Compares logits [rows][actions], values [rows][1] and all gradients with those of the graph.
pub fn compare(name: &str, pass: &Pass, leaves: &Leaves, logits: Tensor<2>, values: Option<Tensor<2>>) {
    let rows = rows().len();
    let mut loss = (logits.clone() * constant(weights(rows * ACTIONS, 0), rows, ACTIONS)).sum();
    near(name, "logits", &pass.logits, &numbers(logits));
    if let Some(values) = values {
        loss = loss + (values.clone() * constant(weights(rows, 1), rows, 1)).sum();
        near(name, "values", &pass.values, &numbers(values));
    }
    near(name, "gradient", &pass.grads, &leaves.gradient(&loss.backward()));
}

fn near(name: &str, what: &str, ours: &[f32], theirs: &[f32]) {
    assert_eq!(ours.len(), theirs.len(), "{name}: {what}");
    let norm = (theirs.iter().map(|x| x * x).sum::<f32>() / theirs.len() as f32).sqrt();
    assert!(norm > 1e-3, "{name}: {what} that is nothing tests nothing");
    let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / norm;
    println!("{name}: {what} of {} numbers, greatest difference {worst:.1e} of their root mean square", ours.len());
    assert!(worst < 1e-4, "{name}: {what} differs by {worst}");
}

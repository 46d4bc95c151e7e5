//! The multilayer perceptron of PPO on small state spaces: binary features, hidden layers, a policy head and, with a
//! critic, a value head on the same trunk.
//!
//! An observation is the set of features that are on, so the first layer is a sum of rows of its weights. Rows of a batch
//! are independent; they go through all layers in blocks that stay in the cache.

use super::layout::Layout;
use super::{Built, Inputs, Interface, Policy, PolicyKind, Tensor, refuse};
use crate::math::activation::{add_rows, bias_relu, bias_tanh, relu_backward, tanh_backward};
use crate::math::gemm::{Left, Packed, Right, gemm, padded};
use crate::math::simd::Level;
use crate::params::{Overrides, Params};
use crate::{choice, params};

choice! {
    /// What follows a hidden layer.
    pub enum Activation { Tanh = "tanh", Relu = "relu" }
}

params! {
    /// Parameters of the MLP.
    pub struct MlpParams {
        hidden: Vec<u32> = vec![64, 64], 1 ..= 512, "units", "Sizes of the hidden layers, one to four of them.", source "CleanRL ppo.py";
        activation: Activation = Activation::Tanh, 0 ..= 0, "", "What follows a hidden layer.", source "CleanRL ppo.py";
    }
}

pub(super) const KIND: PolicyKind = PolicyKind {
    name: "mlp",
    help: "A multilayer perceptron over the task's features.",
    table: MlpParams::TABLE,
    build,
};

/// Rows that go through the layers together.
const BLOCK: usize = 64;

/// A layer: its tensors, and buffers of this pass.
struct Layer {
    inputs: usize,
    outputs: usize,
    weight: usize,
    bias: usize,
    padded_bias: Vec<f32>,
    forward: Packed,
    transposed: Packed,
    /// Outputs [rows][padded(outputs)], after the activation.
    out: Vec<f32>,
    /// Gradients of a block, and of the weights [inputs][padded(outputs)] and bias over the pass.
    d_out: Vec<f32>,
    d_weight: Vec<f32>,
    d_bias: Vec<f32>,
}

impl Layer {
    fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            weight: layout.push(format!("{name}.weight"), inputs, outputs),
            bias: layout.push(format!("{name}.bias"), 1, outputs),
            padded_bias: Vec::new(),
            forward: Packed::default(),
            transposed: Packed::default(),
            out: Vec::new(),
            d_out: Vec::new(),
            d_weight: Vec::new(),
            d_bias: Vec::new(),
        }
    }

    fn width(&self) -> usize {
        padded(self.outputs)
    }
}

struct Mlp {
    layout: Layout,
    level: Level,
    active: usize,
    features: usize,
    activation: Activation,
    hidden: Vec<Layer>,
    policy: Layer,
    value: Option<Layer>,
    /// Both heads side by side: weights [last hidden][actions + 1].
    heads: Packed,
    heads_transposed: Packed,
    heads_out: Vec<f32>,
    d_heads: Vec<f32>,
    /// Features of every row of the pass, and the number of rows.
    rows: usize,
    active_features: Vec<u32>,
    keep: bool,
}

fn build(overrides: &Overrides, interface: &Interface) -> Built {
    let params = MlpParams::resolve(&[overrides])?;
    if params.hidden.is_empty() || params.hidden.len() > 4 {
        return Err(refuse("hidden", format!("hidden must hold one to four sizes, not {}", params.hidden.len())));
    }
    if interface.features == 0 || interface.active == 0 {
        return Err(refuse("kind", "the mlp policy needs a task with features; use transformer here".into()));
    }
    let mut layout = Layout::default();
    let mut inputs = interface.features;
    let mut hidden = Vec::new();
    for (i, &size) in params.hidden.iter().enumerate() {
        hidden.push(Layer::new(&mut layout, &format!("hidden.{i}"), inputs, size as usize));
        inputs = size as usize;
    }
    let policy = Layer::new(&mut layout, "policy", inputs, interface.n_actions);
    let value = interface.critic.then(|| Layer::new(&mut layout, "value", inputs, 1));
    Ok(Box::new(Mlp {
        layout,
        level: Level::detect(),
        active: interface.active,
        features: interface.features,
        activation: params.activation,
        hidden,
        policy,
        value,
        heads: Packed::default(),
        heads_transposed: Packed::default(),
        heads_out: Vec::new(),
        d_heads: Vec::new(),
        rows: 0,
        active_features: Vec::new(),
        keep: true,
    }))
}

impl Mlp {
    /// Weight (p, j) of the two heads side by side.
    fn head_weight(policy: &Layer, value: Option<&Layer>, params: &[f32], p: usize, j: usize) -> f32 {
        if j < policy.outputs {
            params[policy.weight + p * policy.outputs + j]
        } else {
            value.map_or(0.0, |v| params[v.weight + p])
        }
    }

    fn head_outputs(&self) -> usize {
        self.policy.outputs + usize::from(self.value.is_some())
    }

    /// Sums of first-layer rows for the rows from..to of the pass.
    fn embed(&mut self, params: &[f32], from: usize, to: usize) {
        let layer = &mut self.hidden[0];
        let (n, width) = (layer.outputs, layer.width());
        let weights = &params[layer.weight..][..layer.inputs * n];
        let features = &self.active_features[from * self.active..to * self.active];
        let out = &mut layer.out[from * width..to * width];
        for (row, features) in out.chunks_exact_mut(width).zip(features.chunks_exact(self.active)) {
            row.fill(0.0);
            for &f in features {
                for (x, w) in row.iter_mut().zip(&weights[f as usize * n..][..n]) {
                    *x += w;
                }
            }
        }
    }

    fn forward_block(&mut self, params: &[f32], from: usize, to: usize, logits: &mut [f32], values: &mut [f32]) {
        let rows = to - from;
        self.embed(params, from, to);
        for i in 0..self.hidden.len() {
            let (before, rest) = self.hidden.split_at_mut(i);
            let layer = &mut rest[0];
            let width = layer.width();
            let out = &mut layer.out[from * width..to * width];
            if let Some(below) = before.last() {
                let x = Left::rows(&below.out[from * below.width()..], below.width());
                gemm(self.level, rows, width, layer.inputs, x, layer.forward.right(), out, width, false);
            }
            match self.activation {
                Activation::Tanh => bias_tanh(self.level, out, &layer.padded_bias),
                Activation::Relu => bias_relu(self.level, out, &layer.padded_bias),
            }
        }
        let Some(top) = self.hidden.last() else { return };
        let width = self.heads.n;
        let x = Left::rows(&top.out[from * top.width()..], top.width());
        gemm(self.level, rows, width, top.outputs, x, self.heads.right(), &mut self.heads_out, width, false);
        let n = self.policy.outputs;
        let bias = &params[self.policy.bias..][..n];
        for (row, out) in self.heads_out.chunks_exact(width).zip(logits.chunks_exact_mut(n)) {
            for ((y, x), b) in out.iter_mut().zip(row).zip(bias) {
                *y = x + b;
            }
        }
        if let Some(value) = &self.value {
            for (row, y) in self.heads_out.chunks_exact(width).zip(values) {
                *y = row[n] + params[value.bias];
            }
        }
    }

    fn backward_block(&mut self, from: usize, to: usize, dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        let rows = to - from;
        let (n, width, level) = (self.policy.outputs, self.heads.n, self.level);
        self.d_heads.resize(BLOCK * width, 0.0);
        for (row, (out, d)) in self.d_heads.chunks_exact_mut(width).zip(dlogits.chunks_exact(n)).enumerate() {
            out[..n].copy_from_slice(d);
            if self.value.is_some() {
                out[n] = dvalues[row];
            }
        }
        let d_heads = &self.d_heads[..rows * width];
        add_rows(level, &mut self.policy.d_bias, d_heads);
        let Some(top) = self.hidden.last_mut() else { return };
        let h = top.width();
        let out = &top.out[from * h..to * h];
        let left = Left::transposed(out, h);
        gemm(
            level,
            top.outputs,
            width,
            rows,
            left,
            Right::rows(d_heads, width),
            &mut self.policy.d_weight,
            width,
            true,
        );
        let d = Left::rows(d_heads, width);
        gemm(level, rows, h, self.heads_transposed.k, d, self.heads_transposed.right(), &mut top.d_out, h, false);
        for i in (0..self.hidden.len()).rev() {
            let (below, rest) = self.hidden.split_at_mut(i);
            let layer = &mut rest[0];
            let h = layer.width();
            let d = &mut layer.d_out[..rows * h];
            let out = &layer.out[from * h..to * h];
            match self.activation {
                Activation::Tanh => tanh_backward(level, d, out),
                Activation::Relu => relu_backward(level, d, out),
            }
            add_rows(level, &mut layer.d_bias, d);
            let Some(below) = below.last_mut() else { break };
            let b = below.width();
            let left = Left::transposed(&below.out[from * b..to * b], b);
            gemm(level, layer.inputs, h, rows, left, Right::rows(d, h), &mut layer.d_weight, h, true);
            let d = Left::rows(d, h);
            gemm(level, rows, b, layer.outputs, d, layer.transposed.right(), &mut below.d_out, b, false);
        }
        let first = &self.hidden[0];
        let (n, h) = (first.outputs, first.width());
        let features = &self.active_features[from * self.active..to * self.active];
        for (d, features) in first.d_out.chunks_exact(h).zip(features.chunks_exact(self.active)) {
            for &f in features {
                for (g, d) in grads[first.weight + f as usize * n..][..n].iter_mut().zip(d) {
                    *g += d;
                }
            }
        }
    }
}

/// Adds a padded matrix [rows][stride] to a tensor [rows][n] at `to`, from column `first` on.
fn add_padded(to: &mut [f32], from: &[f32], n: usize, stride: usize, first: usize) {
    for (to, from) in to.chunks_exact_mut(n).zip(from.chunks_exact(stride)) {
        for (g, d) in to.iter_mut().zip(&from[first..]) {
            *g += d;
        }
    }
}

fn zeroed(buffer: &mut Vec<f32>, n: usize) {
    buffer.clear();
    buffer.resize(n, 0.0);
}

impl Policy for Mlp {
    fn n_params(&self) -> usize {
        self.layout.n_params
    }

    fn tensors(&self) -> &[Tensor] {
        &self.layout.tensors
    }

    /// Normal numbers with the variance of the elements of CleanRL's orthogonal matrices: gain sqrt(2) in the trunk, 0.01
    /// at the policy head, 1 at the value head; biases 0.
    fn init(&self, seed: u32, params: &mut [f32]) {
        self.layout.init(seed, params, |tensor| {
            let gain = match tensor.name.as_str() {
                name if name.ends_with(".bias") => 0.0,
                "policy.weight" => 0.01,
                "value.weight" => 1.0,
                _ => std::f32::consts::SQRT_2,
            };
            gain / (tensor.rows.max(tensor.cols) as f32).sqrt()
        });
    }

    fn reset(&mut self, params: &[f32], _prompts: &[u32], _group_of: &[u32]) {
        self.rows = 0;
        self.active_features.clear();
        for (i, layer) in self.hidden.iter_mut().enumerate() {
            let (n, width) = (layer.outputs, layer.width());
            zeroed(&mut layer.padded_bias, width);
            layer.padded_bias[..n].copy_from_slice(&params[layer.bias..][..n]);
            if i > 0 {
                layer.forward.fill(layer.inputs, n, |p, j| params[layer.weight + p * n + j]);
            }
        }
        let top = self.hidden.last().map_or(0, |l| l.outputs);
        let outputs = self.head_outputs();
        let (policy, value) = (&self.policy, self.value.as_ref());
        self.heads.fill(top, outputs, |p, j| Self::head_weight(policy, value, params, p, j));
        self.heads_out.resize(BLOCK * self.heads.n, 0.0);
    }

    fn step(&mut self, params: &[f32], _samples: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        let (Inputs::Features(features) | Inputs::Tokens(features)) = inputs;
        if !self.keep {
            self.rows = 0;
            self.active_features.clear();
        }
        let first = self.rows;
        let rows = features.len() / self.active;
        self.rows += rows;
        let last = self.features as u32 - 1;
        self.active_features.extend(features[..rows * self.active].iter().map(|f| f.min(&last)));
        for layer in &mut self.hidden {
            let needed = self.rows * padded(layer.outputs);
            if layer.out.len() < needed {
                layer.out.resize(needed, 0.0);
            }
        }
        let n = self.policy.outputs;
        for start in (0..rows).step_by(BLOCK) {
            let end = (start + BLOCK).min(rows);
            let values = if self.value.is_some() { &mut values[start..end] } else { &mut values[..0] };
            self.forward_block(params, first + start, first + end, &mut logits[start * n..end * n], values);
        }
    }

    fn replay(&mut self, params: &[f32], _lengths: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        self.step(params, &[], inputs, logits, values);
    }

    fn keep_activations(&mut self, keep: bool) {
        self.keep = keep;
    }

    fn backward(&mut self, params: &[f32], dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        if !self.keep {
            return;
        }
        for (i, layer) in self.hidden.iter_mut().enumerate() {
            let (n, width) = (layer.outputs, layer.width());
            if i > 0 {
                layer.transposed.fill(n, layer.inputs, |p, j| params[layer.weight + j * n + p]);
                zeroed(&mut layer.d_weight, layer.inputs * width);
            }
            zeroed(&mut layer.d_bias, width);
            layer.d_out.resize(BLOCK * width, 0.0);
        }
        let top = self.hidden.last().map_or(0, |l| l.outputs);
        let (outputs, width) = (self.head_outputs(), self.heads.n);
        let (policy, value) = (&self.policy, self.value.as_ref());
        self.heads_transposed.fill(outputs, top, |p, j| Self::head_weight(policy, value, params, j, p));
        zeroed(&mut self.policy.d_weight, top * width);
        zeroed(&mut self.policy.d_bias, width);
        zeroed(&mut self.d_heads, BLOCK * width);

        let n = self.policy.outputs;
        for start in (0..self.rows).step_by(BLOCK) {
            let end = (start + BLOCK).min(self.rows);
            let dvalues = if self.value.is_some() { &dvalues[start..end] } else { &[] };
            self.backward_block(start, end, &dlogits[start * n..end * n], dvalues, grads);
        }

        for (i, layer) in self.hidden.iter().enumerate() {
            let (n, width) = (layer.outputs, layer.width());
            if i > 0 {
                add_padded(&mut grads[layer.weight..][..layer.inputs * n], &layer.d_weight, n, width, 0);
            }
            add_padded(&mut grads[layer.bias..][..n], &layer.d_bias, n, width, 0);
        }
        add_padded(&mut grads[self.policy.weight..][..top * n], &self.policy.d_weight, n, width, 0);
        add_padded(&mut grads[self.policy.bias..][..n], &self.policy.d_bias, n, width, 0);
        if let Some(value) = &self.value {
            add_padded(&mut grads[value.weight..][..top], &self.policy.d_weight, 1, width, n);
            add_padded(&mut grads[value.bias..][..1], &self.policy.d_bias, 1, width, n);
        }
    }
}

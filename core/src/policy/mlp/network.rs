//! The MLP: its tensors and its passes.

use super::distinct::Distinct;
use super::layer::{BLOCK, Layer};

use crate::math::gemm::{Packed, padded};
use crate::math::simd::Level;
use crate::params::{Overrides, ParamError, Params};
use crate::policy::interface::{Built, Inputs, Interface, Policy, PolicyKind, Size, Tensor, refuse};
use crate::policy::layout::Layout;
use crate::tasks::{MAX_ACTIVE, MAX_NUMBERS};
use crate::{choice, params};

choice! {
    /// What follows a hidden layer.
    pub enum Activation { Tanh = "tanh", Relu = "relu" }
}

params! {
    /// Parameters of the MLP.
    pub struct MlpParams {
        hidden: Vec<u32> = vec![64, 64], 1 ..= 512, "units", "Sizes of the hidden layers, one to four of them.", source "CleanRL ppo.py", also "hidden_sizes, hidden_size, net_arch, width";
        activation: Activation = Activation::Tanh, 0 ..= 0, "", "What follows a hidden layer.", source "CleanRL ppo.py";
    }
}

pub const KIND: PolicyKind = PolicyKind {
    name: "mlp",
    help: "A multilayer perceptron over the task's features.",
    table: MlpParams::TABLE,
    size,
};

pub struct Mlp {
    pub layout: Layout,
    pub level: Level,
    pub active: usize,
    /// It sees `active` numbers; else as many features that are on.
    pub dense: bool,
    pub features: usize,
    pub activation: Activation,
    pub hidden: Vec<Layer>,
    pub policy: Layer,
    pub value: Option<Layer>,
    /// Both heads side by side: weights [last hidden][actions + 1].
    pub heads: Packed,
    pub heads_transposed: Packed,
    pub heads_out: Vec<f32>,
    pub d_heads: Vec<f32>,
    /// The observations of the pass, and each row's among them.
    pub distinct: Distinct,
    pub rows: Vec<u32>,
    pub keep: bool,
}

/// How large an MLP is, or why parameters do not suit a task's interface.
fn size(overrides: &Overrides, interface: &Interface) -> Result<Size, Vec<ParamError>> {
    let params = MlpParams::resolve(&[overrides])?;
    if params.hidden.is_empty() || params.hidden.len() > 4 {
        return Err(refuse("hidden", format!("hidden must hold one to four sizes, not {}", params.hidden.len())));
    }
    let most = if interface.dense { MAX_NUMBERS } else { MAX_ACTIVE };
    if interface.features == 0 || interface.active == 0 || interface.active > most {
        return Err(refuse("kind", "the mlp policy needs a task with features; use transformer here".into()));
    }
    // The first layer sums the rows of the features that are on.
    let (mut inputs, mut used) = (interface.features, interface.active);
    let mut size = Size { params: 0, activations: 0, products: 0 };
    let heads = interface.n_actions + usize::from(interface.critic);
    for outputs in params.hidden.iter().map(|n| *n as usize).chain([heads]) {
        size.params += (inputs + 1) * outputs;
        size.products += used * outputs;
        size.activations += outputs;
        (inputs, used) = (outputs, outputs);
    }
    size.activations -= heads;
    Ok(size)
}

pub fn build(overrides: &Overrides, interface: &Interface) -> Built {
    let params = MlpParams::resolve(&[overrides])?;
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
        dense: interface.dense,
        features: interface.features,
        activation: params.activation,
        hidden,
        policy,
        value,
        heads: Packed::default(),
        heads_transposed: Packed::default(),
        heads_out: Vec::new(),
        d_heads: Vec::new(),
        distinct: Distinct::new(interface.active),
        rows: Vec::new(),
        keep: true,
    }))
}

/// Adds a padded matrix [rows][stride] to a tensor [rows][n] at `to`, from column `first` on.
fn add_padded(to: &mut [f32], from: &[f32], n: usize, stride: usize, first: usize) {
    for (to, from) in to.chunks_exact_mut(n).zip(from.chunks_exact(stride)) {
        for (g, d) in to.iter_mut().zip(&from[first..]) {
            *g += d;
        }
    }
}

fn grow(buffer: &mut Vec<f32>, n: usize) {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
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
        self.rows.clear();
        self.distinct.clear();
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
    }

    fn step(&mut self, params: &[f32], _samples: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        let (Inputs::Features(features) | Inputs::Tokens(features)) = inputs;
        let first = self.rows.len();
        let known = self.distinct.count();
        let last = self.features as u32 - 1;
        let mut observation = [0; MAX_NUMBERS];
        for row in features.chunks_exact(self.active) {
            let observation = &mut observation[..self.active];
            for (to, f) in observation.iter_mut().zip(row) {
                *to = if self.dense { *f } else { *f.min(&last) };
            }
            self.rows.push(self.distinct.number(observation));
        }
        let count = self.distinct.count();
        for layer in &mut self.hidden {
            grow(&mut layer.out, count * padded(layer.outputs));
        }
        grow(&mut self.heads_out, count * self.heads.n);
        for from in (known..count).step_by(BLOCK) {
            self.forward_block(params, from, (from + BLOCK).min(count));
        }
        let (n, width) = (self.policy.outputs, self.heads.n);
        let outputs = |row: &u32| &self.heads_out[*row as usize * width..][..width];
        for (row, out) in self.rows[first..].iter().zip(logits.chunks_exact_mut(n)) {
            out.copy_from_slice(&outputs(row)[..n]);
        }
        if self.value.is_some() {
            for (row, value) in self.rows[first..].iter().zip(values) {
                *value = outputs(row)[n];
            }
        }
        if !self.keep {
            self.rows.clear();
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

        let n = self.policy.outputs;
        let count = self.distinct.count();
        zeroed(&mut self.d_heads, count * width);
        for (i, (&row, dl)) in self.rows.iter().zip(dlogits.chunks_exact(n)).enumerate() {
            let d = &mut self.d_heads[row as usize * width..][..width];
            for (d, dl) in d.iter_mut().zip(dl) {
                *d += dl;
            }
            if self.value.is_some() {
                d[n] += dvalues[i];
            }
        }
        for from in (0..count).step_by(BLOCK) {
            self.backward_block(from, (from + BLOCK).min(count), grads);
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

//! The layers of the MLP, forward and backward, for a block of observations.

use super::layer::Layer;
use super::network::{Activation, Mlp};
use crate::math::activation::{add_rows, bias_relu, bias_tanh, relu_backward, tanh_backward};
use crate::math::gemm::{Left, Right, gemm};

impl Mlp {
    /// Weight (p, j) of the two heads side by side.
    pub(super) fn head_weight(policy: &Layer, value: Option<&Layer>, params: &[f32], p: usize, j: usize) -> f32 {
        if j < policy.outputs {
            params[policy.weight + p * policy.outputs + j]
        } else {
            value.map_or(0.0, |v| params[v.weight + p])
        }
    }

    pub(super) fn head_outputs(&self) -> usize {
        self.policy.outputs + usize::from(self.value.is_some())
    }

    /// Sums of first-layer rows for the observations from..to of the pass.
    fn embed(&mut self, params: &[f32], from: usize, to: usize) {
        let layer = &mut self.hidden[0];
        let (n, width) = (layer.outputs, layer.width());
        let weights = &params[layer.weight..][..layer.inputs * n];
        let features = &self.distinct.features[from * self.active..to * self.active];
        let out = &mut layer.out[from * width..to * width];
        for (row, features) in out.chunks_exact_mut(width).zip(features.chunks_exact(self.active)) {
            row.fill(0.0);
            if self.dense {
                for (value, weights) in features.iter().zip(weights.chunks_exact(n)) {
                    let value = f32::from_bits(*value);
                    row.iter_mut().zip(weights).for_each(|(x, w)| *x += value * w);
                }
                continue;
            }
            for &f in features {
                for (x, w) in row.iter_mut().zip(&weights[f as usize * n..][..n]) {
                    *x += w;
                }
            }
        }
    }

    /// Runs observations from..to through the layers, to the heads' outputs with their biases.
    pub(super) fn forward_block(&mut self, params: &[f32], from: usize, to: usize) {
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
        let out = &mut self.heads_out[from * width..to * width];
        gemm(self.level, rows, width, top.outputs, x, self.heads.right(), out, width, false);
        let n = self.policy.outputs;
        let bias = &params[self.policy.bias..][..n];
        for row in out.chunks_exact_mut(width) {
            for (y, b) in row.iter_mut().zip(bias) {
                *y += b;
            }
            if let Some(value) = &self.value {
                row[n] += params[value.bias];
            }
        }
    }

    /// Takes observations from..to back through the layers; the gradients of their heads' outputs are in `d_heads`.
    pub(super) fn backward_block(&mut self, from: usize, to: usize, grads: &mut [f32]) {
        let rows = to - from;
        let (width, level) = (self.heads.n, self.level);
        let d_heads = &self.d_heads[from * width..to * width];
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
        let features = &self.distinct.features[from * self.active..to * self.active];
        for (d, features) in first.d_out.chunks_exact(h).zip(features.chunks_exact(self.active)) {
            if self.dense {
                for (value, grads) in features.iter().zip(grads[first.weight..].chunks_exact_mut(n)) {
                    let value = f32::from_bits(*value);
                    grads.iter_mut().zip(d).for_each(|(g, d)| *g += value * d);
                }
                continue;
            }
            for &f in features {
                for (g, d) in grads[first.weight + f as usize * n..][..n].iter_mut().zip(d) {
                    *g += d;
                }
            }
        }
    }
}

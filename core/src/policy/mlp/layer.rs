//! A layer of the MLP: its tensors and its buffers.

use crate::math::gemm::{Packed, padded};
use crate::policy::layout::Layout;

/// Rows that go through the layers together.
pub const BLOCK: usize = 64;

/// A layer: its tensors, and buffers of this pass.
pub struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    pub weight: usize,
    pub bias: usize,
    pub padded_bias: Vec<f32>,
    pub forward: Packed,
    pub transposed: Packed,
    /// Outputs [rows][padded(outputs)], after the activation.
    pub out: Vec<f32>,
    /// Gradients of a block, and of the weights [inputs][padded(outputs)] and bias over the pass.
    pub d_out: Vec<f32>,
    pub d_weight: Vec<f32>,
    pub d_bias: Vec<f32>,
}

impl Layer {
    pub fn new(layout: &mut Layout, name: &str, inputs: usize, outputs: usize) -> Self {
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

    pub fn width(&self) -> usize {
        padded(self.outputs)
    }
}

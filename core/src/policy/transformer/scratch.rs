//! Buffers of the backward pass.

use super::attention::SlotScratch;

/// Buffers of the backward pass.
#[derive(Default)]
pub struct BackwardScratch {
    pub slot: SlotScratch,
    /// Gradients of head outputs [rows][outputs], and of the heads' weights [d][outputs].
    pub d_outputs: Vec<f32>,
    pub d_heads: Vec<f32>,
    /// Gradients of the residual stream, of what attention mixed [rows][d], of queries, keys and values [rows][3 d].
    pub d_stream: Vec<f32>,
    pub d_mixed: Vec<f32>,
    pub d_qkv: Vec<f32>,
    /// Gradients of a block of rows: of the feed-forward layer [BLOCK][4 d] and of a norm's output [BLOCK][d].
    pub d_hidden: Vec<f32>,
    pub d_norm: Vec<f32>,
    /// Gradients of the prompts' keys and values, summed over samples [groups][prompt_len][d].
    pub d_prompt_keys: Vec<f32>,
    pub d_prompt_values: Vec<f32>,
}

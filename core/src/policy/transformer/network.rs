//! The transformer: its tensors and its passes.

use super::pass::Pass;
use super::scratch::BackwardScratch;
use super::shape::PassSizes;

use crate::math::gemm::Packed;
use crate::math::simd::Level;
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::policy::interface::{Built, Inputs, Interface, Policy, PolicyKind, Size, Tensor, refuse};
use crate::policy::layout::Layout;

/// Most positions of a sequence: the longest prompt and the longest completion of a task program.
pub const MAX_CONTEXT: usize = 112;

params! {
    /// Parameters of the transformer.
    pub struct TransformerParams {
        d_model: u32 = 32, 16 ..= 128, "", "Width of the residual stream, a multiple of 8.", also "hidden_size, n_embd, width";
        layers: u32 = 1, 1 ..= 4, "", "Blocks of attention and feed-forward layer.", also "num_layers, n_layer, depth";
        heads: u32 = 2, 1 ..= 16, "", "Attention heads; d_model / heads is a multiple of 8.", also "n_head, num_attention_heads";
        init_std: f32 = 0.08, 0 ..= 1, "", "Standard deviation of the initial weights.";
    }
}

pub const KIND: PolicyKind = PolicyKind {
    name: "transformer",
    help: "A small decoder-only transformer over the task's tokens.",
    table: TransformerParams::TABLE,
    size,
};

/// Offsets of a block's tensors in the parameter vector.
pub struct BlockOffsets {
    pub qkv: usize,
    pub o: usize,
    pub up: usize,
    pub down: usize,
}

pub struct Offsets {
    pub token: usize,
    pub position: usize,
    pub blocks: Vec<BlockOffsets>,
    pub out: usize,
    pub value: usize,
    pub value_bias: usize,
}

/// A block's weights, packed for products from the right.
#[derive(Default)]
pub struct BlockWeights {
    pub qkv: Packed,
    pub o: Packed,
    pub up: Packed,
    pub down: Packed,
}

pub struct Transformer {
    pub layout: Layout,
    pub shape: PassSizes,
    pub offsets: Offsets,
    pub init_std: f32,
    pub level: Level,
    pub weights: Vec<BlockWeights>,
    pub transposed: Vec<BlockWeights>,
    /// Output matrix and value head side by side [d][vocabulary + 1], and its transpose.
    pub heads: Packed,
    pub heads_transposed: Packed,
    pub pass: Pass,
    pub scratch: BackwardScratch,
}

/// How large a transformer is, or why parameters do not suit a task's interface.
fn size(overrides: &Overrides, interface: &Interface) -> Result<Size, Vec<ParamError>> {
    let params = TransformerParams::resolve(&[overrides])?;
    let (d, heads) = (params.d_model as usize, params.heads as usize);
    if d % 8 != 0 {
        return Err(refuse("d_model", format!("d_model must be a multiple of 8, not {d}")));
    }
    if d % (8 * heads) != 0 {
        let message =
            format!("heads must split d_model = {d} into parts that are a multiple of 8, and {heads} does not");
        return Err(refuse("heads", message));
    }
    if interface.prompt_len == 0 || interface.horizon == 0 {
        return Err(refuse("kind", "the transformer policy needs a task with tokens; use mlp or table here".into()));
    }
    let context = interface.prompt_len + interface.horizon;
    if context > MAX_CONTEXT {
        let (prompt, horizon) = (interface.prompt_len, interface.horizon);
        let message =
            format!("a prompt of {prompt} and {horizon} tokens are more than the {MAX_CONTEXT} positions there are");
        return Err(refuse("kind", message));
    }
    // Of each block: two norms, queries, keys and values twice, what is mixed, the feed-forward layer with its slopes, and
    // a row of attention.
    let (layers, vocabulary) = (params.layers as usize, interface.n_actions);
    let value = if interface.critic { d + 1 } else { 0 };
    Ok(Size {
        params: (2 * vocabulary + context) * d + layers * 12 * d * d + value,
        activations: layers * (16 * d + heads * MAX_CONTEXT),
        products: layers * (12 * d * d + 2 * context * d) + vocabulary * d + value,
    })
}

pub fn build(overrides: &Overrides, interface: &Interface) -> Built {
    let params = TransformerParams::resolve(&[overrides])?;
    let (d, heads, layers) = (params.d_model as usize, params.heads as usize, params.layers as usize);
    let context = interface.prompt_len + interface.horizon;
    let shape = PassSizes {
        vocabulary: interface.n_actions,
        d,
        heads,
        prompt_len: interface.prompt_len,
        columns: context.div_ceil(8) * 8,
        slot_rows: interface.prompt_len.max(interface.horizon - 1),
        critic: interface.critic,
    };
    let mut layout = Layout::default();
    let token = layout.push("token_embedding", shape.vocabulary, d);
    let position = layout.push("position_embedding", context, d);
    let mut block = |i: usize| BlockOffsets {
        qkv: layout.push(format!("layers.{i}.qkv"), d, 3 * d),
        o: layout.push(format!("layers.{i}.o"), d, d),
        up: layout.push(format!("layers.{i}.up"), d, 4 * d),
        down: layout.push(format!("layers.{i}.down"), 4 * d, d),
    };
    let blocks = (0..layers).map(&mut block).collect();
    let out = layout.push("out", d, shape.vocabulary);
    let (value, value_bias) =
        if shape.critic { (layout.push("value", d, 1), layout.push("value_bias", 1, 1)) } else { (0, 0) };
    Ok(Box::new(Transformer {
        layout,
        shape,
        offsets: Offsets { token, position, blocks, out, value, value_bias },
        init_std: params.init_std,
        level: Level::detect(),
        weights: (0..layers).map(|_| BlockWeights::default()).collect(),
        transposed: (0..layers).map(|_| BlockWeights::default()).collect(),
        heads: Packed::default(),
        heads_transposed: Packed::default(),
        pass: Pass::new(layers),
        scratch: BackwardScratch::default(),
    }))
}

impl Transformer {
    /// Element (p, j) of output matrix and value head side by side.
    pub fn head_weight(&self, params: &[f32], p: usize, j: usize) -> f32 {
        let n = self.shape.vocabulary;
        if j < n { params[self.offsets.out + p * n + j] } else { params[self.offsets.value + p] }
    }

    pub fn head_outputs(&self) -> usize {
        self.shape.vocabulary + usize::from(self.shape.critic)
    }

    /// Copies a row of head outputs to where the caller wants it.
    pub fn emit(&self, params: &[f32], row: &[f32], logits: &mut [f32], value: Option<&mut f32>) {
        let n = self.shape.vocabulary;
        logits.copy_from_slice(&row[..n]);
        if let (true, Some(value)) = (self.shape.critic, value) {
            *value = row[n] + params[self.offsets.value_bias];
        }
    }
}

impl Policy for Transformer {
    fn n_params(&self) -> usize {
        self.layout.n_params
    }

    fn tensors(&self) -> &[Tensor] {
        &self.layout.tensors
    }

    fn init(&self, seed: u32, params: &mut [f32]) {
        self.layout.init(seed, params, |tensor| if tensor.name == "value_bias" { 0.0 } else { self.init_std });
    }

    fn reset(&mut self, params: &[f32], prompts: &[u32], group_of: &[u32]) {
        self.pack(params);
        self.prefill(params, prompts, group_of);
    }

    fn step(&mut self, params: &[f32], samples: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        let (Inputs::Features(tokens) | Inputs::Tokens(tokens)) = inputs;
        if self.pass.started {
            let from = self.pass.begin_rows();
            for (&sample, &token) in samples.iter().zip(tokens) {
                self.pass.append(&self.shape, sample, token);
            }
            self.forward_and_emit(params, from, logits, values);
        } else {
            self.pass.started = true;
            self.first_step(params, samples.iter().copied(), logits, values);
        }
    }

    fn replay(&mut self, params: &[f32], lengths: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        let (Inputs::Features(tokens) | Inputs::Tokens(tokens)) = inputs;
        self.pass.started = true;
        let alive = |t: u32| (0..lengths.len() as u32).filter(move |&i| lengths[i as usize] > t);
        self.first_step(params, alive(0), logits, values);
        let first = alive(0).count();
        let from = self.pass.begin_rows();
        let mut tokens = tokens.iter().skip(first);
        for t in 1..lengths.iter().copied().max().unwrap_or(0) {
            for (sample, &token) in alive(t).zip(&mut tokens) {
                self.pass.append(&self.shape, sample, token);
            }
        }
        let logits = &mut logits[first * self.shape.vocabulary..];
        let values = if self.shape.critic { &mut values[first..] } else { values };
        self.forward_and_emit(params, from, logits, values);
    }

    fn fork(&mut self, pairs: &[(u32, u32)]) {
        pairs.iter().for_each(|(from, to)| self.pass.fork(&self.shape, *from, *to));
    }

    fn keep_activations(&mut self, keep: bool) {
        self.pass.keep = keep;
    }

    fn backward(&mut self, params: &[f32], dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        if self.pass.keep {
            self.backward_pass(params, dlogits, dvalues, grads);
        }
    }
}

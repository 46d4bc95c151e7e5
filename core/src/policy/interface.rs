//! What a policy is.

use crate::params::{Overrides, ParamError, ParamSpec};
use serde::{Deserialize, Serialize};

/// One tensor of a parameter vector: `rows x cols` numbers, row-major, from `offset`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tensor {
    pub name: String,
    pub offset: usize,
    pub rows: usize,
    pub cols: usize,
}

/// What the rows of a step are fed with.
#[derive(Clone, Copy, Debug)]
pub enum Inputs<'a> {
    /// Active features, [rows][active] (MLP), or one state index a row (table).
    Features(&'a [u32]),
    /// The token written at the step before, one a row; at the first step of a pass it is not read, since the prompt
    /// alone gives the first logits (transformer).
    Tokens(&'a [u32]),
}

/// A policy of one lane on the CPU: one pass is `reset`, then `step` for t = 0, 1, ..., then at most one `backward`.
///
/// Rows are appended in the order of the calls: the first call's samples, then the second's, and so on. All activations
/// of the pass are kept, so `backward` needs no second forward. Buffers are kept between passes.
pub trait Policy: Send {
    /// Number of parameters.
    fn n_params(&self) -> usize;
    /// Where each tensor lies.
    fn tensors(&self) -> &[Tensor];
    /// Initial parameters, from the seed alone.
    fn init(&self, seed: u32, params: &mut [f32]);
    /// Starts a pass. For a transformer: `prompts` is [groups][prompt_len], and sample i of the pass continues prompt
    /// `group_of[i]`; empty slices otherwise.
    fn reset(&mut self, params: &[f32], prompts: &[u32], group_of: &[u32]);
    /// Appends one row for each of `samples` (indices in 0..group_of.len() for a transformer; ignored otherwise; a sample
    /// appears at most once a call, and once left out it does not come back). Writes logits [rows][n_actions] and, with a
    /// value head, values [rows] (else `values` is empty).
    fn step(&mut self, params: &[f32], samples: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]);
    /// All rows of a pass at once, where every input is known (later epochs, the reference policy, the warm start): after
    /// `reset`, the same numbers as `step` for t = 0, 1, ... over the samples with `lengths[i] > t`, in ascending order.
    /// Rows of `inputs`, logits and values are in that order too: t-major, then by sample. Far faster than single steps.
    fn replay(&mut self, params: &[f32], lengths: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]);
    /// For every (from, to): sample `to` goes on from where `from` stands, whatever it was fed before. Only in a pass
    /// without activations; a policy that remembers nothing of a sample has nothing to do.
    fn fork(&mut self, _pairs: &[(u32, u32)]) {}
    /// Whether activations are kept for `backward` (they are, until told otherwise). Without them a pass is lighter, and
    /// its `backward` adds nothing. To be set before `reset`.
    fn keep_activations(&mut self, keep: bool);
    /// Adds the gradients of the first rows of the pass to `grads` [n_params], given dL/dlogits [rows][n_actions] and, with
    /// a value head, dL/dvalue [rows]; the rows behind those that are given have no part.
    fn backward(&mut self, params: &[f32], dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]);
}

/// What shapes a policy: the task's side and the policy's own parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    pub n_actions: usize,
    /// Features, active features and states of a step task; zeros for tokens.
    pub features: usize,
    pub active: usize,
    /// The MLP sees `active` numbers, in place of features of which some are on.
    pub dense: bool,
    pub states: usize,
    /// Prompt length and most completion tokens; zeros for steps.
    pub prompt_len: usize,
    pub horizon: usize,
    /// A value head is wanted (gae).
    pub critic: bool,
    /// Samples of a batch, at most, and groups: what buffers are sized for.
    pub n_samples: usize,
    pub n_groups: usize,
}

/// A policy, or every reason why there is none.
pub type Built = Result<Box<dyn Policy>, Vec<ParamError>>;

/// What a kind of policy is called and takes.
pub struct PolicyKind {
    pub name: &'static str,
    pub help: &'static str,
    pub table: &'static [ParamSpec],
    /// How large a policy is, or why parameters do not suit a task's interface: all that the page needs, so that it links
    /// no policy.
    pub(super) size: fn(&Overrides, &Interface) -> Result<Size, Vec<ParamError>>,
}

/// How large a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub params: usize,
    /// Numbers that a row of a pass keeps for the backward pass, beside what every policy's rows have.
    pub activations: usize,
    /// Multiplications, each with its addition, of a row's forward pass.
    pub products: usize,
}

impl Size {
    /// Numbers that a row of a pass keeps, all in all.
    pub fn kept(&self, interface: &Interface) -> usize {
        self.activations + 3 * interface.n_actions + 16
    }
}

impl PolicyKind {
    /// How large a policy is; refuses parameters that do not suit a task's interface, and a batch whose rows would not
    /// fit into memory.
    pub fn size(&self, overrides: &Overrides, interface: &Interface) -> Result<Size, Vec<ParamError>> {
        let size = (self.size)(overrides, interface)?;
        fits(interface, &size)?;
        Ok(size)
    }
}

/// The error of one parameter.
pub fn refuse(name: &str, message: String) -> Vec<ParamError> {
    vec![ParamError { name: name.into(), message }]
}

/// Most numbers that an update may keep for its backward pass: 1 GB of them, a quarter of what a WebAssembly module can
/// address.
const MAX_KEPT: usize = 1 << 28;

/// Refuses a batch whose rows would not fit into memory.
fn fits(interface: &Interface, size: &Size) -> Result<(), Vec<ParamError>> {
    let rows = interface.n_samples.saturating_mul(interface.horizon);
    let kept = rows.saturating_mul(size.kept(interface));
    if kept <= MAX_KEPT {
        return Ok(());
    }
    let gigabytes = kept as f64 * 4e-9;
    let (samples, steps) = (interface.n_samples, interface.horizon);
    let message = format!(
        "{samples} samples of {steps} steps need about {gigabytes:.1} GB with this policy, and there is room for 1: take fewer samples or a smaller policy"
    );
    Err(refuse("kind", message))
}

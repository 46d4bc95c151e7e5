//! The softmax table: a logit for every state and action, all 0 at first. Its gradients are exact and easy to follow, so
//! small tasks can be compared with their exact solution.

use super::interface::{Built, Inputs, Interface, Policy, PolicyKind, Size, Tensor, refuse};
use super::layout::Layout;
use crate::params;
use crate::params::{Overrides, ParamError, Params};

params! {
    /// Parameters of the softmax table.
    pub struct TableParams {
        init_logit: f32 = 0.0, -100 ..= 100, "", "Initial logit of the first action; the others start at 0.";
    }
}

pub(super) const KIND: PolicyKind = PolicyKind {
    name: "table",
    help: "A logit for every state and action: no generalisation, exact gradients.",
    table: TableParams::TABLE,
    size,
};

struct Table {
    layout: Layout,
    init_logit: f32,
    n_actions: usize,
    states: usize,
    critic: bool,
    keep: bool,
    /// State of every row of the pass.
    rows: Vec<u32>,
}

/// How large a table is, or why parameters do not suit a task's interface.
fn size(overrides: &Overrides, interface: &Interface) -> Result<Size, Vec<ParamError>> {
    TableParams::resolve(&[overrides])?;
    if interface.states == 0 {
        let why = match interface.dense {
            true => "the policy sees numbers here, which a table has no rows for: use mlp",
            false => {
                "the table policy needs a task with numbered states that are not too many; use mlp or transformer here"
            }
        };
        return Err(refuse("kind", why.into()));
    }
    let params = interface.states * (interface.n_actions + usize::from(interface.critic));
    Ok(Size { params, activations: 0, products: interface.n_actions })
}

pub(super) fn build(overrides: &Overrides, interface: &Interface) -> Built {
    let params = TableParams::resolve(&[overrides])?;
    let mut layout = Layout::default();
    layout.push("logits", interface.states, interface.n_actions);
    if interface.critic {
        layout.push("value", interface.states, 1);
    }
    Ok(Box::new(Table {
        layout,
        init_logit: params.init_logit,
        n_actions: interface.n_actions,
        states: interface.states,
        critic: interface.critic,
        keep: true,
        rows: Vec::new(),
    }))
}

impl Policy for Table {
    fn n_params(&self) -> usize {
        self.layout.n_params
    }

    fn tensors(&self) -> &[Tensor] {
        &self.layout.tensors
    }

    fn init(&self, _seed: u32, params: &mut [f32]) {
        params.fill(0.0);
        for row in params[..self.states * self.n_actions].chunks_exact_mut(self.n_actions) {
            row[0] = self.init_logit;
        }
    }

    fn reset(&mut self, _params: &[f32], _prompts: &[u32], _group_of: &[u32]) {
        self.rows.clear();
    }

    fn step(&mut self, params: &[f32], _samples: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        let (Inputs::Features(states) | Inputs::Tokens(states)) = inputs;
        let n = self.n_actions;
        let last = self.states as u32 - 1;
        for (&state, out) in states.iter().zip(logits.chunks_exact_mut(n)) {
            out.copy_from_slice(&params[state.min(last) as usize * n..][..n]);
        }
        if self.critic {
            let table = &params[self.states * n..];
            for (&state, value) in states.iter().zip(values) {
                *value = table[state.min(last) as usize];
            }
        }
        if self.keep {
            self.rows.extend(states.iter().map(|s| s.min(&last)));
        }
    }

    fn replay(&mut self, params: &[f32], _lengths: &[u32], inputs: Inputs<'_>, logits: &mut [f32], values: &mut [f32]) {
        self.step(params, &[], inputs, logits, values);
    }

    fn keep_activations(&mut self, keep: bool) {
        self.keep = keep;
    }

    fn backward(&mut self, _params: &[f32], dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        let n = self.n_actions;
        for (&state, d) in self.rows.iter().zip(dlogits.chunks_exact(n)) {
            for (g, d) in grads[state as usize * n..][..n].iter_mut().zip(d) {
                *g += d;
            }
        }
        if self.critic {
            let table = &mut grads[self.states * n..];
            for (&state, d) in self.rows.iter().zip(dvalues) {
                table[state as usize] += d;
            }
        }
    }
}

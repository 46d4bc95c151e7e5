//! Passes of the policy over samples that are there already: the reference's, and the replay of a minibatch.

use super::work::Work;
use crate::math;
use crate::plan::Plan;
use crate::policy::{Inputs, Policy};
use crate::tasks::Play;

/// Inputs of a step task to ask a policy about: [rows][width] inputs, and prior logits [rows][A] or none.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    pub rows: usize,
    pub inputs: Vec<u32>,
    pub prior: Vec<f32>,
    pub critic: bool,
}

/// Probabilities [rows][A] of a policy at the inputs of a probe.
pub fn probe(policy: &mut dyn Policy, params: &[f32], probe: &Probe, actions: usize) -> Vec<f32> {
    let samples: Vec<u32> = (0..probe.rows as u32).collect();
    let mut logits = vec![0.0; probe.rows * actions];
    let mut values = vec![0.0; if probe.critic { probe.rows } else { 0 }];
    policy.reset(params, &[], &[]);
    policy.step(params, &samples, Inputs::Features(&probe.inputs), &mut logits, &mut values);
    for (x, p) in logits.iter_mut().zip(&probe.prior) {
        *x += p;
    }
    let mut out = vec![0.0; logits.len()];
    math::log_softmax_rows(&logits, &mut out, actions);
    out.iter_mut().for_each(|x| *x = math::exp(*x));
    out
}

/// Log-probabilities of the actions taken, under the reference policy, into `logp_ref`. `policy` is not the instance
/// that holds the rollout's activations.
pub fn reference(plan: &Plan, policy: &mut dyn Policy, reference: &[f32], work: &mut Work) {
    work.alive.clear();
    work.alive.extend(0..work.n as u32);
    std::mem::swap(&mut work.pass, &mut work.reference_pass);
    pass(plan, policy, reference, work);
    let actions = plan.task.n_actions;
    for (r, (i, t)) in work.pass.rows.iter().enumerate() {
        let at = *i as usize * work.steps + *t as usize;
        work.logp_ref[at] = work.pass.logp[r * actions + work.actions[at] as usize];
    }
    std::mem::swap(&mut work.pass, &mut work.reference_pass);
}

/// The current policy over one minibatch: fills logp, entropy and values of its samples, and leaves the policy with the
/// activations that `backward` needs.
pub fn replay(plan: &Plan, policy: &mut dyn Policy, params: &[f32], work: &mut Work, minibatch: usize, of: usize) {
    let range = work.minibatch(minibatch, of);
    work.alive.clear();
    work.alive.extend_from_slice(&work.order[range]);
    // The order of samples within a pass is the batch's own, so that a pass over all of them equals the rollout.
    work.alive.sort_unstable();
    pass(plan, policy, params, work);
    let actions = plan.task.n_actions;
    work.note(0, actions);
    for (r, (i, t)) in work.pass.rows.iter().enumerate() {
        let at = *i as usize * work.steps + *t as usize;
        work.logp[at] = work.pass.logp[r * actions + work.actions[at] as usize];
    }
}

/// A pass over the samples in `alive`, step by step, as long as each one is.
fn pass(plan: &Plan, policy: &mut dyn Policy, params: &[f32], work: &mut Work) {
    let (actions, horizon, width, group) = (plan.task.n_actions, work.steps, work.width, plan.group());
    work.pass.clear();
    let tokens = matches!(plan.task.play, Play::Tokens(_));
    let mut samples = std::mem::take(&mut work.alive);
    if tokens {
        work.pass_begin(&samples, group, plan.interface.prompt_len);
        policy.reset(params, &work.pass_prompts, &work.pass_groups);
    } else {
        policy.reset(params, &[], &[]);
    }
    work.slots.clear();
    work.slots.extend(0..samples.len() as u32);
    work.alive = std::mem::take(&mut work.alive_scratch);
    for t in 0..horizon {
        work.alive.clear();
        work.pass_inputs.clear();
        let lengths = &work.lengths;
        work.slots.retain(|slot| lengths[samples[*slot as usize] as usize] as usize > t);
        for slot in &work.slots {
            let i = samples[*slot as usize];
            work.alive.push(i);
            let at = i as usize * horizon + t;
            if tokens {
                work.pass_inputs.push(if t == 0 { 0 } else { work.actions[at - 1] });
            } else {
                work.pass_inputs.extend_from_slice(&work.inputs[at * width..(at + 1) * width]);
            }
        }
        if work.alive.is_empty() {
            break;
        }
        work.step(policy, params, !tokens, plan.interface.critic, actions, t as u32);
    }
    std::mem::swap(&mut work.alive, &mut samples);
    work.alive_scratch = samples;
}

impl Work {
    /// One step of a pass for the samples in `alive`, which have the places `slots` in it and the inputs `pass_inputs`:
    /// appends their rows, log-probabilities and values.
    pub(super) fn step(
        &mut self,
        policy: &mut dyn Policy,
        params: &[f32],
        features: bool,
        critic: bool,
        actions: usize,
        t: u32,
    ) {
        let base = self.pass.rows.len();
        self.pass.rows.extend(self.alive.iter().map(|i| (*i, t)));
        let end = self.pass.rows.len();
        self.logits.resize((end - base) * actions, 0.0);
        self.pass.logp.resize(end * actions, 0.0);
        self.pass.values.resize(if critic { end } else { 0 }, 0.0);
        let values = if critic { &mut self.pass.values[base..] } else { &mut [][..] };
        let inputs = if features { Inputs::Features(&self.pass_inputs) } else { Inputs::Tokens(&self.pass_inputs) };
        policy.step(params, &self.slots, inputs, &mut self.logits, values);
        if !self.prior.is_empty() {
            for (row, i) in self.logits.chunks_exact_mut(actions).zip(&self.alive) {
                let at = (*i as usize * self.steps + t as usize) * actions;
                for (x, p) in row.iter_mut().zip(&self.prior[at..at + actions]) {
                    *x += p;
                }
            }
        }
        math::log_softmax_rows(&self.logits, &mut self.pass.logp[base * actions..], actions);
    }

    /// Notes entropy and value of the pass's rows from `base` on.
    pub(super) fn note(&mut self, base: usize, actions: usize) {
        let count = self.pass.rows.len() - base;
        self.row_entropy.resize(count, 0.0);
        math::entropy_rows(&self.pass.logp[base * actions..], &mut self.row_entropy, actions);
        for (r, (i, t)) in self.pass.rows[base..].iter().enumerate() {
            let at = *i as usize * self.steps + *t as usize;
            self.entropy[at] = self.row_entropy[r];
            if let Some(v) = self.pass.values.get(base + r) {
                self.values[at] = *v;
            }
        }
    }

    /// Prompts of the groups that these samples belong to, and the place of each sample's group among them.
    fn pass_begin(&mut self, samples: &[u32], group: usize, prompt_len: usize) {
        self.pass_prompts.clear();
        self.pass_groups.clear();
        let mut last = usize::MAX;
        for &i in samples {
            let g = i as usize / group;
            if g != last {
                self.pass_prompts.extend_from_slice(&self.prompts[g * prompt_len..(g + 1) * prompt_len]);
                last = g;
            }
            self.pass_groups.push((self.pass_prompts.len() / prompt_len - 1) as u32);
        }
    }
}

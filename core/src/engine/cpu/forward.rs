//! Passes of the policy over samples that are there already: the reference's, and the replay of a minibatch.

use super::work::Work;
use crate::math;
use crate::plan::Plan;
use crate::policy::{Inputs, Policy};
use crate::tasks::Play;

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
        work.batch.logp_ref[at] = work.pass.logp[r * actions + work.batch.actions[at] as usize];
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
        work.logp[at] = work.pass.logp[r * actions + work.batch.actions[at] as usize];
    }
}

/// A pass over the samples in `alive`: all their steps at once, in the order in which single steps would come.
fn pass(plan: &Plan, policy: &mut dyn Policy, params: &[f32], work: &mut Work) {
    let (actions, horizon, width) = (plan.task.n_actions, work.steps, work.width);
    work.pass.clear();
    let tokens = matches!(plan.task.play, Play::Tokens(_));
    let samples = std::mem::take(&mut work.alive);
    if tokens {
        work.pass_begin(&samples);
        policy.reset(params, &work.pass_prompts, &work.pass_groups);
    } else {
        policy.reset(params, &[], &[]);
    }
    work.pass_lengths.clear();
    work.pass_lengths.extend(samples.iter().map(|i| work.batch.lengths[*i as usize]));
    work.pass_inputs.clear();
    for t in 0..horizon {
        let first = work.pass.rows.len();
        let lengths = &work.batch.lengths;
        let alive = samples.iter().filter(|i| lengths[**i as usize] as usize > t);
        work.pass.rows.extend(alive.map(|i| (*i, t as u32)));
        for (i, _) in &work.pass.rows[first..] {
            let at = *i as usize * horizon + t;
            if tokens {
                work.pass_inputs.push(if t == 0 { 0 } else { work.batch.actions[at - 1] });
            } else {
                work.pass_inputs.extend_from_slice(&work.batch.inputs[at * width..(at + 1) * width]);
            }
        }
        if work.pass.rows.len() == first {
            break;
        }
    }
    work.alive = samples;
    work.make_room(0, plan.interface.critic, actions);
    let inputs = if tokens { Inputs::Tokens(&work.pass_inputs) } else { Inputs::Features(&work.pass_inputs) };
    policy.replay(params, &work.pass_lengths, inputs, &mut work.logits, &mut work.pass.values);
    work.log_probabilities(0, actions);
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
        self.make_room(base, critic, actions);
        let values = if critic { &mut self.pass.values[base..] } else { &mut [][..] };
        let inputs = if features { Inputs::Features(&self.pass_inputs) } else { Inputs::Tokens(&self.pass_inputs) };
        policy.step(params, &self.slots, inputs, &mut self.logits, values);
        self.log_probabilities(base, actions);
    }

    /// Room for what the policy says of the pass's rows from `base` on.
    fn make_room(&mut self, base: usize, critic: bool, actions: usize) {
        let end = self.pass.rows.len();
        self.logits.resize((end - base) * actions, 0.0);
        self.pass.logp.resize(end * actions, 0.0);
        self.pass.values.resize(if critic { end } else { 0 }, 0.0);
    }

    /// Log-probabilities of the rows from `base` on, out of their logits and priors.
    fn log_probabilities(&mut self, base: usize, actions: usize) {
        if !self.batch.prior.is_empty() {
            for (row, (i, t)) in self.logits.chunks_exact_mut(actions).zip(&self.pass.rows[base..]) {
                let at = (*i as usize * self.steps + *t as usize) * actions;
                for (x, p) in row.iter_mut().zip(&self.batch.prior[at..at + actions]) {
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

    /// Prompts of the groups that these samples belong to, and the place of each sample's prompt among them. A past sample
    /// brings its own.
    fn pass_begin(&mut self, samples: &[u32]) {
        let width = self.prompt_len;
        self.pass_prompts.clear();
        self.pass_groups.clear();
        let (mut last, mut place) = (usize::MAX, 0);
        for i in samples.iter().map(|i| *i as usize) {
            let next = (self.pass_prompts.len() / width) as u32;
            if self.stands_in[i] {
                self.pass_prompts.extend_from_slice(&self.past_prompts[i * width..(i + 1) * width]);
                self.pass_groups.push(next);
                continue;
            }
            let g = i / self.group;
            if g != last {
                self.pass_prompts.extend_from_slice(&self.prompts[g * width..(g + 1) * width]);
                (last, place) = (g, next);
            }
            self.pass_groups.push(place);
        }
    }
}

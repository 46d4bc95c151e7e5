//! What the view of a step task asks a policy: its action probabilities in every shown state.

use crate::math;
use crate::plan::Plan;
use crate::policy::{Inputs, Policy};
use crate::tasks::{MAX_ACTIVE, Play};

/// Inputs of a step task to ask a policy about: [rows][width] inputs, and prior logits [rows][A] or none.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    pub rows: usize,
    pub inputs: Vec<u32>,
    pub prior: Vec<f32>,
    pub critic: bool,
}

/// Probabilities [rows][A] of a policy at the inputs of a probe.
pub fn probabilities(policy: &mut dyn Policy, params: &[f32], probe: &Probe, actions: usize) -> Vec<f32> {
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

/// What to ask a policy for the view of a step task: every shown state once. None for tokens.
pub fn of_task(plan: &Plan) -> Option<Probe> {
    let Play::Steps(task) = &plan.task.play else { return None };
    let (rows, actions) = (task.shown_states(), plan.task.n_actions);
    let mut probe = Probe { rows, critic: plan.interface.critic, ..Probe::default() };
    for i in 0..rows {
        if plan.policy.name == "table" {
            probe.inputs.push(task.shown_row(i));
        } else {
            let mut features = [0; MAX_ACTIVE];
            task.shown_features(i, &mut features);
            probe.inputs.extend_from_slice(&features[..plan.interface.active]);
        }
        if task.has_prior() {
            let at = probe.prior.len();
            probe.prior.resize(at + actions, 0.0);
            task.prior(&task.shown_state(i), &mut probe.prior[at..]);
        }
    }
    Some(probe)
}

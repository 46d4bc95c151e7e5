//! Stage `outer`: the slow loop over the weights of the components, every few updates.

use super::backward::backward;
use super::work::{Lane, Work};
use crate::algorithm::Settings;
use crate::algorithm::outer::{Halves, half_coefficients, outer_step};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::reward::Program;

/// Moves the weights of a program (none of one with `combine`, which an edit may bring), whose policy still has the
/// activations of the rollout.
pub fn outer(
    plan: &Plan,
    settings: &Settings,
    program: &mut Program,
    policy: &mut dyn Policy,
    lane: &Lane,
    work: &mut Work,
) {
    if program.has_combine() {
        return;
    }
    let (n, components, n_params) = (work.n, program.components.len(), lane.params.len());
    let mut halves = std::mem::take(&mut work.halves);
    for (half, gradients) in halves.iter_mut().enumerate() {
        gradients.clear();
        for c in 0..components {
            let Work { scores, batch, dlogp, dentropy, dvalue, .. } = work;
            let component = &scores.components[c * n..(c + 1) * n];
            half_coefficients(half, plan.group(), work.steps, component, &batch.lengths, &batch.active, dlogp);
            dentropy.fill(0.0);
            dvalue.fill(0.0);
            backward(plan, policy, &lane.params, work);
            gradients.extend_from_slice(&work.grads);
        }
    }
    let mut weights: Vec<f32> = program.components.iter().map(|c| c.weight).collect();
    outer_step(settings, Halves { first: &halves[0], second: &halves[1] }, n_params, &mut weights);
    program.components.iter_mut().zip(weights).for_each(|(c, weight)| c.weight = weight);
    work.halves = halves;
}

//! Stage `backward`: from the coefficients of the steps to the gradient of the parameters.

use super::work::Work;
use crate::math;
use crate::plan::Plan;
use crate::policy::Policy;

/// Writes `grads`. With p the probabilities of a row, a its action and H its entropy, the logits' gradient is
/// dL/dlogp (1[v = a] - p_v) - dL/dH p_v (log p_v + H).
pub fn backward(plan: &Plan, policy: &mut dyn Policy, params: &[f32], work: &mut Work) {
    let actions = plan.task.n_actions;
    let rows = work.pass.rows.len();
    work.dlogits.resize(rows * actions, 0.0);
    work.dvalues.resize(if plan.interface.critic { rows } else { 0 }, 0.0);
    math::exp_all(&work.pass.logp, &mut work.dlogits);
    for (r, (i, t)) in work.pass.rows.iter().enumerate() {
        let at = *i as usize * work.steps + *t as usize;
        let (dlogp, dentropy, entropy) = (work.dlogp[at], work.dentropy[at], work.entropy[at]);
        let row = r * actions..(r + 1) * actions;
        let gradient = &mut work.dlogits[row.clone()];
        if dentropy == 0.0 {
            gradient.iter_mut().for_each(|p| *p *= -dlogp);
        } else {
            for (p, logp) in gradient.iter_mut().zip(&work.pass.logp[row]) {
                // An action of probability 0 has no part, whatever its log-probability.
                let surprise = if *p > 0.0 { logp + entropy } else { 0.0 };
                *p *= -dlogp - dentropy * surprise;
            }
        }
        gradient[work.batch.actions[at] as usize] += dlogp;
        if plan.interface.critic {
            work.dvalues[r] = work.dvalue[at];
        }
    }
    work.grads.fill(0.0);
    policy.backward(params, &work.dlogits, &work.dvalues, &mut work.grads);
}

//! A policy with a value head and the same one without: an algorithm may ask for the head in the middle of a run (gae), and
//! one base policy serves both. The head's tensors are the last of every policy, so that what comes before them, the trunk
//! and the policy head, is the same numbers in the same places.

use super::LaneState;
use crate::plan::Plan;
use crate::policy::{Interface, Policy};

/// The parameters that a run starts from: those of the base policy of that number, with a fresh value head where the run has one and the base
/// policy none, and without the head that the run has no use for.
///
/// Errors: parameters of another policy.
pub fn from_base(plan: &Plan, policy: &dyn Policy, number: u32, base: &[f32]) -> Result<Vec<f32>, String> {
    let seed = plan.base.as_ref().map_or(0, |base| base.alone(number).seed);
    carried(plan, policy, seed, base)
        .ok_or_else(|| format!("the base policy has {} parameters and this policy {}", base.len(), policy.n_params()))
}

/// A saved lane's parameters and the two means of its optimiser, for a policy with a value head or without; a fresh head
/// has the initial parameters of the lane's seed, and means of 0. None: the lane is of another policy.
pub fn from_lane(plan: &Plan, policy: &dyn Policy, saved: &LaneState) -> Option<[Vec<f32>; 3]> {
    if saved.m.len() != saved.params.len() || saved.v.len() != saved.params.len() {
        return None;
    }
    let params = carried(plan, policy, plan.seed(saved.seed as usize), &saved.params)?;
    let [m, v] = [&saved.m, &saved.v].map(|mean| {
        let mut mean = mean.clone();
        mean.resize(params.len(), 0.0);
        mean
    });
    Some([params, m, v])
}

fn carried(plan: &Plan, policy: &dyn Policy, seed: u32, saved: &[f32]) -> Option<Vec<f32>> {
    let n = policy.n_params();
    if saved.len() == n {
        return Some(saved.to_vec());
    }
    let other = Interface { critic: !plan.interface.critic, ..plan.interface };
    let other = plan.policy.build(&plan.policy_params, &other).ok()?;
    if saved.len() != other.n_params() {
        return None;
    }
    let mut params = vec![0.0; n];
    policy.init(seed, &mut params);
    let common = n.min(saved.len());
    params[..common].copy_from_slice(&saved[..common]);
    Some(params)
}

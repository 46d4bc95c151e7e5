//! The base policies that the seeds of a run start from.

use super::value_head;
use crate::plan::Plan;
use crate::policy::Policy;

/// One base policy of an experiment: its number (`Base::number_of`) and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct BasePolicy {
    pub number: u32,
    pub params: Vec<f32>,
}

/// The base policies of an experiment that are at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bases {
    pub policies: Vec<BasePolicy>,
}

impl Bases {
    /// The only base policy of an experiment that has one.
    pub fn one(params: Vec<f32>) -> Self {
        Self { policies: vec![BasePolicy { number: 0, params }] }
    }

    /// Adds a base policy, in place of the one of its number.
    pub fn put(&mut self, number: u32, params: Vec<f32>) {
        self.policies.retain(|known| known.number != number);
        self.policies.push(BasePolicy { number, params });
    }

    /// Whether the base policy of that number is at hand.
    pub fn has(&self, number: u32) -> bool {
        self.policies.iter().any(|known| known.number == number)
    }
}

/// The parameters that the i-th seed of a run starts from, and the reference of its KL: those of its base policy, with a
/// value head where the run has one and none where it has not, or without base policies the seed's initial ones.
///
/// Errors: its base policy is not at hand, or is of another policy.
pub fn start(plan: &Plan, policy: &dyn Policy, bases: Option<&Bases>, index: usize) -> Result<Vec<f32>, String> {
    let Some(bases) = bases else {
        let mut params = vec![0.0; policy.n_params()];
        policy.init(plan.seed(index), &mut params);
        return Ok(params);
    };
    let number = plan.base_of(index);
    let found = bases.policies.iter().find(|known| known.number == number);
    let found = found.ok_or_else(|| format!("base policy {number} is not at hand"))?;
    value_head::from_base(plan, policy, number, &found.params)
}

//! Which policies an engine trains.

use crate::plan::Plan;

/// What a lane is: an arm of the plan and the index of a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneId {
    pub arm: usize,
    pub seed: usize,
}

/// All lanes of some seeds, in the order of lanes: seed by seed, arm by arm.
pub fn lanes_of(plan: &Plan, seeds: &[u32]) -> Vec<LaneId> {
    let arms = 0..plan.arms.len();
    seeds.iter().flat_map(|seed| arms.clone().map(|arm| LaneId { arm, seed: *seed as usize })).collect()
}

//! How far the gradients of a lane's updates point the way of the exact one: a number for claims.

use super::{Followed, Live};
use crate::engine::{CpuEngine, LaneId};
use crate::plan::Plan;
use std::sync::Arc;

/// The cosine of each of a lane's first updates between the gradient that its samples gave (the sum of their advantages
/// times the gradients of their log-probabilities) and that of the expected reward; NaN where one of the two is zero. The
/// lane is trained for this beside the run, on the CPU engine.
///
/// Errors: why the exact gradient is not known.
pub fn cosines(plan: &Arc<Plan>, lane: LaneId, updates: u32) -> Result<Vec<f32>, String> {
    if plan.base.is_some() {
        return Err("it is followed from the initial parameters, and this run starts from a base policy".into());
    }
    let mut live = Live::new(&plan.of_seed(lane.seed))?;
    let mut engine = CpuEngine::new(plan.clone(), &[lane], None)?;
    engine.watch(lane);
    (0..updates.min(plan.run.updates))
        .map(|update| {
            engine.update();
            let watched = engine.watched().zip(engine.followed());
            let ((_, kept), [params, reference]) = watched.ok_or("the lane kept nothing of its update")?;
            let arm = engine.arm(lane.arm);
            match live.exact(&Followed { lane, arm, params, reference, kept, update }) {
                (Some(exact), why) if exact.reward.is_none() => Err(why),
                (Some(exact), _) => Ok(exact.cosine.unwrap_or(f32::NAN)),
                (None, why) => Err(why),
            }
        })
        .collect()
}

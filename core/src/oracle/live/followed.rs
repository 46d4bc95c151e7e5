//! What is followed of a lane, and what its numbers are told with.

use crate::engine::anatomy::Exact;
use crate::engine::{LaneId, WatchedBatch};
use crate::plan::PlannedArm;

/// A lane's last update.
#[derive(Clone, Copy)]
pub struct Followed<'a> {
    pub lane: LaneId,
    /// The arm as it is now, edits included.
    pub arm: &'a PlannedArm,
    /// Parameters of the policy that the update's samples came from, and of the reference of its KL.
    pub params: &'a [f32],
    pub reference: &'a [f32],
    pub kept: &'a WatchedBatch,
    pub update: u32,
}

/// Why the expected reward, the cosine, or both are missing; empty where neither is.
pub fn missing(exact: &Exact, why: &str) -> String {
    match (exact.reward, exact.cosine) {
        (None, _) => format!("No exact reward, and no cosine to its gradient: {why}."),
        (Some(_), Some(_)) => String::new(),
        (Some(_), None) => "No cosine to the exact gradient: one of the two gradients is zero.".into(),
    }
}

/// Why an arm's rewards are not those of its program alone.
pub fn moves(arm: &PlannedArm) -> Option<&'static str> {
    (arm.settings.outer_every > 0).then_some("the slow loop moves the weights of its components")
}

/// The cosine of two gradients; None where one of them is nothing.
pub fn cosine(x: &[f32], y: &[f32]) -> Option<f32> {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let size = (dot(x, x) * dot(y, y)).sqrt();
    (size > 0.0).then(|| (dot(x, y) / size) as f32)
}

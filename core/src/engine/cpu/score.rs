//! Stage `score`: the reward program over the records of a batch: components, step values, errors and rewards.

use super::work::{Lane, Work};
use crate::plan::{Plan, RunField};
use crate::reward::Program;

/// Fills `scores` and `active`. What a program sees of the run is where it stands and what the last update measured.
pub fn score(plan: &Plan, program: &Program, lane: &mut Lane, update: u32, work: &mut Work) {
    lane.run[RunField::Step as usize] = update as f32;
    lane.run[RunField::Updates as usize] = plan.run.updates as f32;
    lane.run[RunField::Progress as usize] = update as f32 / plan.run.updates as f32;
    let Work { records, n, scores, score_scratch, .. } = work;
    program.score(records, *n, plan.group(), &lane.run, scores, score_scratch);
    for (active, error) in work.batch.active.iter_mut().zip(&work.scores.errors) {
        *active = u8::from(*error == 0);
    }
}

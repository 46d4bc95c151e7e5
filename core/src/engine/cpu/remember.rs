//! Stage `remember`: the update's visits go into the lane's counters.

use super::work::{Lane, Work};
use crate::episode_fields::exploration::Exploration;

/// Counts the states of all records.
pub fn remember(memory: &Exploration, lane: &mut Lane, stride: usize, work: &Work) {
    for (record, length) in work.records.chunks_exact(stride).zip(&work.batch.lengths) {
        memory.remember(*length as usize, record, &mut lane.visits);
    }
}

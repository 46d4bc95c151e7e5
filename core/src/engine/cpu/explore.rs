//! Stage `explore`: the fields of the exploration memory, from what the lane had visited before this update.

use super::work::{Lane, Work};
use crate::episode_fields::exploration::Exploration;

/// Fills the memory's fields of all records.
pub fn explore(memory: &Exploration, lane: &Lane, stride: usize, work: &mut Work) {
    let Work { records, batch, explore_matrix, .. } = work;
    for (record, length) in records.chunks_exact_mut(stride).zip(&batch.lengths) {
        memory.fill(&lane.visits, *length as usize, record, explore_matrix);
    }
}

//! Stage `appraise`: what the learned reward models of a lane say of every sample, written into its record as `rm` and
//! `rms`.

use super::work::{Lane, Work};
use crate::reward_models::RewardModels;

/// Fills `rm` and `rms` of `work.records`.
pub fn appraise(models: &RewardModels, stride: usize, lane: &Lane, work: &mut Work) {
    let shape = &models.shape;
    let Work { records, model_row, scorer, .. } = work;
    model_row.resize(shape.width, 0.0);
    for record in records.chunks_exact_mut(stride) {
        shape.gather(record, model_row);
        record[models.rms] = models.params.count as f32;
        let mut sum = 0.0;
        for (m, weights) in lane.reward_models.chunks_exact(shape.n_params()).enumerate() {
            let score = scorer.score(shape, weights, model_row);
            record[models.rms + 1 + m] = score;
            sum += score;
        }
        record[models.rm] = sum / models.params.count as f32;
    }
}

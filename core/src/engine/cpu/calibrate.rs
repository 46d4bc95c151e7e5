//! Stage `calibrate`: how well the learned reward models of a lane order the samples of an update, and how calibrated they
//! are, against the true score.

use super::work::{Lane, Work};
use crate::metrics::Column;
use crate::reward_models::{RewardModels, agreement};

/// Writes the columns of the learned reward models into a metric row.
pub fn calibrate(models: &RewardModels, stride: usize, group: usize, lane: &Lane, work: &Work, row: &mut [f32]) {
    let size = models.shape.n_params();
    let record = |i: usize| &work.records[i * stride..(i + 1) * stride];
    let logit = |i: usize| {
        let scores = &record(i)[models.rms + 1..];
        let scales = lane.reward_models.chunks_exact(size).map(|weights| weights[size - 1]);
        scores.iter().zip(scales).fold(0.0, |sum, (score, scale)| sum + score / scale) / models.params.count as f32
    };
    let logits: Vec<f32> = (0..work.n).map(logit).collect();
    let found = agreement(
        models.params.objective,
        work.n,
        group,
        |i| record(i)[models.rm],
        |i| logits[i],
        |i| work.true_scores[i],
    );
    row[Column::RmAccuracy as usize] = found.accuracy();
    row[Column::RmEce as usize] = found.ece();
}

//! How far a reward model can be trusted: accuracy and calibration against the true score.

use super::data::Answers;
use super::models::RewardModels;
use super::params::Objective;
use super::shape::Scorer;
use crate::math;
use serde::Serialize;

/// Bins of confidence, from one half to one.
pub const BINS: usize = 10;

/// One bin of a reliability diagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Bin {
    pub count: f32,
    /// Sum of the confidences, and how many were right.
    pub confidence: f32,
    pub right: f32,
}

/// What a model says of some answers, counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calibration {
    /// Pairs of a group with different true scores, and how many the score orders as the true score does (a tie is half
    /// of one).
    pub pairs: f32,
    pub ordered: f32,
    pub bins: [Bin; BINS],
}

impl Calibration {
    /// Share of pairs in the right order; not a number without pairs.
    pub fn accuracy(&self) -> f32 {
        if self.pairs > 0.0 { self.ordered / self.pairs } else { f32::NAN }
    }

    /// Expected calibration error: the mean over statements of |confidence - share that is right|, by bins.
    ///
    /// Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3.
    pub fn ece(&self) -> f32 {
        let total: f32 = self.bins.iter().map(|b| b.count).sum();
        let off: f32 = self.bins.iter().map(|b| (b.confidence - b.right).abs()).sum();
        if total > 0.0 { off / total } else { f32::NAN }
    }

    fn say(&mut self, logit: f32, truth: bool) {
        let confidence = math::sigmoid(logit.abs());
        let bin = &mut self.bins[((confidence - 0.5) * 2.0 * BINS as f32).clamp(0.0, BINS as f32 - 1.0) as usize];
        bin.count += 1.0;
        bin.confidence += confidence;
        bin.right += f32::from(u8::from((logit > 0.0) == truth));
    }
}

/// Counts what scores say: `rm` is the score of answer i, `logit` what its objective makes of it (the mean of the models'
/// outputs less their shifts), `truth` its true score; groups of `group` among `n`.
///
/// The confidence of a pair is sigmoid(|logit difference|); of a single answer (classification) sigmoid(|logit|), held
/// against a true score above one half. A regression states no confidence.
pub fn agreement(
    objective: Objective,
    n: usize,
    group: usize,
    rm: impl Fn(usize) -> f32,
    logit: impl Fn(usize) -> f32,
    truth: impl Fn(usize) -> f32,
) -> Calibration {
    let mut found = Calibration::default();
    let group = group.max(1);
    for i in 0..n {
        for j in i + 1..((i / group + 1) * group).min(n) {
            if truth(i) == truth(j) {
                continue;
            }
            let (better, worse) = if truth(i) > truth(j) { (i, j) } else { (j, i) };
            let lead = rm(better) - rm(worse);
            found.pairs += 1.0;
            found.ordered += if lead > 0.0 {
                1.0
            } else if lead == 0.0 {
                0.5
            } else {
                0.0
            };
            if objective.is_pairwise() {
                found.say(logit(better) - logit(worse), true);
            }
        }
        if objective == Objective::Classification {
            found.say(logit(i), truth(i) > 0.5);
        }
    }
    found
}

/// What the first training of a seed's models came to, on held-out answers of the base policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingReport {
    pub seed: u32,
    /// Accuracy of each model alone.
    pub each: Vec<f32>,
    /// Of their mean.
    pub mean: Calibration,
}

/// Holds models (`weights` of all of them) against answers that they were not trained on.
pub fn report(models: &RewardModels, weights: &[f32], answers: &Answers, seed: u32) -> TrainingReport {
    let (shape, n, size) = (&models.shape, answers.len(), models.shape.n_params());
    let mut scorer = Scorer::default();
    let (mut rm, mut logit) = (vec![0.0; n], vec![0.0; n]);
    let mut each = Vec::new();
    let objective = models.params.objective;
    for own in weights.chunks_exact(size) {
        let [shift, scale] = [own[size - 2], own[size - 1]];
        let raw: Vec<f32> = answers.rows.chunks_exact(shape.width).map(|row| scorer.raw(shape, own, row)).collect();
        for i in 0..n {
            logit[i] += (raw[i] - shift) / models.count() as f32;
            rm[i] += (raw[i] - shift) * scale / models.count() as f32;
        }
        let alone = agreement(objective, n, answers.group, |i| raw[i], |i| raw[i], |i| answers.truth[i]);
        each.push(alone.accuracy());
    }
    let mean = agreement(objective, n, answers.group, |i| rm[i], |i| logit[i], |i| answers.truth[i]);
    TrainingReport { seed, each, mean }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_counts_the_pairs_of_groups() {
        let truth = [0.0, 1.0, 2.0, 5.0, 5.0, 4.0];
        let rm = [0.0, 2.0, 1.0, 3.0, 9.0, 3.0];
        let found = agreement(Objective::Regression, 6, 3, |i| rm[i], |i| rm[i], |i| truth[i]);
        // First group: two of three in order; second: one tied score, one in order, one pair of equal truth.
        assert_eq!((found.pairs, found.ordered), (5.0, 3.5));
        assert!(found.ece().is_nan(), "a regression states no confidence");
    }

    #[test]
    fn a_model_that_is_as_often_right_as_it_says_is_calibrated() {
        // Four groups of two, each with logit ln 3 (confidence 3/4); three of four right.
        let l = 3.0f32.ln();
        let logit = [l, 0.0, l, 0.0, l, 0.0, 0.0, l];
        let truth = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        let found = agreement(Objective::BradleyTerry, 8, 2, |i| logit[i], |i| logit[i], |i| truth[i]);
        assert_eq!(found.accuracy(), 0.75);
        assert!(found.ece() < 1e-6, "{}", found.ece());
        let sure = agreement(Objective::BradleyTerry, 8, 2, |i| logit[i], |i| 20.0 * logit[i], |i| truth[i]);
        assert!((sure.ece() - 0.25).abs() < 1e-4, "{}", sure.ece());
    }

    #[test]
    fn a_classifier_is_held_against_the_true_score() {
        let logit = [2.0, -2.0, 3.0];
        let truth = [1.0, 0.0, 0.0];
        let found = agreement(Objective::Classification, 3, 3, |i| logit[i], |i| logit[i], |i| truth[i]);
        let right: f32 = found.bins.iter().map(|b| b.right).sum();
        assert_eq!(right, 2.0);
    }
}

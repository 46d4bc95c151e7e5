//! The first training of a seed's models: answers of the base policy in, weights and a report out.

use super::{Bases, cpu};
use crate::plan::Plan;
use crate::reward_models::{Answers, Job, RewardModels, Scorer, TrainingReport, report};
use std::sync::Arc;

/// Keeps the answers of first trainings apart from those of any run.
const FIRST_UPDATE: u32 = 0x4000_0000;
/// Most batches of held-out answers.
const HELD_OUT: usize = 8;

/// A first training that waits for its weights. All arms of a seed start from the same ones.
pub struct FirstTraining {
    plan: Arc<Plan>,
    seed: usize,
    job: Job,
    /// Numbers of the job's rows that are whole answers: the first ones.
    answers: usize,
    held_out: Answers,
}

impl FirstTraining {
    /// Draws the answers of seed `seed` (an index) of a run; None if the experiment learns no reward model. `bases`
    /// have its base policy, else it has the seed's initial parameters.
    ///
    /// Errors: a base policy that is not at hand, or of another size.
    pub fn new(plan: &Arc<Plan>, seed: usize, bases: Option<&Bases>) -> Result<Option<Self>, String> {
        let plan = plan.of_seed(seed);
        let Some(models) = &plan.reward_models else { return Ok(None) };
        let needed = models.params.pairs as usize * if models.params.objective.is_pairwise() { 2 } else { 1 };
        let batches = needed.div_ceil(plan.n_samples());
        let held_out = batches.div_ceil(4).min(HELD_OUT);
        let writer = plan.writer(seed);
        let answers = cpu::answers(&writer, models, seed, bases, FIRST_UPDATE, batches, false)?;
        let after = FIRST_UPDATE + batches as u32;
        let held_out = cpu::answers(&writer, models, seed, bases, after, held_out, true)?;
        let job = Job::first(models, &answers, plan.seed(seed));
        Ok(Some(Self { plan, seed, job, answers: answers.rows.len(), held_out }))
    }

    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Takes what the training gave: normalises the scores where that is asked for, and holds the models against the
    /// held-out answers. Gives the weights of all models of a lane.
    pub fn finish(&self, trained: Vec<f32>) -> (Vec<f32>, Option<TrainingReport>) {
        let Some(models) = &self.plan.reward_models else { return (trained, None) };
        let mut weights = trained;
        if models.params.normalize {
            normalise(models, &mut weights, &self.job.rows[..self.answers]);
        }
        let report = report(models, &weights, &self.held_out, self.seed as u32);
        (weights, Some(report))
    }
}

/// Sets shift and scale of every model so that its scores of some rows have mean 0 and deviation 1.
fn normalise(models: &RewardModels, weights: &mut [f32], rows: &[f32]) {
    let shape = &models.shape;
    let mut scorer = Scorer::default();
    for own in weights.chunks_exact_mut(shape.n_params()) {
        let raw: Vec<f32> = rows.chunks_exact(shape.width).map(|row| scorer.raw(shape, own, row)).collect();
        let n = raw.len().max(1) as f32;
        let mean = raw.iter().fold(0.0, |sum, x| sum + x) / n;
        let variance = raw.iter().fold(0.0, |sum, x| sum + (x - mean) * (x - mean)) / n;
        let at = shape.n_learned();
        own[at] = mean;
        own[at + 1] = if variance > 1e-12 { 1.0 / variance.sqrt() } else { 1.0 };
    }
}

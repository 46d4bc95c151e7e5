//! One training of the models of a lane, as plain data.

use super::data::{Answers, Examples};
use super::models::RewardModels;
use super::params::{Diversity, Hardened, Objective, RewardModelParams};
use super::shape::ModelShape;
use crate::algorithm::Settings;
use crate::algorithm::settings::FreshPairs;
use crate::math::rng::{below, draw, purpose};

/// One model's part of a training.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelJob {
    /// Its weights before, [ModelShape::n_params()].
    pub weights: Vec<f32>,
    pub examples: Examples,
}

/// A training: whoever does it gives back the weights of every model. Everything that is random in it is drawn here, so
/// the same job gives the same weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    pub shape: ModelShape,
    pub objective: Objective,
    pub margin: f32,
    pub batch: u32,
    pub steps: u32,
    pub learning_rate: f32,
    pub weight_decay: f32,
    /// Seed of the lane, and which training of it this is.
    pub seed: u32,
    pub round: u32,
    /// What the models read, [n][shape.width].
    pub rows: Vec<f32>,
    pub models: Vec<ModelJob>,
}

impl Job {
    fn new(params: &RewardModelParams, shape: &ModelShape, steps: u32, seed: u32, round: u32, rows: Vec<f32>) -> Self {
        Self {
            shape: shape.clone(),
            objective: params.objective,
            margin: params.margin,
            batch: params.batch,
            steps,
            learning_rate: params.learning_rate,
            weight_decay: params.weight_decay,
            seed,
            round,
            rows,
            models: Vec::new(),
        }
    }

    /// The first training of a seed, from initial weights, on answers of the base policy, or of another writer, and on
    /// truncations of them.
    pub fn first(models: &RewardModels, answers: &Answers, seed: u32) -> Self {
        let (params, n) = (&models.params, models.params.pairs as usize);
        let examples = Examples::labelled(params, answers, n, seed, 0);
        let cut = (params.truncated * n as f32).round() as usize;
        let hardened = examples.and(n - cut.min(n), &Examples::truncated(params, answers, cut, seed));
        let is_hardened = |m: u32| params.hardened == Hardened::All || m + 1 == params.count;
        let rows = [&answers.rows[..], &answers.wrong_rows].concat();
        let mut job = Self::new(params, &models.shape, params.steps, seed, 0, rows);
        let own = |m: u32| if is_hardened(m) { &hardened } else { &examples };
        job.add(params, own, |m| models.shape.init(seed, m));
        job
    }

    /// A later training of a lane's `weights`, before update `update`, on answers of its current policy.
    pub fn again(
        models: &RewardModels,
        settings: &Settings,
        answers: Answers,
        weights: &[f32],
        seed: u32,
        update: u32,
    ) -> Self {
        let (params, n) = (&models.params, settings.rm_pairs as usize);
        let examples = match settings.rm_fresh_pairs {
            FreshPairs::Labels => Examples::labelled(params, &answers, n, seed, update),
            FreshPairs::Verified => Examples::verified(params, &answers, n, seed, update),
            FreshPairs::Corrupted => Examples::corrupted(params, &answers, n, seed, update),
        };
        let rows = [answers.rows, answers.wrong_rows].concat();
        let mut job = Self::new(params, &models.shape, settings.rm_steps, seed, update, rows);
        let size = models.shape.n_params();
        job.add(params, |_| &examples, |m| weights[m as usize * size..(m as usize + 1) * size].to_vec());
        job
    }

    fn add<'a>(
        &mut self,
        params: &RewardModelParams,
        examples: impl Fn(u32) -> &'a Examples,
        weights: impl Fn(u32) -> Vec<f32>,
    ) {
        let (seed, round) = (self.seed, self.round);
        self.models.extend((0..params.count).map(|m| ModelJob {
            weights: weights(m),
            examples: match params.data {
                Diversity::Same => examples(m).clone(),
                Diversity::Bootstrap => examples(m).bootstrap(seed, round, m),
            },
        }));
    }

    /// Whether there is anything to learn from.
    pub fn is_empty(&self) -> bool {
        self.steps == 0 || self.models.iter().all(|m| m.examples.is_empty())
    }

    /// The weights of all models as they are before the training.
    pub fn weights(&self) -> Vec<f32> {
        self.models.iter().flat_map(|m| m.weights.iter().copied()).collect()
    }

    /// Places among a model's examples that step `step` learns from, [batch].
    pub fn draws(&self, model: usize, step: u32) -> impl Iterator<Item = usize> + '_ {
        let n = self.models[model].examples.len() as u32;
        let key = move |k: u32| draw(self.seed, self.round, model as u32, step, k, purpose::REWARD_MODEL_BATCH)[0];
        (0..self.batch).map(move |k| below(key(k), n) as usize)
    }
}

//! Learned reward models: what an experiment may ask for, the fields that they add to an episode, their scores on the
//! CPU, and what they are trained on. The training itself needs automatic differentiation and lives elsewhere: a `Job`
//! goes out as plain data, weights come back.
//!
//! A lane owns its models: [count][Shape::n_params()] weights.

mod data;
mod job;
mod report;
mod shape;

pub use data::{Answers, Examples};
pub use job::{Job, ModelJob};
pub use report::{BINS, Bin, Calibration, Report, agreement, report};
pub use shape::{Field, Scorer, Shape};

use crate::algorithm::Settings;
pub use crate::algorithm::settings::FreshPairs;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::Ty;
use crate::tasks::Task;
use crate::{choice, params};

choice! {
    /// What reads an answer.
    pub enum Encoder {
        /// A multilayer perceptron over numbers of the record.
        Mlp = "mlp",
        /// Token and position embeddings, pooled by attention, then a multilayer perceptron.
        Sequence = "sequence",
    }
}

choice! {
    /// What a reward model learns from a label.
    pub enum Objective {
        /// -log sigmoid(r(better) - r(worse)).
        BradleyTerry = "bradley_terry",
        /// max(0, margin - (r(better) - r(worse))).
        Margin = "margin",
        /// (r - label)^2.
        Regression = "regression",
        /// Cross-entropy of sigmoid(r) and whether the answer is right.
        Classification = "classification",
    }
}

impl Objective {
    /// Learns from which of two answers is better.
    pub fn is_pairwise(self) -> bool {
        matches!(self, Self::BradleyTerry | Self::Margin)
    }
}

choice! {
    /// Who says which answer is better.
    pub enum Labels {
        /// The true score.
        True = "true",
        /// The task's verifier (`ep.correct`).
        Verifier = "verifier",
    }
}

choice! {
    /// What the models of an ensemble do not share.
    pub enum Diversity {
        /// Their initial weights and the order of their batches.
        Same = "same",
        /// Also their data: each draws its own from all of it, with replacement.
        Bootstrap = "bootstrap",
    }
}

params! {
    /// Learned reward models of an experiment.
    pub struct RewardModelParams {
        count: u32 = 1, 1 ..= 16, "models", "Models of the ensemble; their scores are ep.rms, and ep.rm is the mean of them.";
        encoder: Encoder = Encoder::Mlp, 0 ..= 0, "", "What reads an answer: an mlp over numbers, or a sequence encoder over tokens.";
        inputs: String = "features".into(), 0 ..= 0, "", "Fields of the episode that the model reads, with commas between: numbers for mlp, lists of tokens for sequence.";
        hidden: Vec<u32> = vec![32], 1 ..= 64, "units", "Sizes of the hidden layers (relu), one to three of them.";
        embedding: u32 = 16, 1 ..= 64, "units", "Size of a token's embedding (sequence).";
        objective: Objective = Objective::BradleyTerry, 0 ..= 0, "", "What a model learns from a label.", formula "bradley_terry: -log sigmoid(r(better) - r(worse))", source "Bradley and Terry 1952; Ouyang et al. 2022";
        margin: f32 = 1.0, 0 ..= 100, "score", "How much better the better answer is to score (margin).", formula "max(0, margin - (r(better) - r(worse)))";
        labels: Labels = Labels::True, 0 ..= 0, "", "Who says which answer is better: the true score, or the task's verifier.";
        label_noise: f32 = 0.0, 0 ..= 0.5, "", "Share of labels that are wrong: pairs turned around, verdicts turned over, scores of another answer.", source "Reward Model Ensembles Help Mitigate Overoptimization (0.25)";
        data: Diversity = Diversity::Same, 0 ..= 0, "", "What the models of an ensemble do not share: their initial weights only, or their data too.";
        pairs: u32 = 256, 1 ..= 16384, "pairs", "Pairs of the base policy's answers that the first training sees (answers, where a model learns from single ones).";
        steps: u32 = 300, 0 ..= 20000, "steps", "Optimiser steps of the first training (AdamW).";
        batch: u32 = 64, 1 ..= 1024, "pairs", "Pairs or answers a step.";
        learning_rate: f32 = 0.005, 0 ..= 1, "", "Step size.";
        weight_decay: f32 = 0.0, 0 ..= 10, "", "Decoupled weight decay.", source "Loshchilov and Hutter 2019";
        normalize: bool = true, 0 ..= 1, "", "Shift and scale each model's scores to mean 0 and deviation 1 over the answers of its first training, so that the models of an ensemble can be compared.", source "Reward Model Ensembles Help Mitigate Overoptimization";
    }
}

/// The learned reward models of a plan: their settings, their shape, and where their scores stand in a record.
#[derive(Clone, Debug)]
pub struct RewardModels {
    pub params: RewardModelParams,
    pub shape: Shape,
    /// Slots of `rm`, `rms` (its length) and `correct` in a record.
    pub rm: usize,
    pub rms: usize,
    pub correct: usize,
}

/// Names of the fields that learned reward models add to an episode.
pub const FIELDS: [&str; 2] = ["rm", "rms"];

impl RewardModels {
    /// Number of models.
    pub fn count(&self) -> usize {
        self.params.count as usize
    }

    /// Weights of a lane: all its models.
    pub fn n_weights(&self) -> usize {
        self.count() * self.shape.n_params()
    }

    /// A lane's weights before any training: every score is 0.
    pub fn untrained(&self) -> Vec<f32> {
        let size = self.shape.n_params();
        (0..self.n_weights()).map(|i| if (i + 1).is_multiple_of(size) { 1.0 } else { 0.0 }).collect()
    }

    /// Whether an arm trains its models between update `update - 1` and `update`.
    pub fn is_due(&self, settings: &Settings, update: u32, updates: u32) -> bool {
        settings.rm_every > 0 && update > 0 && update < updates && update.is_multiple_of(settings.rm_every)
    }
}

/// Looks up what the models read, and adds the fields of their scores to the task's episodes.
///
/// Errors: values that the table refuses, fields that the task lacks or that the encoder does not read.
pub fn extend(task: &mut Task, overrides: &Overrides) -> Result<RewardModels, Vec<ParamError>> {
    let params = RewardModelParams::resolve(&[overrides])?;
    let refuse = |name: &str, message: String| vec![ParamError { name: name.into(), message }];
    if params.hidden.is_empty() || params.hidden.len() > 3 {
        return Err(refuse("hidden", format!("hidden must hold one to three sizes, not {}", params.hidden.len())));
    }
    let mut fields = Vec::new();
    for name in params.inputs.split(',').map(str::trim) {
        let Some(field) = task.schema.get(name) else {
            let names: Vec<&str> = task.schema.fields.iter().map(|f| f.name.as_str()).collect();
            let message = format!("inputs names \"{name}\", which an episode has not; it has {}", names.join(", "));
            return Err(refuse("inputs", message));
        };
        let tokens = field.ty == Ty::Tokens;
        let reads = match params.encoder {
            Encoder::Mlp => !tokens && !matches!(field.ty, Ty::Token | Ty::Optional),
            Encoder::Sequence => tokens,
        };
        if !reads {
            let (what, label) = (params.encoder.name(), field.ty.label());
            return Err(refuse("inputs", format!("the encoder {what} does not read \"{name}\", a {label}")));
        }
        fields.push(Field { offset: field.offset, cap: field.cap, list: field.ty.is_list() });
    }
    let shape = Shape::new(&params, fields, task.schema.tokens.len());
    if shape.width > MAX_WIDTH {
        let width = shape.width;
        return Err(refuse("inputs", format!("inputs hold {width} numbers; a reward model reads up to {MAX_WIDTH}")));
    }
    let Some(correct) = task.schema.get("correct").map(|f| f.offset) else {
        return Err(refuse("labels", format!("the task {} has no verifier", task.kind)));
    };
    if let Some(taken) = FIELDS.iter().find(|name| task.schema.get(name).is_some()) {
        return Err(refuse("inputs", format!("the task {} has a field \"{taken}\" of its own", task.kind)));
    }
    let (rm, count) = (task.schema.stride, params.count as usize);
    let schema = std::mem::replace(&mut task.schema, crate::reward::schema::EpisodeSchema::new(Vec::new(), 0));
    task.schema = schema.field("rm", Ty::Float, 1, "What the learned reward model says: the mean of ep.rms.").field(
        "rms",
        Ty::Floats,
        count,
        "What each of the learned reward models says.",
    );
    Ok(RewardModels { params, shape, rm, rms: rm + 1, correct })
}

/// Most numbers or tokens that a model reads.
pub const MAX_WIDTH: usize = 128;

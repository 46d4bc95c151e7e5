//! What an experiment asks of its learned reward models.

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

choice! {
    /// Which models of an ensemble see truncated answers.
    pub enum Hardened {
        /// All of them.
        All = "all",
        /// The last one alone, so that it can be held against the others.
        Last = "last",
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
        writer: String = "".into(), 0 ..= 0, "", "Settings of the task under which the answers of the first training are written, such as skill = 2 (commas between several): by the base policy that the task then has, in place of the run's own.";
        answered: bool = false, 0 ..= 1, "", "The first training sees only answers that come to an answer (ep.answered); for models that learn from single ones.";
        truncated: f32 = 0.0, 0.0 ..= 1.0, "", "Share of the first training's examples that reject an answer cut off after its first tokens.", source "One Token to Fool LLM-as-a-Judge";
        truncated_at: u32 = 1, 1 ..= 64, "tokens", "Tokens of an answer that its truncation keeps.";
        hardened: Hardened = Hardened::All, 0 ..= 0, "", "Which models of the ensemble see truncated answers.";
        pairs: u32 = 256, 1 ..= 16384, "pairs", "Pairs of the base policy's answers that the first training sees (answers, where a model learns from single ones).";
        steps: u32 = 300, 0 ..= 20000, "steps", "Optimiser steps of the first training (AdamW).";
        batch: u32 = 64, 1 ..= 1024, "pairs", "Pairs or answers a step.";
        learning_rate: f32 = 0.005, 0 ..= 1, "", "Step size.";
        weight_decay: f32 = 0.0, 0 ..= 10, "", "Decoupled weight decay.", source "Loshchilov and Hutter 2019";
        normalize: bool = true, 0 ..= 1, "", "Shift and scale each model's scores to mean 0 and deviation 1 over the answers of its first training, so that the models of an ensemble can be compared.", source "Reward Model Ensembles Help Mitigate Overoptimization";
    }
}

//! The supervised warm start of the policy.

use super::short;
use crate::params;

params! {
    /// The supervised warm start that gives the base policy (and the reference of the KL).
    pub struct Base {
        steps: u32 = 0, 0 ..= 100000, "steps", "Optimiser steps on generated demonstrations; 0 starts from the initial parameters.", also "sft, warm start, pretraining";
        batch: u32 = 64, 1 ..= 4096, "demonstrations", "Demonstrations a step.";
        #[serde(serialize_with = "short::number")]
        learning_rate: f32 = 0.003, 0.000001 ..= 1.0, "", "Step size of Adam, falling linearly to a tenth.";
        seed: u32 = 0, 0 ..= 1000000, "", "Which demonstrations are drawn, and the initial parameters.";
    }
}

impl Base {
    /// So many steps, with the defaults of everything else.
    pub fn new(steps: u32) -> Self {
        Self { steps, ..Self::default() }
    }
}

//! The supervised warm start of the policy.

use super::{RunParams, short};
use crate::params;
use std::collections::BTreeSet;

params! {
    /// The supervised warm start that gives the base policy (and the reference of the KL).
    pub struct Base {
        steps: u32 = 0, 0 ..= 100000, "steps", "Optimiser steps on generated demonstrations; 0 starts from the initial parameters.", also "sft, warm start, pretraining";
        batch: u32 = 64, 1 ..= 4096, "demonstrations", "Demonstrations a step.";
        #[serde(serialize_with = "short::number")]
        learning_rate: f32 = 0.003, 0.000001 ..= 1.0, "", "Step size of Adam, falling linearly to a tenth.";
        seed: u32 = 0, 0 ..= 1000000, "", "Which demonstrations are drawn, and the initial parameters, of the first base policy; each further one has the next seed.";
        #[serde(skip_serializing_if = "is_one")]
        policies: u32 = 1, 1 ..= 16, "base policies", "Base policies that the seeds are dealt among: seed s of a run starts from the one whose number is the rest of s by so many.";
    }
}

fn is_one(policies: &u32) -> bool {
    *policies == 1
}

impl Base {
    /// So many steps, with the defaults of everything else.
    pub fn new(steps: u32) -> Self {
        Self { steps, ..Self::default() }
    }

    /// The number of the base policy that a seed of a run starts from.
    pub fn number_of(&self, seed: u32) -> u32 {
        seed % self.policies.max(1)
    }

    /// The numbers of the base policies that the seeds of a run start from.
    pub fn numbers(&self, run: &RunParams) -> BTreeSet<u32> {
        (0..run.seeds.min(self.policies)).map(|index| self.number_of(run.first_seed.wrapping_add(index))).collect()
    }

    /// The warm start that gives the base policy of a number, alone.
    pub fn alone(&self, number: u32) -> Self {
        Self { seed: self.seed.wrapping_add(number), policies: 1, ..self.clone() }
    }
}

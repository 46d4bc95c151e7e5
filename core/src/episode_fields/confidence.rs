//! How sure the policy was of what it did, as fields of the episode that reward programs read: so entropy minimisation,
//! self-certainty and their mixtures with other rewards stay reward code.
//!
//! They are what stage `rollout` saw while it sampled, on both engines (`shaders/common/confidence.wgsl`). The CPU engine
//! fills them only where a program reads them or a view shows the episode.

use crate::math::elementary::log;
use crate::reward::Program;
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::Task;
use std::ops::Range;

/// Name and help of every field, in the order of a record.
const FIELDS: [(&str, &str); 3] = [
    ("entropy", "Mean entropy of the policy over the steps of the episode, in nats."),
    ("logp", "Log-probability that the policy gave to the whole episode: the sum over its steps, in nats."),
    (
        "self_certainty",
        "Mean over the steps of KL(uniform, policy), in nats: 0 for a policy that guesses (Kang et al. 2025; Intuitor).",
    ),
];

/// Where a record has the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confidence {
    first: usize,
}

impl Confidence {
    /// Adds the fields to a task's episodes.
    pub fn attach(task: &mut Task) -> Self {
        let first = task.schema.stride;
        let schema = std::mem::replace(&mut task.schema, EpisodeSchema::new(Vec::new(), 0));
        task.schema = FIELDS.iter().fold(schema, |schema, (name, help)| schema.field(name, Ty::Float, 1, help));
        Self { first }
    }

    /// The slots of a record that the fields take.
    pub fn slots(self) -> Range<usize> {
        self.first..self.first + FIELDS.len()
    }

    /// Whether a program reads one of the fields.
    pub fn is_read_by(self, program: &Program) -> bool {
        program.reads(self.slots())
    }

    /// Adds a step to the sums of a record whose fields were 0: the entropy there, the log-probability of what was done,
    /// and those of all actions, [A].
    pub fn add(self, record: &mut [f32], entropy: f32, logp: f32, all: &[f32]) {
        let fields = &mut record[self.slots()];
        fields[0] += entropy;
        fields[1] += logp;
        fields[2] += from_uniform(all);
    }

    /// Turns the sums over `length` steps into the fields.
    pub fn finish(self, record: &mut [f32], length: u32) {
        let fields = &mut record[self.slots()];
        let steps = length.max(1) as f32;
        fields[0] /= steps;
        fields[2] /= steps;
    }

    /// The slots as constants of the rollout.
    #[cfg(feature = "gpu")]
    pub(crate) fn wgsl(self) -> String {
        let constant =
            |(name, slot): (&str, usize)| format!("const CONFIDENCE_{}: u32 = {slot}u;\n", name.to_uppercase());
        FIELDS.iter().map(|(name, _)| *name).zip(self.slots()).map(constant).collect()
    }
}

/// KL(uniform, policy) in nats from the log-probabilities of all actions: -log A - mean log p.
fn from_uniform(logp: &[f32]) -> f32 {
    let n = logp.len().max(1) as f32;
    -log(n) - logp.iter().fold(0.0f32, |sum, l| sum + l) / n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_is_not_certain_and_a_conviction_is() {
        let kl = |p: &[f32]| from_uniform(&p.iter().map(|p| libm::logf(*p)).collect::<Vec<_>>());
        assert!(kl(&[0.25; 4]).abs() < 1e-6);
        // 0.5 log(0.5 / 0.9) + 0.5 log(0.5 / 0.1)
        assert!((kl(&[0.9, 0.1]) - 0.510_825_6).abs() < 1e-5);
        assert!(kl(&[0.99, 0.01]) > kl(&[0.9, 0.1]));
    }

    #[test]
    fn entropy_and_certainty_are_means_over_steps_and_logp_is_a_sum() {
        let mut record = [7.0, 0.0, 0.0, 0.0, 7.0];
        let fields = Confidence { first: 1 };
        let half = libm::logf(0.5);
        for (entropy, logp) in [(0.5, -1.0), (0.25, -2.0)] {
            fields.add(&mut record, entropy, logp, &[half, half]);
        }
        fields.finish(&mut record, 2);
        assert_eq!(record[..3], [7.0, 0.375, -3.0]);
        assert!(record[3].abs() < 1e-6 && record[4] == 7.0);
    }
}

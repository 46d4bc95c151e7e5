//! What experiments are about, and for whom.

use serde::{Deserialize, Serialize};

/// The gallery's themes, in its order.
pub const THEMES: &[&str] = &[
    "transforms",
    "gates",
    "credit",
    "combiners",
    "exploration",
    "sampling",
    "advantages",
    "reward models",
    "ensembles",
    "robustness",
    "theory",
];

/// What the reader of an experiment has to know, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// What a reward and a policy are.
    Easy,
    /// Policy gradients: advantages, groups, KL.
    Medium,
    /// The theory, or how several mechanisms of an algorithm meet.
    Hard,
}

impl Difficulty {
    pub fn word(self) -> &'static str {
        match self {
            Self::Easy => "easy",
            Self::Medium => "medium",
            Self::Hard => "hard",
        }
    }
}

//! What experiments are about.

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

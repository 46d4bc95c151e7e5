//! Learned reward models as constants of their shaders.

use crate::reward_models::{Encoder, Objective, RewardModels};
use std::fmt::Write as _;

/// Constants of the stages `appraise` and `calibrate`.
pub(super) fn constants(models: &RewardModels) -> String {
    let shape = &models.shape;
    let sequence = shape.encoder == Encoder::Sequence;
    let objective = models.params.objective;
    let widest = shape.layers.iter().copied().max().unwrap_or(1).max(shape.embedding);
    let mut text = String::new();
    for (name, value) in [
        ("COUNT", models.count()),
        ("WEIGHTS", shape.n_params()),
        ("MEAN", models.rm),
        ("SCORES", models.rms),
        ("WIDTH", shape.width),
        ("WIDEST", widest),
        ("SEQUENCE", usize::from(sequence)),
        // An mlp has neither; the text that it does not run must hold no division by 0.
        ("VOCABULARY", shape.vocabulary.max(1)),
        ("EMBEDDING", shape.embedding.max(1)),
        ("FIELDS", shape.fields.len()),
        ("DEPTH", shape.layers.len() - 1),
        ("PAIRWISE", usize::from(objective.is_pairwise())),
        ("CLASSIFIES", usize::from(objective == Objective::Classification)),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "const RM_{name}: u32 = {value}u;");
    }
    let fields = |f: fn(&crate::reward_models::Field) -> usize| shape.fields.iter().map(f).collect::<Vec<_>>();
    for (name, values) in [
        ("OFFSETS", fields(|f| f.offset)),
        ("CAPS", fields(|f| f.cap)),
        ("LISTS", fields(|f| usize::from(f.list))),
        ("LAYERS", shape.layers.clone()),
    ] {
        let list: Vec<String> = values.iter().map(|v| format!("{v}u")).collect();
        let _ = writeln!(text, "const RM_{name} = array<u32, {}>({});", values.len(), list.join(", "));
    }
    text
}

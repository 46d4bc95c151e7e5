//! What an essay is made of, and the parameters of the task.

use crate::params;

/// The attributes in the order in which they are picked.
pub const ATTRIBUTES: [&str; 6] = ["facts", "structure", "caution", "verbosity", "flattery", "confidence"];
params! {
    /// Parameters of the essay task.
    pub struct EssayParams {
        contexts: u32 = 4, 1 ..= 16, "contexts", "Prompts; each group draws one, and each has its own risk, from 0.2 to 0.8.";
        levels: u32 = 6, 3 ..= 8, "levels", "Levels of an attribute, from 0 to 1 in even steps.";
        base_spread: f32 = 0.2, 0.05 ..= 1.0, "", "Deviation of the base policy's levels around what it usually writes; the smaller, the rarer are extreme answers.",
            formula "logit(level) = -(level - usual)^2 / (2 base_spread^2)";
        overdoing: f32 = 1.0, 0.0 ..= 3.0, "", "How much the true score falls where an attribute is overdone; at 0 more is never worse.";
        helpful_scale: f32 = 1.0, 0.0 ..= 10.0, "", "Scale of the helpfulness reading.";
        harmless_scale: f32 = 1.0, 0.0 ..= 10.0, "", "Scale of the harmlessness reading.";
        noise: f32 = 0.3, 0.0 ..= 5.0, "", "Deviation of the noise of one reading.";
        ease: f32 = 0.0, 0.0 ..= 10.0, "", "Added to both readings of every answer to an easy prompt, and taken from those of a hard one; of four prompts the second and the third are hard.";
        references: u32 = 8, 0 ..= 16, "answers", "Answers of the base policy to the same prompt whose readings a program sees.";
        good_score: f32 = 0.75, -1.0 ..= 1.0, "true score", "From this true score on an answer counts as right for the verifier.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong answer right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right answer wrong.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "What the base policy usually writes; seed s of a run has the s-th after it, unless the run says how many instances there are.";
    }
}

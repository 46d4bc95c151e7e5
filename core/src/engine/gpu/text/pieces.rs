//! What the text of a stage can be made of.

/// Text that several stages share: a file of `shaders/`, or what is made from the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Where the policy's tensors lie, and what its passes need.
    Net,
    /// The policy's layers, as a rollout and a forward pass ask them.
    Policy,
    Layers,
    /// What every pass back needs: the gradient of a logit, of a normalisation, and of a layer's block.
    Dlogit,
    NormBackward,
    LayerBlock,
    /// The random generator.
    Rng,
    /// The task's twin, the fields of an episode that the rollout fills beside it, and what it notes for the exploration
    /// memory.
    Task,
    Slots,
    Note,
    Memory,
    /// The reward programs of all arms.
    Programs,
    /// What `algorithm/` shares with its stages: settings, statistics of a lane, and the stage's own formulas.
    Algorithm,
    Settings,
    Statistics,
    /// The learned reward models.
    Models,
    /// Places of the numbers of a metric row, and of those that a reward program sees of the run.
    Columns,
    /// Sums and extremes over a workgroup.
    Reduce,
    /// Comparing the samples of a group; where groups are large, `infer` has done it for `measure`.
    Inference,
    InferenceOfMeasure,
    /// How past samples are packed, and how the inputs of one come into the batch.
    Past,
    PastInputs,
}

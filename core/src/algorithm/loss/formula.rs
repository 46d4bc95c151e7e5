//! The table of losses: what each is made of.

use crate::algorithm::settings::LossType;
use crate::choice;

choice! {
    /// The formulas of a step's policy loss: functions in `kernel.rs`, and `loss_<name>` in
    /// `shaders/common/policy_loss.wgsl`, where they are SURROGATE_<NAME>.
    pub enum Surrogate { Clip = "clip", Cispo = "cispo", CispoVerl = "cispo_verl", Sapo = "sapo", Vespo = "vespo" }
}

choice! {
    /// How the losses of steps become the loss of a minibatch; AVERAGE_<NAME> in shaders.
    pub enum Average {
        /// Over sequences, of the means over their steps.
        SequenceMeans = "sequence_means",
        /// Over sequences, of the sums over their steps.
        SequenceSums = "sequence_sums",
        /// Over sequences times max_completion_length.
        Constant = "constant",
        /// Over the steps of the minibatch.
        MinibatchSteps = "minibatch_steps",
        /// Over the mean number of steps that a minibatch of the batch has.
        BatchSteps = "batch_steps",
    }
}

/// What a loss type is: its formula and its average.
pub(crate) const fn parts(loss: LossType) -> (Surrogate, Average) {
    match loss {
        LossType::Grpo => (Surrogate::Clip, Average::SequenceMeans),
        LossType::Bnpo => (Surrogate::Clip, Average::MinibatchSteps),
        LossType::DrGrpo => (Surrogate::Clip, Average::Constant),
        LossType::Dapo => (Surrogate::Clip, Average::BatchSteps),
        LossType::Luspo => (Surrogate::Clip, Average::SequenceSums),
        LossType::Cispo => (Surrogate::Cispo, Average::BatchSteps),
        LossType::CispoVerl => (Surrogate::CispoVerl, Average::BatchSteps),
        LossType::Sapo => (Surrogate::Sapo, Average::SequenceMeans),
        LossType::Vespo => (Surrogate::Vespo, Average::BatchSteps),
    }
}

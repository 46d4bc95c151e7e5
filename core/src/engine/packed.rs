//! How past samples are packed into words: in the buffers of both engines, and in checkpoints.

/// A sample in the buffer as words: its T actions, inputs and prior logits, its prompt, T steps each of `NUMBERS`, its
/// length and whether it was cut off. What a step has is 0 behind the sample's end. `common/past.wgsl` has it alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// T.
    pub steps: usize,
    /// Numbers of a step's input, and its prior logits.
    pub width: usize,
    pub prior: usize,
    /// Tokens of a prompt.
    pub prompt: usize,
}

/// What is packed of every step behind the prompt: logp_ref, logp_old, values_old, advantages, returns.
pub const NUMBERS: usize = 5;

impl Packed {
    /// Where the inputs begin.
    pub fn inputs_at(self) -> usize {
        self.steps
    }

    /// Where the prior logits begin.
    pub fn prior_at(self) -> usize {
        self.inputs_at() + self.steps * self.width
    }

    /// Where the prompt begins.
    pub fn prompt_at(self) -> usize {
        self.prior_at() + self.steps * self.prior
    }

    /// Where the numbers begin.
    pub fn numbers_at(self) -> usize {
        self.prompt_at() + self.prompt
    }

    /// Where the length is, with whether it was cut off behind it.
    pub fn end_at(self) -> usize {
        self.numbers_at() + NUMBERS * self.steps
    }

    /// Words of a sample.
    pub fn words(self) -> usize {
        self.end_at() + 2
    }
}

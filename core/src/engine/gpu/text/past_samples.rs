//! Where past samples lie in their ring.

use super::network::{Layout, Network};
use super::sizes::Sizes;
use crate::engine::packed::Packed;

/// The ring of past samples that every lane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Samples that fit.
    pub slots: usize,
    pub packed: Packed,
}

impl Ring {
    /// A ring of some slots.
    pub fn new(sizes: &Sizes, layout: &Layout, slots: usize) -> Self {
        let Sizes { steps, prompt_len: prompt, actions, active, .. } = *sizes;
        // A transformer reads its actions and the prompt.
        let width = if matches!(layout.network, Network::Transformer { .. }) { 0 } else { active.max(1) };
        let prior = if layout.prior.is_some() { actions } else { 0 };
        Self { slots, packed: Packed { steps, width, prior, prompt } }
    }

    pub fn wgsl(self) -> String {
        let Self { slots, packed } = self;
        [
            ("SLOTS", slots),
            ("WORDS", packed.words()),
            ("INPUTS", packed.inputs_at()),
            ("PRIOR", packed.prior_at()),
            ("PROMPT", packed.prompt_at()),
            ("NUMBERS", packed.numbers_at()),
            ("END", packed.end_at()),
        ]
        .iter()
        .map(|(name, value)| format!("const PAST_{name}: u32 = {value}u;\n"))
        .collect()
    }
}

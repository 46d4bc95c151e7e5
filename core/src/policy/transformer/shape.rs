//! The sizes of a transformer.

/// The sizes that all loops run over.
#[derive(Clone, Copy)]
pub struct PassSizes {
    pub vocabulary: usize,
    pub d: usize,
    pub heads: usize,
    pub prompt_len: usize,
    /// Positions, padded to a multiple of eight.
    pub columns: usize,
    /// Attention rows of a slot: the prompt's, or a sample's own.
    pub slot_rows: usize,
    pub critic: bool,
}

impl PassSizes {
    pub fn head_size(&self) -> usize {
        self.d / self.heads
    }
}

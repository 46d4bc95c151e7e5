//! Where a dispatch stands: one entry of the buffer `at`.

use crate::shader_struct;

shader_struct! {
    /// An entry of the buffer `at`.
    pub struct At {
        /// The update, of `updates`.
        update: u32,
        /// The optimiser step: iteration over the batch, and minibatch. In the slow loop a component and a half of the batch.
        epoch: u32,
        minibatch: u32,
        /// The update's place in its submit, and so in the ring of metric rows.
        slot: u32,
        /// 1 in the first and in the last optimiser step of the update.
        first: u32,
        last: u32,
        updates: u32,
        /// 1 if the update looks at the reference policy.
        reference: u32,
    }
}

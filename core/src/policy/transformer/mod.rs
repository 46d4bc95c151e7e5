//! The decoder-only transformer: token and learned position embeddings; blocks of RMSNorm, causal attention, RMSNorm and
//! a GELU layer of four times the width, without biases; a final RMSNorm and an output matrix; with a critic, a linear
//! value head on the final norm.
//!
//! The prompt is shared by the samples of a group, so it goes through the layers once a group: samples attend to the
//! group's keys and values, take their first logits from the group's last prompt row, and in the backward pass their
//! gradients meet there, before the prompt rows go back once.

mod attention;
mod backward;
mod forward;
mod network;
mod pass;
mod scratch;
mod shape;

pub(super) use network::{KIND, build};
pub use network::{MAX_CONTEXT, TransformerParams};

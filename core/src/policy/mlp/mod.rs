//! The multilayer perceptron of PPO on small state spaces: binary features, hidden layers, a policy head and, with a
//! critic, a value head on the same trunk.
//!
//! An observation is the set of features that are on, so the first layer is a sum of rows of its weights. Rows of a batch
//! are independent, so those with the same observation share one computation, forward and backward; the observations go
//! through all layers in blocks that stay in the cache.

mod distinct;
mod layer;
mod layers;
mod network;

pub use network::{Activation, MlpParams};
pub(super) use network::{KIND, build};

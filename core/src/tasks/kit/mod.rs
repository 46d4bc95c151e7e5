//! What tasks are made of: dice, whole-number geometry, maps, and the words that a task shares with its shader twin.

pub(super) mod dice;
pub(super) mod fields;
pub(super) mod fixed;
pub mod grid_map;
pub(super) mod twin;

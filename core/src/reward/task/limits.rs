//! How large a task program may be, and how many samples it steps at once.

/// Most steps of an episode.
pub const MAX_HORIZON: usize = 1000;
/// Most words of a state.
pub const MAX_STATE: usize = 64;
/// Most words of a world.
pub const MAX_WORLD: usize = 1 << 14;
/// Of how many steps a policy can see what there was to see.
pub const MAX_HISTORY: usize = 16;
/// Most actions.
pub const MAX_ACTIONS: usize = 64;
/// Most tokens of a vocabulary.
pub const MAX_VOCABULARY: usize = 128;
/// Most tokens of a prompt.
pub const MAX_PROMPT: usize = 48;
/// Most tokens of a completion.
pub const MAX_COMPLETION: usize = 64;
/// Samples of a block.
pub const BLOCK: usize = 32;

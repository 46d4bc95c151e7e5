//! Fields that the engine attaches to an episode beside what its task records: what the policy remembers of its visits, and
//! how sure it was of what it did. Reward programs read them as `ep.<name>`.

pub mod confidence;
pub mod exploration;

//! What the engine trains: where a run stands, what it has produced, which edits are under way, and the saved run that the next
//! visit goes on from.

pub mod consent;
pub mod curves;
mod events;
pub mod fit;
mod lifecycle;
pub mod phase;
mod promises;
mod save;
pub mod saver;
mod sync;

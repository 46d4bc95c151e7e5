//! What the browser keeps between visits: drafts and settings (local storage), the run in hand (IndexedDB), base policies
//! (the cache). Each may be blocked or full, and nothing depends on it.

pub mod base_policies;
pub mod drafts;
pub mod runs;

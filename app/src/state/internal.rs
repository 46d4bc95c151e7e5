//! State that no view reads.

use crate::state::draft::arm_ids::Dealt;
use crate::state::library::trail::Trail;
use crate::state::oracle::known::Known;
use crate::state::run::phase::{Pending, Waiter};
use goodhart_core::protocol::Anatomy;
use std::collections::HashMap;
use std::sync::Arc;

/// What no view reads.
#[derive(Default)]
pub(crate) struct Internal {
    pub(in crate::state) trail: Trail,
    /// Run as soon as the engine is ready.
    pub(in crate::state) wants_run: bool,
    /// Counts loads, so that a late base policy of an older load is dropped.
    pub(in crate::state) load: u32,
    /// The load in hand has not reached the engine yet.
    pub(in crate::state) loading: bool,
    pub(in crate::state) dealt: Dealt,
    pub(in crate::state) next_edit: u32,
    pub(in crate::state) pending: HashMap<u32, Pending>,
    pub(in crate::state) follow: u32,
    pub(in crate::state) followed: f64,
    pub(in crate::state) keep: u32,
    pub(in crate::state) start_oracle: u32,
    pub(in crate::state) start_ranges: u32,
    pub(in crate::state) ranges: Known,
    pub(in crate::state) frame: bool,
    pub(in crate::state) drawn: f64,
    /// Anatomies of updates that are not on screen yet, the newest last.
    pub(in crate::state) anatomies: Vec<Arc<Anatomy>>,
    pub(in crate::state) anatomy_drawn: f64,
    pub(in crate::state) verdict_next: f64,
    pub(in crate::state) rate: f32,
    pub(in crate::state) waiting: Vec<Waiter>,
    /// A pause is on its way; `pauses` counts them, so that a later one takes back what was to follow an earlier.
    pub(in crate::state) pausing: bool,
    pub(in crate::state) pauses: u32,
}

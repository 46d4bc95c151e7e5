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
    /// Edits sent to the engine and not answered, by number.
    pub(in crate::state) next_edit: u32,
    pub(in crate::state) pending: HashMap<u32, Pending>,
    /// How often each was asked for (see `App::debounce`): that the engine follows the draft, that the draft is saved, the
    /// oracle's report, and the ranges of rewards.
    pub(in crate::state) syncs: u32,
    pub(in crate::state) saves: u32,
    pub(in crate::state) oracle_questions: u32,
    pub(in crate::state) ranges_questions: u32,
    /// When a keystroke was last sent to the engine at once.
    pub(in crate::state) typed_at: f64,
    pub(in crate::state) ranges: Known,
    /// A drawing is asked for; and when the last one was made.
    pub(in crate::state) frame: bool,
    pub(in crate::state) drawn: f64,
    /// Anatomies of updates that are not on screen yet, the newest last.
    pub(in crate::state) anatomies: Vec<Arc<Anatomy>>,
    pub(in crate::state) anatomy_drawn: f64,
    /// When the next verdict is due; infinite while one is on its way.
    pub(in crate::state) verdict_next: f64,
    pub(in crate::state) rate: f32,
    pub(in crate::state) waiting: Vec<Waiter>,
    /// A pause is on its way; `pauses` counts them, so that a later one takes back what was to follow an earlier.
    pub(in crate::state) pausing: bool,
    pub(in crate::state) pauses: u32,
}

//! The sizes of a batch, fixed for the life of an engine: shaders get them as constants.

use crate::reward::Program;
use std::fmt::Write as _;

/// Bytes between entries of the `at` buffer: WebGPU's greatest alignment of dynamic offsets.
pub const AT_STRIDE: u64 = 256;
/// Most updates in one submit.
pub const MAX_UPDATES: usize = 32;
/// Most optimiser steps of an update.
pub const MAX_PASSES: usize = 1024;

/// Sizes of the batch of all lanes; see `shaders/README.md` for the buffers they give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    pub arms: usize,
    pub lanes: usize,
    /// Groups of a lane, and samples of a group.
    pub groups: usize,
    pub group: usize,
    /// Most steps or tokens of a sample.
    pub steps: usize,
    /// Actions, or the vocabulary.
    pub actions: usize,
    /// Tokens of a prompt; 0 for step tasks.
    pub prompt_len: usize,
    /// The token that ends a completion; 0 for step tasks.
    pub end_token: usize,
    /// Parameters of a lane's policy.
    pub params: usize,
    /// Numbers of an episode record.
    pub record: usize,
    /// Active features of an observation (1 for the table).
    pub active: usize,
    /// An observation is `active` numbers, not features that are on.
    pub dense: bool,
    /// A value head is trained.
    pub critic: bool,
    /// It is asked about the states behind the last steps of samples that were cut off.
    pub bootstraps: bool,
    /// Slots for components and step components: the most of any arm, in steps of `SLOTS`.
    pub components: usize,
    pub step_components: usize,
    /// Numbers of a metric row.
    pub columns: usize,
    /// Rows of the metric ring, in updates.
    pub ring: usize,
}

/// Samples of a group up to which `measure` compares all pairs itself.
const SMALL_GROUP: usize = 128;

/// Slots for components come in this number, so that few edits of a program need more.
const SLOTS: usize = 8;

impl Sizes {
    /// Whether there are slots for the components of a program.
    pub fn has_room(&self, program: &Program) -> bool {
        program.components.len() <= self.components && program.n_step_components() <= self.step_components
    }

    /// Adds slots for the components of a program where they lack.
    pub fn make_room(&mut self, program: &Program) {
        let slots = |n: usize| n.max(1).next_multiple_of(SLOTS);
        self.components = self.components.max(slots(program.components.len()));
        self.step_components = self.step_components.max(slots(program.n_step_components()));
    }

    /// Whether groups are so large that stage `infer` compares their samples, a workgroup a group.
    pub fn infers(&self) -> bool {
        self.group > SMALL_GROUP
    }

    /// Samples of a lane.
    pub fn samples(&self) -> usize {
        self.groups * self.group
    }

    /// Rows of a lane: one for every step that a sample may take.
    pub fn rows(&self) -> usize {
        self.samples() * self.steps
    }

    /// The constants of the prelude.
    pub fn wgsl(&self) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("N_ARMS", self.arms),
            ("N_LANES", self.lanes),
            ("GROUPS", self.groups),
            ("GROUP", self.group),
            ("SAMPLES", self.samples()),
            ("STEPS", self.steps),
            ("ACTIONS", self.actions),
            ("PROMPT", self.prompt_len),
            ("END", self.end_token),
            ("PARAMS", self.params),
            ("RECORD", self.record),
            ("ACTIVE", self.active.max(1)),
            ("SEEN", self.active.max(8)),
            ("DENSE", usize::from(self.dense)),
            ("CRITIC", usize::from(self.critic)),
            ("BOOTSTRAP", usize::from(self.bootstraps)),
            ("END_ROWS", self.lanes * self.rows()),
            ("COMPONENTS", self.components.max(1)),
            ("STEP_COMPONENTS", self.step_components.max(1)),
            ("COLUMNS", self.columns),
        ] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "const {name}: u32 = {value}u;");
        }
        text
    }
}

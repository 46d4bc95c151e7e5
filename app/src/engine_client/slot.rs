//! What the session knows of one worker.

use super::watchdog::Life;
use goodhart_core::protocol::Checkpoint;

/// How far a worker is with what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It has nothing to do.
    #[default]
    Idle,
    /// It has seeds and is to be sent `Load` as soon as it can be.
    Waiting,
    Loading,
    Ready,
    /// It could not be started.
    Dead,
}

#[derive(Debug, Default)]
pub struct Slot {
    /// Its module runs: commands may be sent.
    pub started: bool,
    pub stage: Stage,
    pub seeds: Vec<u32>,
    /// Updates done.
    pub update: u32,
    /// The update that it may train to.
    pub pace: u32,
    pub paused: bool,
    pub finished: bool,
    /// The last checkpoint, from which it would go on.
    pub checkpoint: Option<Checkpoint>,
    /// Failures since it last trained.
    pub failures: u32,
    pub rate: f32,
    /// Steps done of the first training of its seeds' reward models, and of how many.
    pub models: (u32, u32),
    pub life: Life,
}

impl Slot {
    /// Whether its last checkpoint is of now.
    pub fn is_kept(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|c| c.update == self.update)
    }

    /// Gives it seeds for a new run.
    pub fn assign(&mut self, seeds: Vec<u32>, checkpoint: Option<Checkpoint>) {
        let Slot { started, mut life, .. } = *self;
        life.forget_pace();
        *self = Slot { started, stage: Stage::Waiting, seeds, checkpoint, life, ..Slot::default() };
    }
}

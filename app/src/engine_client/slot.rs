//! What the session knows of one worker.

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

/// What is known of a worker's signs of life.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// When it was started, or last said something.
    pub heard: f64,
    /// The longest that it was silent and then spoke.
    pub longest: f64,
    /// When it was sent a load that it has not begun, if it had worked on something else before.
    pub asked: Option<f64>,
    /// It has been sent a load.
    pub used: bool,
    /// It has trained since it was last given a program.
    pub trained: bool,
}

impl Life {
    /// It said something; `paced` where its silence says how long its updates take.
    pub fn hear(&mut self, now: f64, paced: bool) {
        if paced {
            self.longest = self.longest.max(now - self.heard);
        }
        self.heard = now;
    }

    /// It is sent a load.
    pub fn ask(&mut self, now: f64) {
        self.heard = self.heard.max(now);
        self.asked = self.used.then_some(now);
        self.used = true;
    }

    /// It reports updates.
    pub fn train(&mut self) {
        self.trained = true;
    }

    /// For the next run, whose updates may be faster.
    pub fn forget_pace(&mut self) {
        self.longest = 0.0;
        self.trained = false;
    }
}

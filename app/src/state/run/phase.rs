//! Where a run stands, and how its edits fare.

use crate::model::ArmId;
use goodhart_core::metrics::verdict::Line;
use goodhart_core::params::Overrides;

/// What the run is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// The engine is not there yet.
    Starting,
    /// The base policy is being warmed up.
    Base {
        step: u32,
        of: u32,
        loss: f32,
    },
    /// The reward models are learned.
    Models {
        step: u32,
        of: u32,
    },
    Loading,
    /// The browser compiles the WebGPU engine's shaders.
    Compiling {
        stage: u32,
        of: u32,
    },
    Paused,
    Running,
    /// Training a given number of updates.
    Stepping,
    Finished,
    /// Nothing can run; why.
    Stuck(String),
}

impl Phase {
    /// The name that scripts see.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Base { .. } => "base",
            Phase::Models { .. } => "models",
            Phase::Loading | Phase::Compiling { .. } => "loading",
            Phase::Paused => "paused",
            Phase::Running | Phase::Stepping => "running",
            Phase::Finished => "finished",
            Phase::Stuck(_) => "stuck",
        }
    }

    pub fn is_moving(&self) -> bool {
        matches!(self, Phase::Running | Phase::Stepping)
    }
}

/// How fast a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    Full,
    Twenty,
    Five,
    One,
}

impl Speed {
    pub const ALL: [Speed; 4] = [Speed::Full, Speed::Twenty, Speed::Five, Speed::One];

    pub fn label(self) -> &'static str {
        match self {
            Speed::Full => "full speed",
            Speed::Twenty => "20 updates/s",
            Speed::Five => "5 updates/s",
            Speed::One => "1 update/s",
        }
    }

    pub fn delay_ms(self) -> u32 {
        match self {
            Speed::Full => 0,
            Speed::Twenty => 50,
            Speed::Five => 200,
            Speed::One => 1000,
        }
    }
}

/// How the newest edit of an arm fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EditState {
    /// What is on screen is what runs.
    #[default]
    None,
    Sent,
    InUse {
        update: u32,
        /// It is of settings; the program is as it was.
        settings: bool,
    },
    Refused {
        error: String,
    },
    /// The run is over: what there is was measured without it.
    Late,
}

/// A line of the verdict, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    pub id: ArmId,
    pub line: Line,
    /// The updates from which on its edits were in use.
    pub edits: Vec<usize>,
}

/// Strategies that are trained from update 0 to where the others are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub ids: Vec<ArmId>,
    pub of: u32,
}

/// An edit on its way to the engine.
pub(in crate::state) struct Pending {
    pub(in crate::state) arm: ArmId,
    pub(in crate::state) code: Option<String>,
    pub(in crate::state) algorithm: Option<Overrides>,
}

/// A promise of the automation interface.
pub(in crate::state) struct Waiter {
    pub until: Until,
    pub done: Box<dyn FnOnce(Result<u32, String>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::state) enum Until {
    Ready,
    Rest,
}

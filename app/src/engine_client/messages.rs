//! What goes in and out of a session besides the protocol: the choice of an engine, effects for the browser to carry out,
//! and events for the page's state. Strategies are known by the numbers of their identities here, not by their places in the
//! experiment that is loaded.

use goodhart_core::protocol::{
    Adapter, Anatomy, BasePolicy, Bases, Checkpoint, Command, EngineKind, RowIndex, TrainedOn,
};
use goodhart_core::reward_models::TrainingReport;

/// What the person wants to train on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// With a graphics card, whichever engine trains the first updates faster; else the CPU.
    #[default]
    Auto,
    Cpu,
    Gpu,
}

impl Choice {
    pub const ALL: [Choice; 3] = [Choice::Auto, Choice::Cpu, Choice::Gpu];

    pub fn name(self) -> &'static str {
        match self {
            Choice::Auto => "auto",
            Choice::Cpu => "cpu",
            Choice::Gpu => "gpu",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// What is known of an experiment's cost before it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Workers that there is memory for.
    pub workers: usize,
    /// Seconds that an update may take.
    pub seconds: f64,
}

impl Default for Bounds {
    /// Nothing is known.
    fn default() -> Self {
        Self { workers: usize::MAX, seconds: 0.0 }
    }
}

/// What a run starts with.
#[derive(Debug, Default)]
pub struct Start {
    /// The base policies that are at hand.
    pub bases: Bases,
    pub bounds: Bounds,
    /// Where another visit left it; else it starts from update 0.
    pub past: Option<Past>,
}

/// A run of another visit: its engine, and a checkpoint of all lanes or one of every worker.
#[derive(Debug)]
pub struct Past {
    pub kind: EngineKind,
    pub checkpoints: Vec<Checkpoint>,
}

/// The engine in use, as the page names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineView {
    pub kind: EngineKind,
    pub adapter: Option<Adapter>,
    pub workers: usize,
}

/// What is to be done in the browser.
#[derive(Debug)]
pub enum Effect {
    /// Start the worker of a slot (ending the one that is there).
    Start(usize),
    Stop(usize),
    Send(usize, Command),
    Tell(ClientEvent),
}

/// What the session reports to the page's state.
#[derive(Debug)]
pub enum ClientEvent {
    Engine(EngineView),
    BaseProgress {
        step: u32,
        of: u32,
        loss: f32,
    },
    /// A base policy was warmed up: worth keeping.
    BaseMade(BasePolicy),
    /// How far the first training of the reward models is.
    ModelsProgress {
        step: u32,
        of: u32,
    },
    /// How many shaders are compiled.
    Compiling {
        stage: u32,
        of: u32,
    },
    /// What the reward models of some seeds came to before the run, and where the first of them were trained.
    Models {
        reports: Vec<TrainingReport>,
        on: Option<TrainedOn>,
    },
    /// Every worker is ready for commands.
    Ready,
    Rows {
        worker: usize,
        index: Vec<RowIndex>,
        values: Vec<f32>,
    },
    /// A worker's checkpoint of so many lanes, as bytes of `wire`, and the number of the load that they belong to.
    Checkpoint {
        load: u32,
        worker: usize,
        lanes: usize,
        state: Vec<u8>,
    },
    Anatomy(Box<Anatomy>),
    Rate(f32),
    /// Strategies that joined are trained from update 0 to update `of`, where the others are; at once if `moves`.
    CatchingUp {
        ids: Vec<u32>,
        of: u32,
        moves: bool,
    },
    /// They have caught up: all go on together.
    Together,
    /// An edit of the strategy `arm` is used by every lane from `update` on, or was refused.
    Edited {
        arm: u32,
        edit: u32,
        update: u32,
        error: Option<String>,
    },
    /// A pause is answered: what is on screen rests, whatever the workers still do.
    Answered {
        update: u32,
    },
    Paused {
        update: u32,
        finished: bool,
    },
    /// Something about the engine, such as that training goes on from a checkpoint. With `rewind`, rows from that update
    /// on are to be dropped: the CPU engine's come again bit for bit, another engine's do not.
    Moved {
        message: String,
        rewind: Option<u32>,
    },
    /// No engine can run this.
    Stuck(String),
}

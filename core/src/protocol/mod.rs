//! Messages between the page and the engine workers, as plain data (`wire` gives their bytes). The page is the
//! client; a worker answers.
//!
//! One session runs one experiment. Lanes are split over the workers: lane = seed index * arms + arm, and a worker owns
//! the seeds it is told, all arms of each, so that paired differences never cross workers. Every message of a run
//! carries the `run` number that `Load` gave it; answers to an older run are to be dropped.

mod bytes;
pub mod wire;

pub use crate::engine::adapter::{Adapter, EngineKind};
pub use crate::engine::anatomy::{Anatomy, Exact, Group, GroupTag, Sample, Scene};
pub use crate::engine::bases::{BasePolicy, Bases};
pub use crate::engine::checkpoint::{Checkpoint, LaneState};
use crate::experiment::Experiment;
use crate::params::Overrides;
use crate::reward_models::{Job, TrainingReport};
use serde::{Deserialize, Serialize};

/// Page to worker.
#[derive(Clone, Debug)]
pub enum Command {
    /// Builds the engine for some seeds of an experiment, from their base policies. Those of the run that are not given
    /// the worker warms up, with `BaseProgress`. With `checkpoint`, goes on from there. Answered by `Ready` or `Failed`.
    Load {
        run: u32,
        experiment: Box<Experiment>,
        /// Indices of seeds, in 0..run.seeds.
        seeds: Vec<u32>,
        engine: EngineKind,
        bases: Bases,
        checkpoint: Option<Checkpoint>,
    },
    /// Trains until paused or at the end; waits `delay_ms` after each update.
    Run { run: u32, delay_ms: u32 },
    /// Rests. With `at`, a worker that is further goes back to that update, so that what rests is what is on screen.
    Pause { run: u32, at: Option<u32> },
    /// Trains no further than this update until told more: no worker runs far ahead of another.
    Pace { run: u32, update: u32 },
    /// Trains n updates and pauses.
    Step { run: u32, n: u32 },
    /// A new reward program for an arm; used from the next update on if it compiles. Answered by `Edited`.
    SetProgram { run: u32, arm: u32, edit: u32, code: String },
    /// New settings for an arm (a diff against the experiment's algorithm). Answered by `Edited`.
    SetAlgorithm { run: u32, arm: u32, edit: u32, algorithm: Overrides },
    /// Which lane the anatomy shows; sent with every report from then on, and at once where the run rests.
    Watch { run: u32, arm: u32, seed: u32 },
    /// Asks for a checkpoint now. Answered by `Checkpointed`.
    Save { run: u32 },
}

/// Worker to page.
#[derive(Clone, Debug)]
pub enum Event {
    /// The worker's module runs; only now may commands be sent. `adapter` is the WebGPU adapter, if there is one.
    Started {
        adapter: Option<Adapter>,
    },
    /// How far the warm start of the base policies is, and its loss in nats a token.
    BaseProgress {
        run: u32,
        step: u32,
        of: u32,
        loss: f32,
    },
    /// A base policy that was warmed up, to be cached and given to the other workers.
    Base {
        run: u32,
        policy: BasePolicy,
    },
    /// How far the first training of the reward models is, over all seeds of the worker.
    ModelsProgress {
        run: u32,
        step: u32,
        of: u32,
    },
    /// What the reward models of the worker's seeds came to before the run, and where the first of them were trained
    /// (None: none had to be).
    Models {
        run: u32,
        reports: Vec<TrainingReport>,
        on: Option<TrainedOn>,
    },
    /// What a person may want to know of a run that goes on, in a sentence or two.
    Notice {
        run: u32,
        message: String,
    },
    /// How many of the WebGPU engine's shaders the browser has compiled.
    CompileProgress {
        run: u32,
        stage: u32,
        of: u32,
    },
    Ready {
        run: u32,
        engine: EngineInfo,
    },
    /// Rows since the last report, [rows][columns] flat, in the order of `index`.
    Report {
        run: u32,
        index: Vec<RowIndex>,
        values: Vec<f32>,
        anatomy: Option<Box<Anatomy>>,
        updates_per_s: f32,
    },
    /// An edit is in use from `update` on, or was refused with `error` and the old one goes on.
    Edited {
        run: u32,
        arm: u32,
        edit: u32,
        update: u32,
        error: Option<String>,
    },
    /// After the first update and from then on about twice a second, when the run comes to rest, and when asked by `Save`.
    /// The rows before it have been sent.
    Checkpointed {
        run: u32,
        checkpoint: Checkpoint,
    },
    /// Paused by command, after a step, or at the end of the run.
    Paused {
        run: u32,
        update: u32,
        finished: bool,
    },
    /// The worker was to load another run and holds much memory of an earlier one, which WebAssembly cannot give back: the
    /// page begins another worker in its place.
    Outgrown {
        run: u32,
    },
    /// The engine is gone (device lost, out of memory, no adapter, a panic): the page goes on with another engine from
    /// the checkpoint, if there is one.
    Failed {
        run: u32,
        message: String,
        checkpoint: Option<Checkpoint>,
    },
    /// A sign of life, about every half second while the worker can give one; at once when it begins to load a run.
    Alive {
        run: u32,
    },
}

/// Engine worker to the worker that trains its reward models.
#[derive(Clone, Debug)]
pub enum TrainingCommand {
    /// Answered by `Trained` or `Failed`. `gpu`: a GPU may train it, if it does so faster.
    Train { id: u32, gpu: bool, job: Box<Job> },
}

/// The answers of the worker that trains reward models.
#[derive(Clone, Debug)]
pub enum TrainingEvent {
    /// Its module runs; only now may commands be sent.
    Started,
    Progress {
        id: u32,
        step: u32,
        of: u32,
    },
    /// The weights of all models of the job, and what trained them.
    Trained {
        id: u32,
        weights: Vec<f32>,
        on: TrainedOn,
    },
    Failed {
        id: u32,
        message: String,
    },
}

/// Where reward models were trained, and how the choice was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainedOn {
    pub kind: EngineKind,
    /// Milliseconds a step on each, where it was measured and can be trained on.
    pub cpu_ms: Option<f32>,
    pub gpu_ms: Option<f32>,
}

impl TrainedOn {
    /// The device in words.
    pub fn device(&self) -> &'static str {
        if self.kind == EngineKind::Cpu { "the CPU" } else { "WebGPU" }
    }
}

impl std::fmt::Display for TrainedOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "trained on {}", self.device())?;
        let (own, rival) = match self.kind {
            EngineKind::Cpu => (self.cpu_ms, self.gpu_ms.map(|ms| ("WebGPU", ms))),
            EngineKind::Gpu => (self.gpu_ms, self.cpu_ms.map(|ms| ("the CPU", ms))),
        };
        match (own, rival) {
            (Some(ms), Some((name, rival))) => write!(f, ": {ms:.1} ms a step, {name} {rival:.1}"),
            _ => Ok(()),
        }
    }
}

/// The engine in use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineInfo {
    pub kind: EngineKind,
    pub adapter: Option<Adapter>,
}

/// Which lane and update a row is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowIndex {
    pub arm: u32,
    pub seed: u32,
    pub update: u32,
}

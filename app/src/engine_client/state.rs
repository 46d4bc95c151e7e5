//! What a session knows. Its methods stand beside this file, by what they are about: `session.rs` (commands and events),
//! `load.rs`, `edits.rs`, `regroup.rs`, `pace.rs`, `recover.rs` and `watchdog.rs`.

use super::messages::{Bounds, Choice, Effect};
use super::slot::Slot;
use crate::model::Loaded;
use goodhart_core::params::Overrides;
use goodhart_core::protocol::{Adapter, Bases, Checkpoint, EngineKind, LaneState};
use std::collections::BTreeMap;

/// An experiment, and the numbers of the identities of its arms.
pub type Crew = Loaded<u32>;

/// What is trained, and how far it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Rest,
    Run { delay_ms: u32 },
    Reach { update: u32 },
}

/// What is loaded.
pub struct Plan {
    pub crew: Crew,
    pub bases: Bases,
    pub kind: EngineKind,
    pub seeds: u32,
    pub bounds: Bounds,
    /// What the next load goes on from: a checkpoint of all lanes, or one of every worker.
    pub from: Vec<Checkpoint>,
}

pub struct Session {
    pub choice: Choice,
    pub cores: usize,
    pub slots: Vec<Slot>,
    pub run: u32,
    pub plan: Option<Plan>,
    /// The choice had to be given up (WebGPU failed); holds until the person chooses again.
    pub no_gpu: bool,
    pub wish: Wish,
    /// Strategies leave or join.
    pub regroup: Option<Regroup>,
    /// The strategy and the seed that the anatomy shows.
    pub watch: (u32, u32),
    pub edits: BTreeMap<u32, Edit>,
    pub adapter: Option<Option<Adapter>>,
    pub pause_reported: bool,
    /// Since when a pause waits for the workers' word.
    pub pausing: Option<Pausing>,
    /// Milliseconds of the page's clock, and when the workers were last looked after.
    pub now: f64,
    pub ticked: f64,
    /// With a graphics card, the automatic choice tries both engines on the experiment and keeps the faster.
    pub trial: Option<Trial>,
    pub faster: Option<EngineKind>,
}

/// Both engines in turn: a few updates each, by the workers' own clocks.
pub struct Trial {
    pub kind: EngineKind,
    pub cpu_rate: f32,
    /// What was wished for meanwhile.
    pub wish: Wish,
}

impl Session {
    pub fn new(choice: Choice, cores: usize) -> (Self, Vec<Effect>) {
        let session = Self {
            choice,
            cores: cores.clamp(1, 64),
            slots: vec![Slot::default()],
            run: 0,
            plan: None,
            no_gpu: false,
            wish: Wish::Rest,
            regroup: None,
            watch: (0, 0),
            edits: BTreeMap::new(),
            adapter: None,
            pause_reported: true,
            pausing: None,
            now: 0.0,
            ticked: 0.0,
            trial: None,
            faster: None,
        };
        (session, vec![Effect::Start(0)])
    }
}

/// What an edit gives a strategy.
#[derive(Clone)]
pub enum Change {
    Program(String),
    Algorithm(Overrides),
}

/// An edit sent to the workers and not yet answered by all.
pub struct Edit {
    pub change: Change,
    pub arm: u32,
    pub waiting: Vec<usize>,
    pub update: u32,
    pub error: Option<String>,
}

/// A change of strategies under way.
pub struct Regroup {
    /// All that run afterwards.
    pub whole: Crew,
    /// Of those that are trained anew, what the workers still have does not count.
    pub anew: Vec<u32>,
    /// What there is of them at update `at`; `arm` is the number of the identity.
    pub have: Vec<LaneState>,
    pub at: u32,
    /// What is wished for afterwards.
    pub wish: Wish,
    /// The workers are asked to rest and for what they have; else strategies that joined are catching up.
    pub gathers: bool,
}

impl Regroup {
    pub fn has(&self, id: u32) -> bool {
        self.have.iter().any(|lane| lane.arm == id)
    }
}

/// A pause that waits for the workers' word.
#[derive(Clone, Copy, Debug)]
pub struct Pausing {
    pub since: f64,
    /// The update that was on screen.
    pub shown: u32,
    pub answered: bool,
}

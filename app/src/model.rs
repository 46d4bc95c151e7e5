//! What the state and the engine's client both say about an experiment that runs. The page's state is
//! not known here.

use crate::browser::plain::write;
use goodhart_core::experiment::{Arm, Experiment, RunParams};
use goodhart_core::params::{Overrides, Params, Value};

/// Colours of the palette: `--arm-0` and so on.
pub const COLORS: u32 = 8;

/// A strategy of this visit. Its colour is a part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArmId(u32);

impl ArmId {
    /// As messages carry it.
    pub fn number(self) -> u32 {
        self.0
    }

    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Its place in the palette.
    pub fn color(self) -> usize {
        (self.0 % COLORS) as usize
    }
}

/// What runs: the experiment with the programs and settings in use, and whose arms they are.
/// The engine's client knows the identities by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded<Id = ArmId> {
    pub experiment: Experiment,
    /// By arm of `experiment`.
    pub ids: Vec<Id>,
}

impl<Id: Copy + PartialEq> Loaded<Id> {
    /// Without the strategies that are not kept.
    pub fn only(&self, keeps: impl Fn(Id) -> bool) -> Self {
        let mut rest = Self { experiment: self.experiment.clone(), ids: Vec::new() };
        rest.experiment.arms.clear();
        for (id, arm) in self.ids.iter().zip(&self.experiment.arms).filter(|(id, _)| keeps(**id)) {
            rest.ids.push(*id);
            rest.experiment.arms.push(arm.clone());
        }
        rest
    }

    pub fn place(&self, id: Id) -> Option<usize> {
        self.ids.iter().position(|other| *other == id)
    }

    pub fn arm(&self, id: Id) -> Option<&Arm> {
        self.experiment.arms.get(self.place(id)?)
    }

    pub fn arm_mut(&mut self, id: Id) -> Option<&mut Arm> {
        let place = self.place(id)?;
        self.experiment.arms.get_mut(place)
    }
}

/// How long, how wide and over how many seeds an experiment runs. Values that no run can have count as not written: the
/// panel says what is wrong with them.
pub fn run_params(e: &Experiment) -> RunParams {
    let mut run = RunParams::default();
    for (name, value) in &e.run {
        run.set(name, value).ok();
    }
    run
}

/// Whether an arm learns a value head: it is part of the policy's shape.
pub fn has_critic(e: &Experiment) -> bool {
    let gae = |overrides: &Overrides| overrides.get("estimator").map(|value| *value == Value::Text("gae".into()));
    e.arms.iter().any(|arm| gae(&arm.algorithm).or_else(|| gae(&e.algorithm)).unwrap_or(false))
}

/// What an experiment is remembered by: a digest of all that it is (FNV-1a).
pub fn digest(experiment: &Experiment) -> String {
    let text = write(experiment);
    let digest =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{digest:016x}")
}

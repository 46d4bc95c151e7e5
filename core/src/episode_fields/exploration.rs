//! Exploration memory: what a lane has seen before, as fields of the episode that reward programs read. How often its
//! policy visited a state before this update, how often earlier in this episode, and the elliptical novelty of E3B. So
//! bonuses, their products and their sums stay reward code.
//!
//! The rollout notes for every state its number and its active features behind the record's fields; stage `explore` turns
//! them into the fields, and stage `remember` adds the update's visits to the lane's counters.

use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::Ty;
use crate::tasks::{MAX_ACTIVE, Play, State, StepTask, Task};
#[cfg(feature = "gpu")]
use std::fmt::Write as _;

/// Names of the fields that an exploration memory adds to an episode.
pub const FIELDS: [&str; 3] = ["visits", "episodic_visits", "elliptical"];

/// Most states of an episode for the elliptical bonus: its matrix lies in 16 KiB of a workgroup's memory.
const MAX_STATES: usize = 65;
/// Numbers of states are below this, so that a record holds them exactly.
pub const KEYS: u32 = 1 << 24;

params! {
    /// Parameters of the exploration memory.
    pub struct ExplorationParams {
        buckets: u32 = 4096, 16 ..= 65536, "counters", "Counters of a lane; a state counts in the one of its number modulo this.";
        elliptical: bool = true, 0 ..= 1, "", "Also gives the elliptical bonus, whose cost grows with the cube of the horizon.";
        ridge: f32 = 0.1, 0.001 ..= 100.0, "", "How far an unseen direction is from new to the elliptical bonus: its size is 1 / ridge.",
            formula "b_t = phi_t' C_{t-1}^-1 phi_t, C_0 = ridge I, C_t = C_{t-1} + phi_t phi_t'", source "E3B (Henaff et al. 2022), authors' code";
    }
}

/// The memory of a plan: where a record has its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Exploration {
    pub params: ExplorationParams,
    /// Most states of an episode: the horizon and one.
    states: usize,
    /// Active features of a state.
    active: usize,
    /// Where the fields start: a length, then a number for each state.
    visits: usize,
    episodic: usize,
    elliptical: Option<usize>,
    /// Where the notes start, behind the fields: a number for each state, then `active` features for each.
    keys: usize,
    features: usize,
}

impl Exploration {
    /// Adds the fields to a step task's episodes, and room for the notes behind them.
    ///
    /// Errors: refused parameters, a task that writes tokens, a horizon too long for the elliptical bonus.
    pub fn attach(overrides: &Overrides, task: &mut Task) -> Result<Self, Vec<ParamError>> {
        let params = ExplorationParams::resolve(&[overrides])?;
        let refuse = |name: &str, message: String| vec![ParamError { name: name.into(), message }];
        let Play::Steps(play) = &task.play else {
            return Err(refuse(
                "exploration",
                format!("only a task of steps has states to count; {} writes tokens", task.kind),
            ));
        };
        let (states, active) = (task.horizon + 1, play.observation().active);
        if params.elliptical && states > MAX_STATES {
            let most = MAX_STATES - 1;
            return Err(refuse(
                "elliptical",
                format!("elliptical needs a horizon of at most {most} steps; set it to false"),
            ));
        }
        let empty = crate::reward::schema::EpisodeSchema::new(Vec::new(), 0);
        let mut schema = std::mem::replace(&mut task.schema, empty)
            .field(
                FIELDS[0],
                Ty::Floats,
                states,
                "How often this policy had visited each state of the episode before this update.",
            )
            .field(FIELDS[1], Ty::Floats, states, "How often this episode had visited each of its states before.");
        if params.elliptical {
            let help = "Elliptical novelty of each state against the earlier ones of the episode (E3B); the first state's is the largest.";
            schema = schema.field(FIELDS[2], Ty::Floats, states, help);
        }
        let [visits, episodic, elliptical] = FIELDS.map(|name| schema.get(name).map(|f| f.offset));
        let keys = schema.stride;
        let features = keys + states;
        schema.stride = features + if params.elliptical { states * active } else { 0 };
        task.schema = schema;
        let (visits, episodic) = (visits.unwrap_or(keys), episodic.unwrap_or(keys));
        Ok(Self { params, states, active, visits, episodic, elliptical, keys, features })
    }

    /// Counters of a lane.
    pub fn buckets(&self) -> usize {
        self.params.buckets as usize
    }

    /// Notes the state after `t` steps in a record.
    pub fn note(&self, task: &dyn StepTask, state: &State, t: usize, record: &mut [f32]) {
        record[self.keys + t] = (task.key(state) % KEYS) as f32;
        if self.elliptical.is_some() {
            let mut on = [0; MAX_ACTIVE];
            task.features(state, &mut on);
            for (slot, feature) in record[self.features + t * self.active..].iter_mut().zip(&on[..self.active]) {
                *slot = *feature as f32;
            }
        }
    }

    /// Fills the fields of an episode of `length` steps from its notes and the lane's counters of before the update.
    /// `matrix` is scratch.
    pub fn fill(&self, counters: &[u32], length: usize, record: &mut [f32], matrix: &mut Vec<f32>) {
        let n = (length + 1).min(self.states);
        record[self.visits] = n as f32;
        record[self.episodic] = n as f32;
        for t in 0..n {
            let key = record[self.keys + t];
            let before = record[self.keys..self.keys + t].iter().filter(|k| **k == key).count();
            record[self.visits + 1 + t] = counters[key as usize % self.buckets()] as f32;
            record[self.episodic + 1 + t] = before as f32;
        }
        if let Some(at) = self.elliptical {
            record[at] = n as f32;
            self.elliptical(n, at, record, matrix);
        }
    }

    /// The elliptical bonus of the first n states. Woodbury's identity turns C^-1 into the inverse of a matrix over the
    /// states before: b_t = (k_tt - k_t' (K + ridge I)^-1 k_t) / ridge, where K counts the features that two states share;
    /// and that is (d - ridge) / ridge for the t-th pivot d of the Cholesky factorisation of K + ridge I.
    fn elliptical(&self, n: usize, at: usize, record: &mut [f32], matrix: &mut Vec<f32>) {
        matrix.clear();
        matrix.resize(n * n, 0.0);
        for i in 0..n {
            for j in 0..=i {
                let row = |i: usize| &record[self.features + i * self.active..][..self.active];
                let shared = row(i).iter().filter(|f| row(j).contains(f)).count() as f32;
                matrix[i * n + j] = if i == j { shared + self.params.ridge } else { shared };
            }
        }
        for j in 0..n {
            let pivot = matrix[j * n + j];
            record[at + 1 + j] = (pivot - self.params.ridge).max(0.0) / self.params.ridge;
            let root = pivot.max(1e-12).sqrt();
            for i in j + 1..n {
                matrix[i * n + j] /= root;
            }
            for i in j + 1..n {
                for k in j + 1..=i {
                    matrix[i * n + k] -= matrix[i * n + j] * matrix[k * n + j];
                }
            }
        }
    }

    /// Adds the visits of an episode of `length` steps to the counters.
    pub fn remember(&self, length: usize, record: &[f32], counters: &mut [u32]) {
        for key in &record[self.keys..][..(length + 1).min(self.states)] {
            let counter = &mut counters[*key as usize % self.buckets()];
            *counter = counter.saturating_add(1);
        }
    }

    /// The constants of the stages that know of the memory.
    #[cfg(feature = "gpu")]
    pub(crate) fn wgsl(&self) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("STATES", self.states),
            ("ACTIVE", self.active),
            ("BUCKETS", self.buckets()),
            ("VISITS", self.visits),
            ("EPISODIC", self.episodic),
            // No record begins with a field of the memory: the task's own are first.
            ("ELLIPTICAL", self.elliptical.unwrap_or(0)),
            ("KEYS", self.keys),
            ("FEATURES", self.features),
        ] {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "const EXPLORE_{name}: u32 = {value}u;");
        }
        let _ = writeln!(text, "const EXPLORE_RIDGE: f32 = {:?};", self.params.ridge);
        text
    }
}

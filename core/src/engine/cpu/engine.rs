//! The engine of some lanes: their state, edits of them, checkpoints.

use super::update::{Policies, update_lane};
use super::work::{Lane, Work};
use crate::algorithm::buffer::SampleBuffer;
use crate::algorithm::{EntropyControl, Settings};
use crate::engine::probe::{self, Probe};
use crate::engine::{Bases, Checkpoint, LaneId, LaneState, WatchedBatch, bases, value_head};
use crate::episode_fields::exploration::Exploration;
use crate::metrics::columns::ROW;
use crate::plan::{self, Plan, PlannedArm, RUN_FIELDS};
use crate::policy::Policy;
use crate::reward::Program;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// The engine of some lanes.
pub struct CpuEngine {
    pub plan: Arc<Plan>,
    pub(super) arms: Vec<PlannedArm>,
    pub(super) lanes: Vec<Lane>,
    pub(super) policy: Box<dyn Policy>,
    /// A second instance, so that the reference's pass leaves the rollout's activations alone; made when first needed.
    pub(super) reference: Option<Box<dyn Policy>>,
    pub(super) work: Work,
    pub(super) update: u32,
    /// Metric rows of the last update, [lane][ROW].
    pub(super) rows: Vec<f32>,
    pub(super) watched: Option<LaneId>,
    /// Parameters of the watched lane before its last update: those that its samples came from.
    pub(super) before: Vec<f32>,
    /// The last batches of the other lanes of the watched seed: views show all strategies side by side.
    pub(super) beside: Vec<(LaneId, WatchedBatch)>,
}

/// What seeds that start alike share: the number of their base policy, or a seed's own index.
fn start_of(plan: &Plan, bases: Option<&Bases>, seed: usize) -> u32 {
    if bases.is_some() { plan.base_of(seed) } else { seed as u32 }
}

impl CpuEngine {
    /// An engine at update 0. `bases` have the base policy that each lane starts from, which is the reference of its KL;
    /// without them a lane starts from its seed's initial parameters, which are then its reference.
    ///
    /// Errors: a base policy that is not at hand, or of another policy.
    pub fn new(plan: Arc<Plan>, ids: &[LaneId], bases: Option<&Bases>) -> Result<Self, String> {
        let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(|e| plan::join(&e))?;
        let n_params = policy.n_params();
        // Lanes that start alike share their reference.
        let mut starts = BTreeMap::<u32, Arc<[f32]>>::new();
        for id in ids {
            let alike = start_of(&plan, bases, id.seed);
            if let Entry::Vacant(place) = starts.entry(alike) {
                place.insert(bases::start(&plan, policy.as_ref(), bases, id.seed)?.into());
            }
        }
        let counters = plan.exploration.as_ref().map_or(0, Exploration::buckets);
        let own: Vec<Arc<Plan>> = (0..plan.instances.len()).map(|instance| plan.of_seed(instance)).collect();
        let lanes = ids
            .iter()
            .map(|id| {
                let start = starts[&start_of(&plan, bases, id.seed)].clone();
                Lane {
                    id: *id,
                    plan: own[plan.instance(id.seed)].clone(),
                    params: start.to_vec(),
                    m: vec![0.0; n_params],
                    v: vec![0.0; n_params],
                    opt_step: 0,
                    entropy: EntropyControl::new(&plan.arms[id.arm].settings),
                    run: vec![0.0; RUN_FIELDS.len()],
                    tokens: 0.0,
                    visits: vec![0; counters],
                    reference: start,
                    reward_models: plan.reward_models.as_ref().map_or_else(Vec::new, |m| m.untrained()),
                    answers: None,
                    program: None,
                    buffer: SampleBuffer::default(),
                }
            })
            .collect();
        let arms = plan.arms.to_vec();
        let work = Work::new(&plan, n_params);
        let rows = vec![f32::NAN; ids.len() * ROW];
        Ok(Self {
            plan,
            arms,
            lanes,
            policy,
            reference: None,
            work,
            update: 0,
            rows,
            watched: None,
            before: Vec::new(),
            beside: Vec::new(),
        })
    }

    /// Updates done.
    pub fn update_count(&self) -> u32 {
        self.update
    }

    /// The lanes, in the order of rows.
    pub fn lane_ids(&self) -> impl Iterator<Item = LaneId> + '_ {
        self.lanes.iter().map(|l| l.id)
    }

    /// An arm as it is now, edits included.
    pub fn arm(&self, arm: usize) -> &PlannedArm {
        &self.arms[arm]
    }

    /// Uses a new reward program for an arm from the next update on; the policies stay.
    pub fn set_program(&mut self, arm: usize, program: Program) {
        self.arms[arm].program = program;
        // Weights that moved and past samples belong to the program that they were found with.
        for lane in self.lanes.iter_mut().filter(|l| l.id.arm == arm) {
            lane.program = None;
            lane.buffer = SampleBuffer::default();
        }
    }

    /// Uses new settings for an arm from the next update on.
    pub fn set_settings(&mut self, arm: usize, settings: Settings) {
        for lane in self.lanes.iter_mut().filter(|l| l.id.arm == arm) {
            lane.entropy = EntropyControl::new(&settings);
            lane.buffer = SampleBuffer::default();
        }
        self.arms[arm].settings = settings;
    }

    /// Keeps the buffers of this lane's next updates for `anatomy`.
    pub fn watch(&mut self, lane: LaneId) {
        if self.watched != Some(lane) {
            self.work.forget();
            self.before.clear();
            self.beside.clear();
        }
        self.watched = Some(lane);
    }

    /// Whether this lane is the one that is watched.
    pub fn is_watched(&self, lane: LaneId) -> bool {
        self.watched == Some(lane)
    }

    /// One update of every lane; gives the metric rows, [lane][ROW].
    pub fn update(&mut self) -> &[f32] {
        self.update_observed(&mut |_| ())
    }

    /// The same, calling `observe` with a stage's name whenever that stage is over, so that whoever has a clock can time
    /// them ("forward" is the replay of a minibatch, "reference" the reference's pass).
    pub fn update_observed(&mut self, observe: &mut dyn FnMut(&'static str)) -> &[f32] {
        for i in 0..self.lanes.len() {
            let lane = &mut self.lanes[i];
            let arm = &self.arms[lane.id.arm];
            let row = &mut self.rows[i * ROW..(i + 1) * ROW];
            let watched = self.watched == Some(lane.id);
            if watched {
                self.before.clone_from(&lane.params);
            }
            let policies = Policies { train: self.policy.as_mut(), reference: &mut self.reference };
            update_lane(arm, lane, policies, &mut self.work, self.update, watched, row, observe);
            if watched {
                self.work.keep();
            } else if self.watched.is_some_and(|shown| shown.seed == lane.id.seed) {
                let at = self.beside.iter().position(|(id, _)| *id == lane.id).unwrap_or_else(|| {
                    self.beside.push((lane.id, WatchedBatch::default()));
                    self.beside.len() - 1
                });
                self.work.keep_into(&mut self.beside[at].1);
            }
        }
        self.update += 1;
        &self.rows
    }

    /// The buffers of the watched lane's last update, if there was one.
    pub fn watched(&self) -> Option<(LaneId, &WatchedBatch)> {
        self.watched.zip(self.work.kept())
    }

    /// The buffers of the last update of a lane of the watched seed, if there was one.
    pub fn beside(&self, lane: LaneId) -> Option<&WatchedBatch> {
        let own = self.watched().filter(|(id, _)| *id == lane).map(|(_, batch)| batch);
        own.or_else(|| self.beside.iter().find(|(id, _)| *id == lane).map(|(_, batch)| batch))
    }

    /// Probabilities [rows][n_actions] of the lane's policy for some inputs of a step task, prior included.
    pub fn probabilities(&mut self, lane: LaneId, rows: &Probe) -> Vec<f32> {
        let Some(lane) = self.lanes.iter().find(|l| l.id == lane) else { return Vec::new() };
        probe::probabilities(self.policy.as_mut(), &lane.params, rows, self.plan.task.n_actions)
    }

    /// Parameters that the watched lane's last samples came from, and those of the reference of its KL; None before its
    /// first update.
    pub fn followed(&self) -> Option<[&[f32]; 2]> {
        let lane = self.lanes.iter().find(|l| Some(l.id) == self.watched)?;
        (!self.before.is_empty()).then_some([&self.before, &lane.reference])
    }

    /// Everything needed to go on from here, bit for bit.
    pub fn checkpoint(&self) -> Checkpoint {
        let lanes = self.lanes.iter().map(|l| LaneState {
            arm: l.id.arm as u32,
            seed: l.id.seed as u32,
            params: l.params.clone(),
            m: l.m.clone(),
            v: l.v.clone(),
            opt_step: l.opt_step,
            entropy_coef: l.entropy.coef,
            entropy_last: l.entropy.last,
            tokens: l.tokens,
            run: l.run.clone(),
            reward_models: l.reward_models.clone(),
            weights: l.program.iter().flat_map(|p| p.components.iter().map(|c| c.weight)).collect(),
            buffer: if l.buffer.is_empty() { Vec::new() } else { l.buffer.to_words() },
            visits: l.visits.clone(),
        });
        Checkpoint { update: self.update, lanes: lanes.collect() }
    }

    /// Goes on from a checkpoint; it may hold more lanes than this engine, but not fewer, and must fit its sizes, but for a
    /// value head that one of the two lacks.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), String> {
        for lane in &mut self.lanes {
            let id = lane.id;
            let saved = checkpoint.lane(id).ok_or("the checkpoint lacks a lane of this run")?;
            let carried = value_head::from_lane(&self.plan, self.policy.as_ref(), saved);
            let carried = carried.filter(|_| saved.run.len() == RUN_FIELDS.len());
            let [params, m, v] = carried.ok_or("the checkpoint is of another policy")?;
            if saved.visits.len() != lane.visits.len() {
                return Err("the checkpoint is of another exploration memory".into());
            }
            lane.visits.copy_from_slice(&saved.visits);
            (lane.params, lane.m, lane.v) = (params, m, v);
            lane.opt_step = saved.opt_step;
            lane.entropy = EntropyControl { coef: saved.entropy_coef, last: saved.entropy_last };
            lane.tokens = saved.tokens;
            lane.run.copy_from_slice(&saved.run);
            if saved.reward_models.len() != lane.reward_models.len() {
                return Err("the checkpoint is of other reward models".into());
            }
            lane.reward_models.copy_from_slice(&saved.reward_models);
            lane.answers = None;
            lane.buffer = SampleBuffer::from_words(&saved.buffer);
            let program = &self.arms[id.arm].program;
            lane.program = (!saved.weights.is_empty() && saved.weights.len() == program.components.len()).then(|| {
                let mut own = program.clone();
                own.components.iter_mut().zip(&saved.weights).for_each(|(c, weight)| c.weight = *weight);
                own
            });
        }
        self.update = checkpoint.update;
        Ok(())
    }
}

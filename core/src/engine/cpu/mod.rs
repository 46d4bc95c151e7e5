//! The CPU engine: the stages of an update, one file a stage under the names of the shaders, lane after lane.
//!
//! It is a product path, not a debugging aid: it runs in every browser and is bit-exact, natively and in WebAssembly,
//! whatever the width of vectors and the number of workers. One engine serves some lanes on one thread; lanes never talk
//! to each other, so a run is split by giving each worker some of them. Nothing is allocated in an update once the
//! buffers have their sizes.

mod advantage;
mod appraise;
mod backward;
mod calibrate;
mod combine;
mod explore;
mod forward;
mod loss;
mod measure;
mod optimize;
mod outer;
mod refill;
mod remember;
mod reward_models;
mod rollout;
mod score;
mod work;

pub use reward_models::answers;
pub use work::{Lane, Work};

use crate::algorithm::buffer::SampleBuffer;
use crate::algorithm::{EntropyControl, Settings};
use crate::engine::probe::{self, Probe};
use crate::engine::update::{Order, Phase};
use crate::engine::{Checkpoint, LaneId, LaneState, WatchedBatch, value_head};
use crate::episode_fields::exploration::Exploration;
use crate::metrics::columns::ROW;
use crate::plan::{self, Plan, PlannedArm, RUN_FIELDS};
use crate::policy::Policy;
use crate::reward::Program;
use crate::reward_models::{Answers, FreshPairs, RewardModels, Written};
use std::sync::Arc;

/// The engine of some lanes.
pub struct CpuEngine {
    pub plan: Arc<Plan>,
    arms: Vec<PlannedArm>,
    lanes: Vec<Lane>,
    policy: Box<dyn Policy>,
    /// A second instance, so that the reference's pass leaves the rollout's activations alone; made when first needed.
    reference: Option<Box<dyn Policy>>,
    work: Work,
    update: u32,
    /// Metric rows of the last update, [lane][ROW].
    rows: Vec<f32>,
    watched: Option<LaneId>,
    /// Parameters of the watched lane before its last update: those that its samples came from.
    before: Vec<f32>,
}

impl CpuEngine {
    /// An engine at update 0. `base` are the parameters that every lane starts from and the reference of its KL; without
    /// it a lane starts from its seed's initial parameters, which are then its reference.
    pub fn new(plan: Arc<Plan>, ids: &[LaneId], base: Option<&[f32]>) -> Result<Self, String> {
        let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(|e| plan::join(&e))?;
        let n_params = policy.n_params();
        let shared = base.map(|base| value_head::from_base(&plan, policy.as_ref(), base)).transpose()?;
        let shared: Option<Arc<[f32]>> = shared.map(Arc::from);
        let counters = plan.exploration.as_ref().map_or(0, Exploration::buckets);
        let own: Vec<Arc<Plan>> = (0..plan.instances.len()).map(|instance| plan.of_seed(instance)).collect();
        let lanes = ids
            .iter()
            .map(|id| {
                let start = shared.clone().unwrap_or_else(|| {
                    let mut params = vec![0.0; n_params];
                    policy.init(plan.seed(id.seed), &mut params);
                    params.into()
                });
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
            }
        }
        self.update += 1;
        &self.rows
    }

    /// The buffers of the watched lane's last update, if there was one.
    pub fn watched(&self) -> Option<(LaneId, &WatchedBatch)> {
        self.watched.zip(self.work.kept())
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
            let saved = checkpoint.lanes.iter().find(|s| s.arm as usize == id.arm && s.seed as usize == id.seed);
            let saved = saved.ok_or("the checkpoint lacks a lane of this run")?;
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

/// The policy's instances of a thread.
struct Policies<'a> {
    train: &'a mut dyn Policy,
    reference: &'a mut Option<Box<dyn Policy>>,
}

/// One update of one lane, in the order that both engines have. A lane that is `watched` has every field of its episodes.
fn update_lane(
    arm: &PlannedArm,
    lane: &mut Lane,
    policies: Policies<'_>,
    work: &mut Work,
    update: u32,
    watched: bool,
    row: &mut [f32],
    observe: &mut dyn FnMut(&'static str),
) {
    let settings = &arm.settings;
    let plan = &*lane.plan.clone();
    let seed = plan.seed(lane.id.seed);
    let stride = plan.task.schema.stride;
    let policy = policies.train;
    let order = Order::of(std::iter::once(settings), update);
    let minibatches = settings.num_minibatches as usize;
    let learning_rate = crate::algorithm::learning_rate(settings, update, plan.run.updates);
    work.has_reference = order.looks_back;
    let mut own = lane.program.take().or_else(|| (settings.outer_every > 0).then(|| arm.program.clone()));
    let mut stands_in = false;
    let mut sums = measure::Sums::default();
    for phase in order.phases() {
        match phase {
            Phase::Sample => {
                let with_confidence = watched || plan.confidence.is_read_by(&arm.program);
                rollout::rollout(plan, policy, &lane.params, seed, update, with_confidence, work);
                observe("rollout");
                if let Some(memory) = &plan.exploration {
                    explore::explore(memory, lane, stride, work);
                    observe("explore");
                    remember::remember(memory, lane, stride, work);
                    observe("remember");
                }
                if let Some(models) = &plan.reward_models {
                    appraise::appraise(models, stride, lane, work);
                    observe("appraise");
                }
            }
            Phase::Reference => {
                if policies.reference.is_none() {
                    *policies.reference = plan.policy.build(&plan.policy_params, &plan.interface).ok();
                    // It is never trained, so its activations are of no use.
                    policies.reference.iter_mut().for_each(|policy| policy.keep_activations(false));
                }
                if let Some(instance) = policies.reference {
                    forward::reference(plan, instance.as_mut(), &lane.reference, work);
                }
                observe("reference");
            }
            Phase::Judge => {
                let program = own.as_ref().unwrap_or(&arm.program);
                score::score(plan, program, lane, update, work);
                observe("score");
                combine::combine(plan, settings, seed, update, work);
                observe("combine");
                advantage::advantage(plan, settings, program, seed, update, work);
                observe("advantage");
            }
            Phase::MoveWeights => {
                let moved = own.get_or_insert_with(|| arm.program.clone());
                outer::outer(plan, settings, moved, policy, lane, work);
                observe("outer");
            }
            Phase::Select => {
                stands_in = refill::refill(settings, lane, seed, update, work);
                observe("refill");
            }
            Phase::Learn { iteration, minibatch } => {
                if minibatch == 0 {
                    work.shuffle(seed, update, iteration, minibatches);
                }
                let minibatch = minibatch as usize;
                let fresh = iteration == 0 && minibatches == 1 && !stands_in;
                if !fresh {
                    forward::replay(plan, policy, &lane.params, work, minibatch, minibatches);
                    observe("forward");
                }
                let stats = loss::loss(plan, settings, &lane.entropy, work, minibatch, minibatches);
                observe("loss");
                backward::backward(plan, policy, &lane.params, work);
                observe("backward");
                optimize::optimize(settings, learning_rate, lane, work, stats, &mut sums);
                observe("optimize");
            }
            Phase::Restore => {
                work.restore_sampled();
                lane.program = own.take();
            }
            Phase::Measure => {
                measure::measure(plan, arm, lane, work, update, learning_rate, &sums, row);
                observe("measure");
                if let Some(models) = &plan.reward_models {
                    calibrate::calibrate(models, stride, plan.group(), lane, work, row);
                    lane.answers = answers_for_training(plan, models, settings, work, seed, update);
                    observe("calibrate");
                }
            }
        }
    }
}

/// The update's answers, where the lane's reward models are to be trained on them before the next one.
fn answers_for_training(
    plan: &Plan,
    models: &RewardModels,
    settings: &Settings,
    work: &Work,
    seed: u32,
    update: u32,
) -> Option<Answers> {
    models.is_due(settings, update + 1, plan.run.updates).then(|| {
        let mut answers = Answers::new(models, plan.group());
        answers.add(models, &work.records, plan.task.schema.stride, &work.true_scores);
        if settings.rm_fresh_pairs == FreshPairs::Corrupted {
            let (actions, lengths) = (&work.batch.actions, &work.batch.lengths);
            answers.corrupt(plan, models, &Written { seed, update, actions, width: work.steps, lengths });
        }
        answers
    })
}

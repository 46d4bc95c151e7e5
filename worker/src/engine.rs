//! Either engine behind one face.

use crate::edge;
use crate::models;
use crate::report::Reports;
use goodhart_core::algorithm::Settings;
use goodhart_core::engine::anatomy;
use goodhart_core::engine::cpu::{CpuEngine, Kept, LaneId, Probe};
use goodhart_core::engine::gpu::{GpuContext, GpuEngine, GpuError, find_adapter, request_device};
use goodhart_core::metrics::columns::ROW;
use goodhart_core::oracle::live::{Followed, Live};
use goodhart_core::plan::{Plan, PlannedArm};
use goodhart_core::protocol::{Adapter, Anatomy, Checkpoint, EngineKind, Exact};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

/// Milliseconds of work that one submit should hold: long enough to hide its cost, short enough to feel live.
const SUBMIT: f64 = 40.0;

/// Milliseconds from which on an update gives signs of life between its stages.
const SLOW: f64 = 100.0;

/// Milliseconds that a browser may take to name its adapter.
const ADAPTER: u32 = 10_000;

thread_local! {
    /// The device, asked for once and used again while it lives.
    static DEVICE: RefCell<Option<GpuContext>> = const { RefCell::new(None) };
}

/// The device that is open, or a new one.
async fn device() -> Result<GpuContext, GpuError> {
    let open = DEVICE.with_borrow(Clone::clone).filter(|context| context.check().is_ok());
    if let Some(context) = open {
        return Ok(context);
    }
    let context = request_device().await?;
    DEVICE.with_borrow_mut(|kept| *kept = Some(context.clone()));
    Ok(context)
}

/// The WebGPU adapter of this browser, if there is one. A browser that does not answer, as one whose GPU process hangs,
/// counts as one without.
pub async fn adapter() -> Option<Adapter> {
    edge::within(ADAPTER, async { named(find_adapter().await.ok()?).await }).await.flatten()
}

/// The adapter under the name that the browser gives it.
async fn named(adapter: Adapter) -> Option<Adapter> {
    let name = edge::adapter_name().await.unwrap_or_else(|| adapter.name.clone());
    Some(Adapter { name, ..adapter })
}

/// The engine of a session.
pub struct Engine {
    kind: Kind,
    /// What the views of a step task ask the policy.
    probe: Option<Probe>,
    /// The exact solution beside the samples, made at the first anatomy, or why there is none.
    live: Option<Result<Live, String>>,
    watched: LaneId,
    /// The plan with the watched seed's instance of the task.
    own: Arc<Plan>,
    /// The update that it was last put to: it has nothing of how that one was made.
    restored: u32,
    /// How long the CPU's last update took, in milliseconds; without end before the first.
    took: f64,
}

enum Kind {
    Cpu(Box<CpuEngine>),
    Gpu(Box<Gpu>),
}

struct Gpu {
    engine: GpuEngine,
    adapter: Option<Adapter>,
    /// Updates in the next submit, from how long the last ones took.
    chunk: u32,
    /// When each submit in flight was made, and when the last rows landed.
    submitted: VecDeque<f64>,
    landed: f64,
}

impl Gpu {
    /// Takes in rows until at most `most` submits are in flight.
    async fn land(&mut self, most: usize, reports: &mut Reports) -> Result<(), String> {
        let lanes: Vec<LaneId> = self.engine.lane_ids().collect();
        while self.engine.in_flight() > most {
            let Some(rows) = self.engine.next_rows().await.map_err(sentence)? else { break };
            for (i, values) in rows.values.chunks_exact(lanes.len() * ROW).enumerate() {
                reports.take(&lanes, rows.first_update + i as u32, values);
            }
            let now = edge::now();
            let begun = self.submitted.pop_front().unwrap_or(now).max(self.landed);
            let each = (now - begun) / f64::from(rows.updates.max(1));
            self.landed = now;
            self.chunk = ((SUBMIT / each.max(0.1)) as u32).clamp(1, (2 * self.chunk).min(32));
        }
        Ok(())
    }
}

impl Engine {
    pub async fn new(
        kind: EngineKind,
        plan: &Arc<Plan>,
        lanes: &[LaneId],
        base: Option<&[f32]>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, String> {
        let watched = lanes.first().copied().unwrap_or(LaneId { arm: 0, seed: 0 });
        let own = plan.of_seed(watched.seed);
        let kind = match kind {
            EngineKind::Cpu => {
                let mut engine = Box::new(CpuEngine::new(plan.clone(), lanes, base)?);
                engine.watch(watched);
                Kind::Cpu(engine)
            }
            EngineKind::Gpu => {
                let context = device().await.map_err(sentence)?;
                let mut engine =
                    GpuEngine::with_progress(&context, plan.clone(), lanes, base, progress).await.map_err(sentence)?;
                engine.follow().map_err(sentence)?;
                let adapter = named(context.adapter().clone()).await;
                Kind::Gpu(Box::new(Gpu { engine, adapter, chunk: 1, submitted: VecDeque::new(), landed: 0.0 }))
            }
        };
        Ok(Self { kind, probe: anatomy::probe(&own), own, live: None, watched, restored: 0, took: f64::INFINITY })
    }

    pub fn adapter(&self) -> Option<Adapter> {
        match &self.kind {
            Kind::Cpu(_) => None,
            Kind::Gpu(gpu) => gpu.adapter.clone(),
        }
    }

    /// Whether a GPU may train reward models too. The CPU engine's promise is the same bits every time, and what is
    /// chosen by a clock cannot keep it; the WebGPU engine runs on a graphics card, or where a person asked for it.
    pub fn may_train_on_gpu(&self) -> bool {
        matches!(self.kind, Kind::Gpu(_))
    }

    pub fn update_count(&self) -> u32 {
        match &self.kind {
            Kind::Cpu(engine) => engine.update_count(),
            Kind::Gpu(gpu) => gpu.engine.update_count(),
        }
    }

    /// Trains at most `most` updates, as many as make sense before looking around; gives how many.
    pub async fn update(&mut self, most: u32, reports: &mut Reports) -> Result<u32, String> {
        match &mut self.kind {
            Kind::Cpu(engine) => {
                let update = engine.update_count();
                let lanes: Vec<LaneId> = engine.lane_ids().collect();
                let start = edge::now();
                let rows =
                    if self.took < SLOW { engine.update() } else { engine.update_observed(&mut |_| edge::beat()) };
                reports.take(&lanes, update, rows);
                self.took = edge::now() - start;
                for (lane, weights) in models::again(engine.reward_model_jobs(), false).await? {
                    engine.set_reward_models(lane, &weights)?;
                }
                Ok(1)
            }
            Kind::Gpu(gpu) => {
                let updates = gpu.engine.submit(gpu.chunk.min(most)).map_err(sentence)?;
                if updates > 0 {
                    gpu.submitted.push_back(edge::now());
                }
                // The device works on this submit while the rows of the one before are read.
                gpu.land(1, reports).await?;
                let jobs = gpu.engine.reward_model_jobs().await.map_err(sentence)?;
                for (lane, weights) in models::again(jobs, true).await? {
                    gpu.engine.set_reward_models(lane, &weights).map_err(sentence)?;
                }
                Ok(updates)
            }
        }
    }

    /// Takes in the rows of all updates so far.
    pub async fn settle(&mut self, reports: &mut Reports) -> Result<(), String> {
        match &mut self.kind {
            Kind::Cpu(_) => Ok(()),
            Kind::Gpu(gpu) => gpu.land(0, reports).await,
        }
    }

    pub async fn set_program(&mut self, plan: &Plan, arm: usize, code: &str) -> Result<(), String> {
        check_arm(plan, arm)?;
        let program = plan.compile(code)?;
        match &mut self.kind {
            Kind::Cpu(engine) => {
                engine.set_program(arm, program);
                Ok(())
            }
            Kind::Gpu(gpu) => gpu.engine.set_program(arm, program).await.map_err(sentence),
        }
    }

    pub fn set_settings(&mut self, plan: &Plan, arm: usize, settings: Settings) -> Result<(), String> {
        check_arm(plan, arm)?;
        match &mut self.kind {
            Kind::Cpu(engine) => {
                engine.set_settings(arm, settings);
                Ok(())
            }
            Kind::Gpu(gpu) => gpu.engine.set_settings(arm, settings).map_err(sentence),
        }
    }

    /// Uses these weights for a lane's reward models from the next update on.
    pub fn set_reward_models(&mut self, lane: LaneId, weights: &[f32]) -> Result<(), String> {
        match &mut self.kind {
            Kind::Cpu(engine) => engine.set_reward_models(lane, weights),
            Kind::Gpu(gpu) => gpu.engine.set_reward_models(lane, weights).map_err(sentence),
        }
    }

    pub fn watch(&mut self, plan: &Arc<Plan>, lane: LaneId) {
        if plan.instance(lane.seed) != plan.instance(self.watched.seed) {
            self.own = plan.of_seed(lane.seed);
            self.probe = anatomy::probe(&self.own);
            self.live = None;
        }
        self.watched = lane;
        if let Kind::Cpu(engine) = &mut self.kind {
            engine.watch(lane);
        }
    }

    pub async fn checkpoint(&self) -> Result<Checkpoint, String> {
        match &self.kind {
            Kind::Cpu(engine) => Ok(engine.checkpoint()),
            Kind::Gpu(gpu) => gpu.engine.checkpoint().await.map_err(sentence),
        }
    }

    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), String> {
        self.restored = checkpoint.update;
        match &mut self.kind {
            Kind::Cpu(engine) => engine.restore(checkpoint),
            Kind::Gpu(gpu) => gpu.engine.restore(checkpoint).map_err(sentence),
        }
    }

    /// The last update of the watched lane; None if this worker has it not, or before its first update.
    pub async fn anatomy(&mut self) -> Option<Anatomy> {
        let (lane, plan) = (self.watched, &self.own);
        let update = self.update_count().checked_sub(1).filter(|last| *last >= self.restored)?;
        let live = self.live.get_or_insert_with(|| Live::new(plan));
        match &mut self.kind {
            Kind::Cpu(engine) => {
                let policy = self.probe.as_ref().map(|p| engine.probabilities(lane, p)).unwrap_or_default();
                let (id, kept) = engine.watched()?;
                let arm = engine.arm(lane.arm);
                let (exact, missing) = asked(live, lane, arm, engine.followed(), kept, update);
                let shown = Shown { policy, exact, missing };
                (id == lane).then(|| assemble(plan, lane, update, arm, kept, shown))
            }
            Kind::Gpu(gpu) => {
                let engine = &mut gpu.engine;
                let kept = engine.kept(lane).await.ok()?;
                let policy = match &self.probe {
                    Some(probe) => engine.probabilities(lane, probe).await.ok()?,
                    None => Vec::new(),
                };
                let followed = if live.is_ok() { engine.followed(lane).await.ok()? } else { None };
                let followed = followed.as_ref().map(|[params, reference]| [params.as_slice(), reference]);
                let arm = engine.arm(lane.arm);
                let (exact, missing) = asked(live, lane, arm, followed, &kept, update);
                let shown = Shown { policy, exact, missing };
                Some(assemble(plan, lane, update, arm, &kept, shown))
            }
        }
    }
}

/// What is known exactly of a lane whose last samples came from these parameters, beside those of its reference.
fn asked(
    live: &mut Result<Live, String>,
    lane: LaneId,
    arm: &PlannedArm,
    followed: Option<[&[f32]; 2]>,
    kept: &Kept,
    update: u32,
) -> (Option<Exact>, String) {
    match (live, followed) {
        (Err(why), _) => (None, why.clone()),
        (Ok(live), Some([params, reference])) => live.exact(&Followed { lane, arm, params, reference, kept, update }),
        (Ok(_), None) => (None, "Exact numbers come with the next update.".into()),
    }
}

/// What the policy does, what it is worth, and why that is not all known.
struct Shown {
    policy: Vec<f32>,
    exact: Option<Exact>,
    missing: String,
}

fn assemble(plan: &Plan, lane: LaneId, update: u32, arm: &PlannedArm, kept: &Kept, shown: Shown) -> Anatomy {
    Anatomy {
        arm: lane.arm as u32,
        seed: lane.seed as u32,
        update,
        component_names: arm.components(),
        groups: anatomy::groups(plan, &arm.program, kept),
        policy: shown.policy,
        visits: anatomy::visits(plan, kept),
        exact: shown.exact,
        missing: shown.missing,
    }
}

fn sentence(error: GpuError) -> String {
    error.to_string()
}

fn check_arm(plan: &Plan, arm: usize) -> Result<(), String> {
    if arm < plan.arms.len() { Ok(()) } else { Err(format!("this run has no arm {arm}")) }
}

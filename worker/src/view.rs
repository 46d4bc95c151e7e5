//! What the page's views show of one lane: the anatomy of its last update, its policy, and what is known of it exactly.

use goodhart_core::engine::anatomy::{self, Anatomy, Exact, Scene};
use goodhart_core::engine::probe::{self, Probe};
use goodhart_core::engine::{Engine, LaneId, WatchedBatch};
use goodhart_core::oracle::live::{Followed, Live};
use goodhart_core::plan::{Plan, PlannedArm};
use std::sync::Arc;

/// The lane that is watched.
pub struct View {
    lane: LaneId,
    /// The plan with that seed's instance of the task.
    plan: Arc<Plan>,
    /// What the view of a step task asks the policy.
    probe: Option<Probe>,
    /// The exact solution beside the samples, made at the first anatomy, or why there is none.
    live: Option<Result<Live, String>>,
    /// The update that the engine was last put to: it has nothing of how that one was made.
    restored: u32,
}

impl View {
    /// Watches a lane of an engine.
    ///
    /// Errors: what the device does not hold.
    pub fn new(engine: &mut Engine, plan: &Arc<Plan>, lane: LaneId) -> Result<Self, String> {
        engine.watch(lane)?;
        let plan = plan.of_seed(lane.seed);
        Ok(Self { lane, probe: probe::of_task(&plan), plan, live: None, restored: 0 })
    }

    /// Watches another lane from now on.
    ///
    /// Errors: what the device does not hold.
    pub fn watch(&mut self, engine: &mut Engine, plan: &Arc<Plan>, lane: LaneId) -> Result<(), String> {
        if plan.instance(lane.seed) != plan.instance(self.lane.seed) {
            let restored = self.restored;
            *self = Self { restored, ..Self::new(engine, plan, lane)? };
        }
        self.lane = lane;
        engine.watch(lane)
    }

    /// The engine was put to an update.
    pub fn restored(&mut self, update: u32) {
        self.restored = update;
    }

    /// The last update of the lane; None if this worker has it not, before its first update, or where the device fails,
    /// which the next update says.
    pub async fn anatomy(&mut self, engine: &mut Engine) -> Option<Anatomy> {
        let update = engine.update_count().checked_sub(1).filter(|last| *last >= self.restored)?;
        let scenes = self.scenes(engine).await?;
        let live = self.live.get_or_insert_with(|| Live::new(&self.plan));
        let policy = match &self.probe {
            Some(probe) => engine.probabilities(self.lane, probe).await.ok()?,
            None => Vec::new(),
        };
        let kept = engine.watched(self.lane).await.ok()??;
        let arm = engine.arm(self.lane.arm);
        let followed = if live.is_ok() { engine.followed(self.lane).await.ok()? } else { None };
        let followed = followed.as_ref().map(|[params, reference]| [params.as_ref(), reference.as_ref()]);
        let (exact, missing) = exact(live, self.lane, arm, followed, &kept, update);
        Some(Anatomy {
            arm: self.lane.arm as u32,
            seed: self.lane.seed as u32,
            update,
            component_names: arm.components(),
            groups: anatomy::groups(&self.plan, &arm.program, &kept),
            policy,
            visits: anatomy::visits(&self.plan, &kept),
            scenes,
            exact,
            missing,
        })
    }

    /// What every strategy of the watched seed did in the last update; None where the device fails.
    async fn scenes(&self, engine: &mut Engine) -> Option<Vec<Scene>> {
        let mut scenes = Vec::new();
        for arm in 0..self.plan.arms.len() {
            let lane = LaneId { arm, seed: self.lane.seed };
            let policy = match &self.probe {
                Some(probe) => engine.probabilities(lane, probe).await.ok()?,
                None => Vec::new(),
            };
            let Some(kept) = engine.beside(lane).await.ok()? else { continue };
            scenes.push(anatomy::scene(&self.plan, &engine.arm(arm).program, arm as u32, &kept, policy));
        }
        Some(scenes)
    }
}

/// What is known exactly of a lane whose last samples came from these parameters, beside those of its reference.
fn exact(
    live: &mut Result<Live, String>,
    lane: LaneId,
    arm: &PlannedArm,
    followed: Option<[&[f32]; 2]>,
    kept: &WatchedBatch,
    update: u32,
) -> (Option<Exact>, String) {
    match (live, followed) {
        (Err(why), _) => (None, why.clone()),
        (Ok(live), Some([params, reference])) => live.exact(&Followed { lane, arm, params, reference, kept, update }),
        (Ok(_), None) => (None, "Exact numbers come with the next update.".into()),
    }
}

//! What the page's views show of one lane: the anatomy of its last update, its policy, and what is known of it exactly.

use crate::edge;
use goodhart_core::engine::anatomy::{self, Anatomy, Exact, Scene};
use goodhart_core::engine::probe::{self, Probe};
use goodhart_core::engine::{Engine, LaneId, WatchedBatch};
use goodhart_core::oracle::live::{Followed, Live};
use goodhart_core::plan::{Plan, PlannedArm};
use std::sync::Arc;

/// Times as long as what is exact took until it is computed anew.
const EXACT_SHARE: f64 = 10.0;

/// The lane that is watched.
pub struct View {
    lane: LaneId,
    /// The plan with that seed's instance of the task.
    plan: Arc<Plan>,
    /// What the view of a step task asks the policy.
    probe: Option<Probe>,
    /// The exact solution beside the samples, made at the first anatomy, or why there is none.
    live: Option<Result<Live, String>>,
    /// What was last known exactly, and of which update.
    known: Option<(u32, Option<Exact>, String)>,
    /// When it is due again, and how many milliseconds it took last.
    exact_due: f64,
    exact_took: f64,
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
        let probe = probe::of_task(&plan);
        Ok(Self { lane, probe, plan, live: None, known: None, exact_due: 0.0, exact_took: 0.0, restored: 0 })
    }

    /// Watches another lane from now on.
    ///
    /// Errors: what the device does not hold.
    pub fn watch(&mut self, engine: &mut Engine, plan: &Arc<Plan>, lane: LaneId) -> Result<(), String> {
        if plan.instance(lane.seed) != plan.instance(self.lane.seed) {
            let restored = self.restored;
            *self = Self { restored, ..Self::new(engine, plan, lane)? };
        }
        if lane != self.lane {
            (self.known, self.exact_due) = (None, 0.0);
        }
        self.lane = lane;
        engine.watch(lane)
    }

    /// Milliseconds of the last anatomy that went into what is exact.
    pub fn exact_took(&self) -> f64 {
        self.exact_took
    }

    /// The engine was put to an update.
    pub fn restored(&mut self, update: u32) {
        self.restored = update;
    }

    /// The last update of the lane; None if this worker has it not, before its first update, or where the device fails,
    /// which the next update says.
    ///
    /// What is exact may take longer than many updates: unless the whole is asked for, that of an earlier one stands until
    /// it is due again.
    pub async fn anatomy(&mut self, engine: &mut Engine, whole: bool) -> Option<Anatomy> {
        let update = engine.update_count().checked_sub(1).filter(|last| *last >= self.restored)?;
        let scenes = self.scenes(engine).await?;
        let begun = edge::now();
        let is_due = whole || begun >= self.exact_due || self.known.is_none();
        let live = self.live.get_or_insert_with(|| Live::new(&self.plan));
        let policy = match &self.probe {
            Some(probe) => engine.probabilities(self.lane, probe).await.ok()?,
            None => Vec::new(),
        };
        let kept = engine.watched(self.lane).await.ok()??;
        let arm = engine.arm(self.lane.arm);
        let followed = if live.is_ok() && is_due { engine.followed(self.lane).await.ok()? } else { None };
        let followed = followed.as_ref().map(|[params, reference]| [params.as_ref(), reference.as_ref()]);
        let (exact, missing) = match &self.known {
            Some((of, known, missing)) if !is_due => {
                let of = format!("The exact numbers are of update {of}.");
                (*known, if known.is_some() { of } else { missing.clone() })
            }
            _ => {
                let (found, missing) = exact(live, self.lane, arm, followed, &kept, update);
                self.known = Some((update, found, missing.clone()));
                (found, missing)
            }
        };
        self.exact_took = if is_due { edge::now() - begun } else { 0.0 };
        if is_due {
            self.exact_due = edge::now() + EXACT_SHARE * self.exact_took;
        }
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

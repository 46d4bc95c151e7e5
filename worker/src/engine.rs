//! Either engine behind one face.

use crate::report::Reports;
use goodhart_core::algorithm::Settings;
use goodhart_core::anatomy;
use goodhart_core::cpu::{CpuEngine, LaneId, Probe};
use goodhart_core::plan::Plan;
use goodhart_core::protocol::{Adapter, Anatomy, Checkpoint, EngineKind};
use std::sync::Arc;

/// The engine of a session.
pub enum Engine {
    Cpu { engine: Box<CpuEngine>, probe: Option<Probe>, watched: LaneId },
}

/// The WebGPU adapter of this browser, if there is one.
pub async fn adapter() -> Option<Adapter> {
    None
}

impl Engine {
    pub async fn new(
        kind: EngineKind,
        plan: &Arc<Plan>,
        lanes: &[LaneId],
        base: Option<&[f32]>,
    ) -> Result<Self, String> {
        let watched = lanes.first().copied().unwrap_or(LaneId { arm: 0, seed: 0 });
        match kind {
            EngineKind::Cpu => {
                let mut engine = Box::new(CpuEngine::new(plan.clone(), lanes, base)?);
                engine.watch(watched);
                Ok(Self::Cpu { engine, probe: anatomy::probe(plan), watched })
            }
            EngineKind::Gpu => Err("this browser offers no WebGPU adapter".into()),
        }
    }

    pub fn adapter(&self) -> Option<Adapter> {
        None
    }

    pub fn update_count(&self) -> u32 {
        match self {
            Self::Cpu { engine, .. } => engine.update_count(),
        }
    }

    /// Trains at most `most` updates, as many as make sense before looking around; gives how many.
    pub async fn update(&mut self, _most: u32, reports: &mut Reports) -> Result<u32, String> {
        match self {
            Self::Cpu { engine, .. } => {
                let update = engine.update_count();
                let rows = engine.update().to_vec();
                reports.take(engine.lane_ids(), update, &rows);
                Ok(1)
            }
        }
    }

    pub async fn set_program(&mut self, plan: &Plan, arm: usize, code: &str) -> Result<(), String> {
        check_arm(plan, arm)?;
        let program = plan.compile(code)?;
        match self {
            Self::Cpu { engine, .. } => engine.set_program(arm, program),
        }
        Ok(())
    }

    pub fn set_settings(&mut self, arm: usize, settings: Settings) -> Result<(), String> {
        match self {
            Self::Cpu { engine, .. } => {
                check_arm(&engine.plan, arm)?;
                engine.set_settings(arm, settings);
            }
        }
        Ok(())
    }

    pub fn watch(&mut self, lane: LaneId) {
        match self {
            Self::Cpu { engine, watched, .. } => {
                *watched = lane;
                engine.watch(lane);
            }
        }
    }

    pub async fn checkpoint(&mut self) -> Result<Checkpoint, String> {
        match self {
            Self::Cpu { engine, .. } => Ok(engine.checkpoint()),
        }
    }

    pub async fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), String> {
        match self {
            Self::Cpu { engine, .. } => engine.restore(checkpoint),
        }
    }

    /// The last update of the watched lane; None if this worker has it not, or before the first update.
    pub async fn anatomy(&mut self, plan: &Plan) -> Option<Anatomy> {
        match self {
            Self::Cpu { engine, probe, watched } => {
                let lane = *watched;
                let update = engine.update_count().checked_sub(1)?;
                let policy = probe.as_ref().map(|p| engine.probabilities(lane, p)).unwrap_or_default();
                let component_names = engine.arm(lane.arm).components();
                let (id, kept) = engine.watched()?;
                (id == lane).then(|| Anatomy {
                    arm: lane.arm as u32,
                    seed: lane.seed as u32,
                    update,
                    component_names,
                    groups: anatomy::groups(plan, kept),
                    policy,
                    visits: anatomy::visits(plan, kept),
                })
            }
        }
    }
}

fn check_arm(plan: &Plan, arm: usize) -> Result<(), String> {
    if arm < plan.arms.len() { Ok(()) } else { Err(format!("this run has no arm {arm}")) }
}

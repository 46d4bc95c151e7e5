//! Either engine behind one face, and the loop that keeps it busy: the page's workers, the command line and the bench train
//! through it.

use super::probe::Probe;
use super::{Bases, Checkpoint, CpuEngine, EngineKind, LaneId, WatchedBatch};
#[cfg(feature = "gpu")]
use super::{GpuEngine, gpu::GpuContext};
use crate::algorithm::Settings;
#[cfg(feature = "gpu")]
use crate::metrics::columns::ROW;
use crate::plan::{Plan, PlannedArm};
use crate::reward::Program;
use crate::reward_models::Job;
use std::borrow::Cow;
#[cfg(feature = "gpu")]
use std::collections::VecDeque;
use std::sync::Arc;

/// Milliseconds of work that one submit should hold: long enough to hide its cost, short enough to feel live.
#[cfg(feature = "gpu")]
const SUBMIT: f64 = 40.0;

/// Milliseconds from which on an update of the CPU engine tells of every stage that is over.
const SLOW: f64 = 100.0;

/// Who has an engine train: it has a clock, which `core` has not, and takes the rows in.
pub trait Host {
    /// Milliseconds of a clock that only goes forward.
    fn now(&self) -> f64;
    /// Takes in the rows of one update, [lane][ROW].
    fn rows(&mut self, lanes: &[LaneId], update: u32, rows: &[f32]);
    /// Told when a stage of the CPU engine is over, if updates take long or `times_stages`.
    fn stage_is_over(&mut self, _stage: &'static str) {}
    /// Whether it wants to be told of every stage, however short.
    fn times_stages(&self) -> bool {
        false
    }
}

/// What trains the lanes of a run.
pub struct Engine {
    lanes: Vec<LaneId>,
    own: Own,
}

enum Own {
    Cpu {
        engine: Box<CpuEngine>,
        /// Milliseconds that the last update took; without end before the first.
        took: f64,
    },
    #[cfg(feature = "gpu")]
    Gpu(Box<Submits>),
}

/// The WebGPU engine and what it is busy with.
#[cfg(feature = "gpu")]
struct Submits {
    engine: GpuEngine,
    /// Updates in the next submit, from how long the last ones took.
    chunk: u32,
    /// When each submit in flight was made, and when the last rows landed.
    submitted: VecDeque<f64>,
    landed: f64,
}

#[cfg(feature = "gpu")]
impl Submits {
    /// Takes in rows until at most `most` submits are in flight.
    async fn land(&mut self, lanes: &[LaneId], most: usize, host: &mut impl Host) -> Result<(), String> {
        while self.engine.in_flight() > most {
            let Some(rows) = self.engine.next_rows().await.map_err(in_words)? else { break };
            for (i, values) in rows.values.chunks_exact(lanes.len() * ROW).enumerate() {
                host.rows(lanes, rows.first_update + i as u32, values);
            }
            let now = host.now();
            let begun = self.submitted.pop_front().unwrap_or(now).max(self.landed);
            let each = (now - begun) / f64::from(rows.updates.max(1));
            self.landed = now;
            self.chunk = ((SUBMIT / each.max(0.1)) as u32).clamp(1, (2 * self.chunk).min(32));
        }
        Ok(())
    }
}

#[cfg(feature = "gpu")]
fn in_words(error: super::gpu::GpuError) -> String {
    error.to_string()
}

impl Engine {
    /// The CPU engine at update 0; `bases` as `CpuEngine::new` has them.
    ///
    /// Errors: parameters of another policy.
    pub fn cpu(plan: &Arc<Plan>, lanes: &[LaneId], bases: Option<&Bases>) -> Result<Self, String> {
        let engine = Box::new(CpuEngine::new(plan.clone(), lanes, bases)?);
        Ok(Self { lanes: lanes.to_vec(), own: Own::Cpu { engine, took: f64::INFINITY } })
    }

    /// The WebGPU engine at update 0; `progress` is told how many stages are compiled, of how many.
    ///
    /// Errors: what the device cannot hold or does not take.
    #[cfg(feature = "gpu")]
    pub async fn gpu(
        context: &GpuContext,
        plan: &Arc<Plan>,
        lanes: &[LaneId],
        bases: Option<&Bases>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, String> {
        let engine = GpuEngine::with_progress(context, plan.clone(), lanes, bases, progress).await.map_err(in_words)?;
        let submits = Submits { engine, chunk: 1, submitted: VecDeque::new(), landed: 0.0 };
        Ok(Self { lanes: lanes.to_vec(), own: Own::Gpu(Box::new(submits)) })
    }

    /// Which of the two it is.
    pub fn kind(&self) -> EngineKind {
        match &self.own {
            Own::Cpu { .. } => EngineKind::Cpu,
            #[cfg(feature = "gpu")]
            Own::Gpu(_) => EngineKind::Gpu,
        }
    }

    /// The lanes, in the order of rows.
    pub fn lanes(&self) -> &[LaneId] {
        &self.lanes
    }

    /// Updates done, or on the way.
    pub fn update_count(&self) -> u32 {
        match &self.own {
            Own::Cpu { engine, .. } => engine.update_count(),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.update_count(),
        }
    }

    /// An arm as it is now, edits included.
    pub fn arm(&self, arm: usize) -> &PlannedArm {
        match &self.own {
            Own::Cpu { engine, .. } => engine.arm(arm),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.arm(arm),
        }
    }

    /// Trains at most `most` updates, as many as make sense before looking around: one on the CPU, a submit on WebGPU.
    /// Gives how many; 0 at the end of the run, and where reward models are to be trained first.
    ///
    /// Errors: the device is lost.
    pub async fn advance(&mut self, most: u32, host: &mut impl Host) -> Result<u32, String> {
        if most == 0 {
            return Ok(0);
        }
        match &mut self.own {
            Own::Cpu { engine, took } => {
                let update = engine.update_count();
                if update >= engine.plan.run.updates {
                    return Ok(0);
                }
                let start = host.now();
                let rows = if *took < SLOW && !host.times_stages() {
                    engine.update()
                } else {
                    engine.update_observed(&mut |stage| host.stage_is_over(stage))
                };
                host.rows(&self.lanes, update, rows);
                *took = host.now() - start;
                Ok(1)
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => {
                let updates = gpu.engine.submit(gpu.chunk.min(most)).map_err(in_words)?;
                if updates > 0 {
                    gpu.submitted.push_back(host.now());
                }
                // The device works on this submit while the rows of the one before are read.
                gpu.land(&self.lanes, 1, host).await?;
                Ok(updates)
            }
        }
    }

    /// Takes in the rows of all updates so far.
    ///
    /// Errors: the device is lost.
    pub async fn settle(&mut self, host: &mut impl Host) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { .. } => {
                let _ = host;
                Ok(())
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.land(&self.lanes, 0, host).await,
        }
    }

    /// Trainings of reward models that are due before the next update; their weights go to `set_reward_models`.
    ///
    /// Errors: the device is lost.
    pub async fn reward_model_jobs(&self) -> Result<Vec<(LaneId, Job)>, String> {
        match &self.own {
            Own::Cpu { engine, .. } => Ok(engine.reward_model_jobs()),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.reward_model_jobs().await.map_err(in_words),
        }
    }

    /// Uses these weights for a lane's reward models from the next update on.
    ///
    /// Errors: another number of weights than the plan's models have.
    pub fn set_reward_models(&mut self, lane: LaneId, weights: &[f32]) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => engine.set_reward_models(lane, weights),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.set_reward_models(lane, weights).map_err(in_words),
        }
    }

    /// Uses a new reward program for an arm from the next update on; the policies stay.
    ///
    /// Errors: a program that the device refuses; the old one goes on.
    pub async fn set_program(&mut self, arm: usize, program: Program) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => {
                engine.set_program(arm, program);
                Ok(())
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.set_program(arm, program).await.map_err(in_words),
        }
    }

    /// Uses new settings for an arm from the next update on.
    ///
    /// Errors: settings that this run has no room for.
    pub fn set_settings(&mut self, arm: usize, settings: Settings) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => {
                engine.set_settings(arm, settings);
                Ok(())
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.set_settings(arm, settings).map_err(in_words),
        }
    }

    /// Keeps from the next update on what views ask of a lane: its batch, and the parameters that it came from.
    ///
    /// Errors: what the device does not hold.
    pub fn watch(&mut self, lane: LaneId) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => {
                engine.watch(lane);
                Ok(())
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.follow().map_err(in_words),
        }
    }

    /// The batch of a watched lane's last update; None before it.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn watched(&self, lane: LaneId) -> Result<Option<Cow<'_, WatchedBatch>>, String> {
        match &self.own {
            Own::Cpu { engine, .. } => {
                Ok(engine.watched().filter(|(id, _)| *id == lane).map(|(_, batch)| Cow::Borrowed(batch)))
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.kept(lane).await.map(|batch| Some(Cow::Owned(batch))).map_err(in_words),
        }
    }

    /// The batch of the last update of any lane of the watched lane's seed; None before it.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn beside(&self, lane: LaneId) -> Result<Option<Cow<'_, WatchedBatch>>, String> {
        match &self.own {
            Own::Cpu { engine, .. } => Ok(engine.beside(lane).map(Cow::Borrowed)),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.kept(lane).await.map(|batch| Some(Cow::Owned(batch))).map_err(in_words),
        }
    }

    /// Parameters that a watched lane's last samples came from, and those of the reference of its KL; None where they were
    /// not kept.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn followed(&self, lane: LaneId) -> Result<Option<[Cow<'_, [f32]>; 2]>, String> {
        match &self.own {
            Own::Cpu { engine, .. } => {
                Ok(engine.followed().filter(|_| engine.is_watched(lane)).map(|both| both.map(Cow::Borrowed)))
            }
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => {
                let both = gpu.engine.followed(lane).await.map_err(in_words)?;
                Ok(both.map(|both| both.map(Cow::Owned)))
            }
        }
    }

    /// Probabilities [rows][n_actions] of a lane's policy at a probe's inputs; empty for a lane that it has not.
    ///
    /// Errors: the device is lost.
    pub async fn probabilities(&mut self, lane: LaneId, probe: &Probe) -> Result<Vec<f32>, String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => Ok(engine.probabilities(lane, probe)),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.probabilities(lane, probe).await.map_err(in_words),
        }
    }

    /// Everything needed to go on from the last update, on either engine; on the CPU bit for bit.
    ///
    /// Errors: the device is lost.
    pub async fn checkpoint(&self) -> Result<Checkpoint, String> {
        match &self.own {
            Own::Cpu { engine, .. } => Ok(engine.checkpoint()),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.checkpoint().await.map_err(in_words),
        }
    }

    /// Goes on from a checkpoint of either engine.
    ///
    /// Errors: a checkpoint that lacks a lane or is of another policy.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), String> {
        match &mut self.own {
            Own::Cpu { engine, .. } => engine.restore(checkpoint),
            #[cfg(feature = "gpu")]
            Own::Gpu(gpu) => gpu.engine.restore(checkpoint).map_err(in_words),
        }
    }

    /// The WebGPU engine itself, for what only it has: its stages one by one.
    #[cfg(feature = "gpu")]
    pub fn on_device(&mut self) -> Option<&mut GpuEngine> {
        match &mut self.own {
            Own::Cpu { .. } => None,
            Own::Gpu(gpu) => Some(&mut gpu.engine),
        }
    }
}

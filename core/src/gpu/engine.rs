//! The engine itself: buffers and pipelines made once, updates encoded many at a time, rows handed out as they land.

use super::buffers::Buffers;
use super::device::{GpuContext, GpuError};
use super::memory::make_buffers;
use super::network::{BAG_ENTRIES, Layout};
use super::pipelines::{AT_STRIDE, Kernel};
use super::readback::{self, Readback, Rows};
use super::refill::Ring;
use super::setup::{self, MAX_UPDATES};
use super::shape::Shape;
use super::sources::{Parts, Source};
use super::stages::{self, Phase, Stage};
use crate::algorithm::inference::Answer;
use crate::algorithm::settings::Estimator;
use crate::algorithm::shader::{ArmSettings, LaneStats};
use crate::algorithm::{EntropyControl, Settings};
use crate::cpu::{KL_EVERY, LaneId};
use crate::plan::{Plan, PlannedArm};
use crate::reward::Program;
use crate::tasks::Play;
use std::future::Future;
use std::sync::Arc;

/// Words of an entry of the `at` buffer.
const AT_WORDS: usize = 8;
/// Most optimiser steps of an update.
pub(super) const MAX_PASSES: usize = 1024;

/// Trains all lanes on a WebGPU device. The context may serve several engines, one after the other.
pub struct GpuEngine {
    pub plan: Arc<Plan>,
    pub(super) context: GpuContext,
    pub(super) shape: Shape,
    pub(super) layout: Layout,
    pub(super) buffers: Buffers,
    pub(super) stages: Vec<Stage>,
    pub(super) readback: Readback,
    pub(super) lanes: Vec<LaneId>,
    pub(super) arms: Vec<PlannedArm>,
    /// Lanes whose weights the slow loop moves.
    pub(super) moves: Vec<bool>,
    /// The rings of past samples, if an arm has asked for them.
    pub(super) ring: Option<Ring>,
    /// Updates submitted.
    pub(super) update: u32,
    /// Weights of the reward models of all lanes, and the lanes that wait for new ones.
    pub(super) reward_models: Vec<f32>,
    pub(super) due: Vec<LaneId>,
}

impl GpuEngine {
    /// An engine at update 0: makes buffers, compiles the stages and waits for the compiler's verdict. `base` are the
    /// parameters that every lane starts from and the reference of its KL; without it a lane starts from its seed's
    /// initial parameters, which are then its reference.
    ///
    /// Errors: what the device cannot hold or does not take; see `GpuError`.
    pub async fn new(
        context: &GpuContext,
        plan: Arc<Plan>,
        ids: &[LaneId],
        base: Option<&[f32]>,
    ) -> Result<Self, GpuError> {
        Self::with_progress(context, plan, ids, base, |_, _| ()).await
    }

    /// Like `new`; `progress` is told how many stages are compiled, of how many.
    ///
    /// Errors: as `new`.
    pub async fn with_progress(
        context: &GpuContext,
        plan: Arc<Plan>,
        ids: &[LaneId],
        base: Option<&[f32]>,
        progress: impl FnMut(usize, usize),
    ) -> Result<Self, GpuError> {
        let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(setup::refused)?;
        let (shape, layout) = setup::resolve(&plan, policy.as_ref(), ids.len())?;
        let n = shape.params;
        if base.is_some_and(|b| b.len() != n) {
            return Err(GpuError::Unsupported("a base policy of another size".into()));
        }
        let mut params = vec![0.0f32; ids.len() * n];
        for (id, lane) in ids.iter().zip(params.chunks_exact_mut(n)) {
            match base {
                Some(base) => lane.copy_from_slice(base),
                None => policy.init(plan.seed(id.seed), lane),
            }
        }
        let words = match &plan.task.play {
            Play::Steps(play) => play.shader_words(),
            Play::Tokens(play) => play.shader_words(),
        };
        let models = plan.reward_models.as_ref().map_or_else(Vec::new, |m| m.untrained());
        let reward_models = models.repeat(ids.len());
        let counters = plan.exploration.as_ref().map_or(0, |memory| ids.len() * memory.buckets());
        let buffers = make_buffers(context, &shape, &layout, words.len(), reward_models.len(), counters)?;
        buffers.write(context, "reward_models", 0, bytemuck::cast_slice(&reward_models));
        let mut bags = layout.bags.clone();
        bags.resize(BAG_ENTRIES, [0; 4]);
        for (i, job) in layout.jobs().into_iter().enumerate() {
            buffers.write(context, "job", i * AT_STRIDE as usize / 4, bytemuck::cast_slice(&[job, 0, 0, 0]));
        }
        buffers.write(context, "net", 0, bytemuck::cast_slice(&layout.net));
        buffers.write(context, "bags", 0, bytemuck::cast_slice(&bags));
        buffers.write(context, "tiles", 0, bytemuck::cast_slice(&layout.tiles));
        buffers.write(context, "task_words", 0, bytemuck::cast_slice(&words));
        buffers.write(context, "params", 0, bytemuck::cast_slice(&params));
        buffers.write(context, "base_params", 0, bytemuck::cast_slice(&params));

        let mut engine = Self {
            arms: plan.arms.iter().map(PlannedArm::copy).collect(),
            context: context.clone(),
            readback: Readback::new(context, (shape.ring * shape.lanes * shape.columns * 4) as u64),
            shape,
            layout,
            buffers,
            stages: Vec::new(),
            lanes: ids.to_vec(),
            moves: vec![false; ids.len()],
            ring: None,
            update: 0,
            reward_models,
            due: Vec::new(),
            plan,
        };
        let mut sources = engine.parts().stages(&engine.arms.iter().map(|a| &a.program).collect::<Vec<_>>())?;
        sources.extend(engine.missing_outer()?);
        sources.extend(engine.missing_refill()?);
        engine.stages = compile(context, &engine.shape, &engine.layout, &engine.buffers, sources, progress).await?;
        for arm in 0..engine.arms.len() {
            engine.write_arm(arm);
        }
        for lane in 0..engine.lanes.len() {
            let entropy = EntropyControl::new(&engine.arms[engine.lanes[lane].arm].settings);
            engine.write_entropy(lane, 0, &entropy);
            engine.start_weights(lane, &[]);
        }
        context.check()?;
        Ok(engine)
    }

    pub(super) fn parts(&self) -> Parts<'_> {
        Parts {
            shape: &self.shape,
            layout: &self.layout,
            task: self.plan.task.wgsl,
            models: self.plan.reward_models.as_ref(),
            exploration: self.plan.exploration.as_ref(),
            confidence: self.plan.confidence,
            answer: Answer::of(&self.plan.task.schema),
        }
    }

    /// Writes an arm's settings, and beside its lanes the number of its components and whether it combines them itself.
    fn write_arm(&self, arm: usize) {
        let planned = &self.arms[arm];
        let weights: Vec<f32> = planned.program.components.iter().map(|c| c.weight).collect();
        let mut words = Vec::with_capacity(ArmSettings::WORDS);
        ArmSettings::of(&planned.settings, &weights).write(&mut words);
        self.write("settings", arm * ArmSettings::WORDS, &words);
        for (i, id) in self.lanes.iter().enumerate().filter(|(_, id)| id.arm == arm) {
            let combines = u32::from(planned.program.has_combine());
            self.write("lanes", i * 4, &[arm as u32, self.plan.seed(id.seed), weights.len() as u32, combines]);
        }
    }

    /// Places of an arm's lanes.
    fn lanes_of(&self, arm: usize) -> Vec<usize> {
        (0..self.lanes.len()).filter(|l| self.lanes[*l].arm == arm).collect()
    }

    /// Writes the state of a lane's optimiser and entropy bonus.
    pub(super) fn write_entropy(&self, lane: usize, opt_step: u32, entropy: &EntropyControl) {
        let settings = &self.arms[self.lanes[lane].arm].settings;
        let state = [opt_step as f32, entropy.coef, 0.0, 0.0].map(f32::to_bits);
        self.write("opt_state", lane * 4, &state);
        let mut stats = Vec::with_capacity(LaneStats::WORDS);
        let on = f32::from(u8::from(entropy.last <= settings.entropy_target));
        LaneStats { bonus_on: on, bonus_entropy: entropy.last, ..LaneStats::default() }.write(&mut stats);
        self.write("loss_sums", lane * LaneStats::WORDS, &stats);
    }

    /// Uses new settings for an arm from the next submit on.
    ///
    /// Errors: settings that need a value head where the run has none, or buffers that the device does not hold.
    pub fn set_settings(&mut self, arm: usize, settings: Settings) -> Result<(), GpuError> {
        if settings.estimator == Estimator::Gae && !self.shape.critic {
            return Err(GpuError::Unsupported("the estimator gae in a run without a value head".into()));
        }
        let entropy = settings.entropy_coef.to_bits();
        let before = std::mem::replace(&mut self.arms[arm].settings, settings);
        if let Err(error) = self.add_missing() {
            self.arms[arm].settings = before;
            return Err(error);
        }
        self.write_arm(arm);
        for lane in self.lanes_of(arm) {
            self.write("opt_state", lane * 4 + 1, &[entropy]);
            self.forget_past(lane);
            // Weights that moved stay where they are.
            if !self.moves[lane] {
                self.start_weights(lane, &[]);
            }
        }
        Ok(())
    }

    /// Starts to compile a new program for an arm beside the run; `install` puts it to use. The future does not borrow
    /// the engine, so that training goes on meanwhile.
    pub fn prepare(&self, arm: usize, program: Program) -> impl Future<Output = Result<Prepared, GpuError>> + 'static {
        let programs: Vec<&Program> =
            self.arms.iter().enumerate().map(|(i, a)| if i == arm { &program } else { &a.program }).collect();
        let sources = self.parts().programs(&programs);
        let (context, shape, layout) = (self.context.clone(), self.shape.clone(), self.layout.clone());
        let buffers = self.buffers.clone();
        async move {
            let plan = sources.into_iter().map(|s| (Phase::Judge, s)).collect();
            let stages = compile(&context, &shape, &layout, &buffers, plan, |_, _| ()).await?;
            Ok(Prepared { arm, program, stages })
        }
    }

    /// Uses a prepared program from the next submit on; the policies stay.
    pub fn install(&mut self, prepared: Prepared) {
        for new in prepared.stages {
            if let Some(old) = self.stages.iter_mut().find(|s| s.kernel.name == new.kernel.name) {
                *old = new;
            }
        }
        self.arms[prepared.arm].program = prepared.program;
        self.write_arm(prepared.arm);
        // Weights that moved and past samples belong to the program that they were found with.
        for lane in self.lanes_of(prepared.arm) {
            self.start_weights(lane, &[]);
            self.forget_past(lane);
        }
    }

    /// Compiles a new program for an arm and uses it from the next submit on.
    ///
    /// Errors: a program that the device's compiler refuses; the old one goes on.
    pub async fn set_program(&mut self, arm: usize, program: Program) -> Result<(), GpuError> {
        let prepared = self.prepare(arm, program).await?;
        self.install(prepared);
        Ok(())
    }

    /// An arm as it is now, edits included.
    pub fn arm(&self, arm: usize) -> &PlannedArm {
        &self.arms[arm]
    }

    /// The lanes, in the order of rows.
    pub fn lane_ids(&self) -> impl Iterator<Item = LaneId> + '_ {
        self.lanes.iter().copied()
    }

    /// Sizes of the batch.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Updates submitted so far.
    pub fn update_count(&self) -> u32 {
        self.update
    }

    /// Bytes of GPU memory in buffers.
    pub fn bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// Optimiser steps of an update: the most of any arm.
    fn passes(&self) -> (u32, u32) {
        let most = |f: fn(&Settings) -> u32| self.arms.iter().map(|a| f(&a.settings)).max().unwrap_or(1).max(1);
        (most(|s| s.num_iterations), most(|s| s.num_minibatches))
    }

    /// Whether an update looks at the reference policy: always if an arm's algorithm does, else now and then.
    fn looks_back(&self, update: u32) -> bool {
        let needs = |a: &PlannedArm| a.settings.beta > 0.0 || a.settings.kl_in_reward > 0.0;
        update.is_multiple_of(KL_EVERY) || self.arms.iter().any(needs)
    }

    /// Names of the stages, in the order of an update, each once.
    pub fn stage_names(&self) -> Vec<&'static str> {
        let mut names: Vec<&'static str> = Vec::new();
        for stage in &self.stages {
            if !names.contains(&stage.kernel.name) {
                names.push(stage.kernel.name);
            }
        }
        names
    }

    /// Dispatches of an update that looks at the reference policy and takes a step of the slow loop, and of one that does
    /// neither.
    pub fn dispatches(&self) -> (usize, usize) {
        let (epochs, minibatches) = self.passes();
        let count = |phase: Phase| self.stages.iter().filter(|s| s.phase == phase).count();
        let again = (epochs * minibatches) as usize - 1;
        let learn = count(Phase::Backward) + count(Phase::Learn);
        let first = match self.refills() {
            true => count(Phase::Refill) + count(Phase::Again) + count(Phase::Restore),
            false => count(Phase::First),
        };
        let plain = count(Phase::Sample)
            + count(Phase::Judge)
            + first
            + learn
            + again * (count(Phase::Again) + learn)
            + count(Phase::Measure);
        let outer =
            self.outer_passes() as usize * (count(Phase::OuterHalf) + count(Phase::Backward) + count(Phase::OuterStep));
        (plain + count(Phase::Reference) + outer, plain)
    }

    /// Submits whose rows have not been taken in.
    pub fn in_flight(&self) -> usize {
        self.readback.in_flight()
    }

    /// Whether a submit would find a free staging buffer.
    pub fn can_submit(&self) -> bool {
        self.readback.in_flight() < readback::IN_FLIGHT
    }

    /// Encodes up to `updates` updates into one submit and returns how many it took: 0 if too many submits are in flight,
    /// if reward models are to be trained first, or if the run is at its end.
    ///
    /// Errors: the device is lost.
    pub fn submit(&mut self, updates: u32) -> Result<u32, GpuError> {
        self.context.check()?;
        let (epochs, minibatches) = self.passes();
        let passes = epochs * minibatches;
        let entries = 2 + passes + self.outer_passes();
        let most = ((MAX_UPDATES * 8) as u32 / entries).clamp(1, MAX_UPDATES as u32);
        let updates = updates.min(most).min(self.plan.run.updates.saturating_sub(self.update)).min(self.until_due());
        if updates == 0 {
            return Ok(0);
        }
        let Some(staging) = self.readback.take() else { return Ok(0) };
        let mut at = vec![0u32; (updates * entries) as usize * (AT_STRIDE as usize / 4)];
        for k in 0..updates {
            for entry in 0..entries {
                let pass = entry.saturating_sub(2);
                // The slow loop's passes are behind the optimiser's: a component and a half of the batch each.
                let (epoch, minibatch) = match pass.checked_sub(passes) {
                    Some(outer) => (outer / 2, outer % 2),
                    None => (pass / minibatches, pass % minibatches),
                };
                let (first, last) = (entry == 2, entry == 1 + passes);
                let row = [
                    self.update + k,
                    epoch,
                    minibatch,
                    k,
                    u32::from(first),
                    u32::from(last),
                    self.plan.run.updates,
                    u32::from(entry < 2 && self.looks_back(self.update + k)),
                ];
                let start = ((k * entries + entry) as usize) * (AT_STRIDE as usize / 4);
                at[start..start + AT_WORDS].copy_from_slice(&row);
            }
        }
        self.buffers.write(&self.context, "at", 0, bytemuck::cast_slice(&at));
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for k in 0..updates {
                self.encode_update(&mut pass, k * entries, self.update + k);
            }
        }
        let words = updates as usize * self.shape.lanes * self.shape.columns;
        if let Some(ring) = self.buffers.get("ring") {
            encoder.copy_buffer_to_buffer(ring, 0, &staging, 0, words as u64 * 4);
        }
        let submission = self.context.queue.submit([encoder.finish()]);
        self.readback.fly(staging, submission, self.update, updates, words);
        self.update += updates;
        self.find_due();
        self.context.pump()?;
        Ok(updates)
    }

    fn encode_update(&self, pass: &mut wgpu::ComputePass<'_>, base: u32, update: u32) {
        let (epochs, minibatches) = self.passes();
        let end = 2 + epochs * minibatches;
        let mut run = |phase: Phase, entry: u32| {
            for stage in self.stages.iter().filter(|s| s.phase == phase) {
                stage.kernel.encode(pass, base + entry, stage.grid);
            }
        };
        run(Phase::Sample, 0);
        if self.looks_back(update) {
            run(Phase::Reference, 1);
        }
        run(Phase::Judge, 0);
        if self.outer_is_due(update) {
            for entry in end..end + self.outer_passes() {
                run(Phase::OuterHalf, entry);
                run(Phase::Backward, entry);
                run(Phase::OuterStep, entry);
            }
        }
        let refills = self.refills();
        if refills {
            run(Phase::Refill, 0);
        }
        for entry in 2..end {
            // With past samples in it, the batch is not what the policy has just seen.
            run(if entry == 2 && !refills { Phase::First } else { Phase::Again }, entry);
            run(Phase::Backward, entry);
            run(Phase::Learn, entry);
        }
        if refills {
            run(Phase::Restore, 0);
        }
        run(Phase::Measure, 0);
    }

    /// The rows of the oldest submit if they have landed, without waiting.
    ///
    /// Errors: the device is lost.
    pub fn poll_rows(&mut self) -> Result<Option<Rows>, GpuError> {
        self.context.pump()?;
        self.context.check()?;
        self.readback.poll()
    }

    /// Waits for the rows of the oldest submit; None if nothing is in flight.
    ///
    /// Errors: the device is lost.
    pub async fn next_rows(&mut self) -> Result<Option<Rows>, GpuError> {
        let rows = self.readback.next(&self.context).await;
        self.context.check()?;
        rows
    }

    /// Reads words of a buffer by its name in `shaders/README.md`.
    ///
    /// Errors: no such buffer or range, or the device is lost.
    pub async fn read(&self, name: &str, at: usize, words: usize) -> Result<Vec<u32>, GpuError> {
        let buffer = self.buffer(name, at, words)?;
        let parts = readback::read_buffers(&self.context, &[(buffer, at, words)]).await?;
        Ok(parts.into_iter().flatten().collect())
    }

    /// A buffer that has these words.
    pub(super) fn buffer(&self, name: &str, at: usize, words: usize) -> Result<&wgpu::Buffer, GpuError> {
        let found = self.buffers.get(name).filter(|b| (at + words) as u64 * 4 <= b.size());
        found.ok_or_else(|| GpuError::Read(format!("there are no words {at}..{} in \"{name}\"", at + words)))
    }

    /// Overwrites words of a buffer by its name, before the next dispatch.
    pub fn write(&self, name: &str, at: usize, words: &[u32]) {
        self.buffers.write(&self.context, name, at, bytemuck::cast_slice(words));
    }

    /// Runs the stages of that name alone, or all whose names begin with it (`backward`), as the first optimiser step of
    /// update `update` would.
    ///
    /// Errors: the device is lost.
    pub fn run_stage(&mut self, name: &str, update: u32) -> Result<(), GpuError> {
        let reference = u32::from(name == "reference");
        let row = [update, 0, 0, 0, 1, 1, self.plan.run.updates, reference];
        self.buffers.write(&self.context, "at", 0, bytemuck::cast_slice(&row));
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let is_meant =
                |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
            for stage in self.stages.iter().filter(|s| is_meant(s.kernel.name)) {
                stage.kernel.encode(&mut pass, 0, stage.grid);
            }
        }
        self.context.queue.submit([encoder.finish()]);
        self.context.check()
    }
}

impl Drop for GpuEngine {
    /// Frees the memory now; in a browser it would else wait for the garbage collector.
    fn drop(&mut self) {
        self.buffers.destroy();
    }
}

/// A program that was compiled beside the run.
pub struct Prepared {
    arm: usize,
    program: Program,
    stages: Vec<Stage>,
}

async fn compile(
    context: &GpuContext,
    shape: &Shape,
    layout: &Layout,
    buffers: &Buffers,
    plan: Vec<(Phase, Source)>,
    progress: impl FnMut(usize, usize),
) -> Result<Vec<Stage>, GpuError> {
    let sources: Vec<Source> = plan.iter().map(|(_, s)| s.clone()).collect();
    let kernels = Kernel::all(context, &sources, buffers, progress).await.map_err(|e| context.cause(e))?;
    let mut stages = Vec::with_capacity(kernels.len());
    for ((phase, source), kernel) in plan.into_iter().zip(kernels) {
        let grid = stages::grid(&source, shape, layout);
        stages::check_grid(source.name, grid, context.limits.max_compute_workgroups_per_dimension)?;
        stages.push(Stage { kernel, phase, grid });
    }
    Ok(stages)
}

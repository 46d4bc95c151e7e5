//! The engine itself: buffers and pipelines made once, updates encoded many at a time, rows handed out as they land.

use super::buffers::Buffers;
use super::device::{GpuContext, GpuError};
use super::network::{BAG_ENTRIES, Layout, NET_ENTRIES};
use super::pipelines::{AT_STRIDE, Kernel};
use super::readback::{self, Readback, Rows};
use super::setup::{Lane, MAX_UPDATES, Setup};
use super::shape::Shape;
use super::sources::{Parts, Source};
use super::stages::{self, Phase, Stage};
use crate::algorithm::Settings;
use crate::tasks::Play;

/// Words of an entry of the `at` buffer.
const AT_WORDS: usize = 8;
/// Most optimiser steps of an update.
const MAX_PASSES: usize = 1024;

/// Trains all lanes on a WebGPU device.
pub struct GpuEngine {
    pub(super) context: GpuContext,
    pub(super) shape: Shape,
    pub(super) layout: Layout,
    pub(super) buffers: Buffers,
    pub(super) stages: Vec<Stage>,
    pub(super) readback: Readback,
    pub(super) lanes: Vec<Lane>,
    pub(super) settings: Vec<Settings>,
    pub(super) update: u32,
    pub(super) updates: u32,
}

impl GpuEngine {
    /// Makes buffers, compiles the stages and waits for the compiler's verdict.
    ///
    /// Errors: what the device cannot hold or does not take; see `GpuError`.
    pub async fn new(context: &GpuContext, setup: &Setup<'_>) -> Result<Self, GpuError> {
        let (shape, layout) = setup.resolve()?;
        let words = match &setup.task.play {
            Play::Steps(play) => play.shader_words(),
            Play::Tokens(play) => play.shader_words(),
        };
        let buffers = make_buffers(context, &shape, &layout, words.len())?;
        let lanes: Vec<[u32; 4]> = setup.lanes.iter().map(|l| [l.arm, l.seed, 0, 0]).collect();
        let mut bags = layout.bags.clone();
        bags.resize(BAG_ENTRIES, [0; 4]);
        buffers.write(context, "lanes", 0, bytemuck::cast_slice(&lanes));
        buffers.write(context, "net", 0, bytemuck::cast_slice(&layout.net));
        buffers.write(context, "bags", 0, bytemuck::cast_slice(&bags));
        buffers.write(context, "tiles", 0, bytemuck::cast_slice(&layout.tiles));
        buffers.write(context, "task_words", 0, bytemuck::cast_slice(&words));
        buffers.write(context, "params", 0, bytemuck::cast_slice(&setup.params));
        buffers.write(context, "base_params", 0, bytemuck::cast_slice(&setup.base));

        let parts = Parts { shape: &shape, layout: &layout, task: setup.task.wgsl };
        let mut plan: Vec<(Phase, Source)> = vec![
            (Phase::Sample, parts.rollout()),
            (Phase::Reference, parts.forward(true)),
            (Phase::Again, parts.forward(false)),
        ];
        plan.extend(parts.backward().into_iter().map(|s| (Phase::Learn, s)));
        let mut stages = Vec::new();
        let sources: Vec<Source> = plan.iter().map(|(_, s)| s.clone()).collect();
        let kernels = Kernel::all(context, &sources, &buffers).await?;
        for ((phase, source), kernel) in plan.into_iter().zip(kernels) {
            let grid = stages::grid(source.name, &shape, &layout);
            stages::check_grid(source.name, grid, context.limits.max_compute_workgroups_per_dimension)?;
            stages.push(Stage { kernel, phase, grid });
        }
        let bytes = (shape.ring * shape.lanes * shape.columns * 4) as u64;
        context.check()?;
        Ok(Self {
            context: context.clone(),
            readback: Readback::new(context, bytes),
            shape,
            layout,
            buffers,
            stages,
            lanes: setup.lanes.clone(),
            settings: setup.settings.clone(),
            update: 0,
            updates: setup.updates,
        })
    }

    /// Sizes of the batch.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Updates submitted so far.
    pub fn update(&self) -> u32 {
        self.update
    }

    /// Bytes of GPU memory in buffers.
    pub fn bytes(&self) -> u64 {
        self.buffers.bytes()
    }

    /// Optimiser steps of an update: the most of any arm.
    fn passes(&self) -> (u32, u32) {
        let most = |f: fn(&Settings) -> u32| self.settings.iter().map(f).max().unwrap_or(1).max(1);
        (most(|s| s.num_iterations), most(|s| s.num_minibatches))
    }

    fn needs_reference(&self) -> bool {
        self.settings.iter().any(|s| s.beta > 0.0 || s.kl_in_reward > 0.0)
    }

    /// Whether a submit would find a free staging buffer.
    pub fn can_submit(&self) -> bool {
        self.readback.in_flight() < readback::IN_FLIGHT
    }

    /// Encodes up to `updates` updates into one submit and returns how many it took: 0 if too many submits are in flight
    /// or the run is at its end.
    ///
    /// Errors: the device is lost.
    pub fn submit(&mut self, updates: u32) -> Result<u32, GpuError> {
        self.context.check()?;
        let (epochs, minibatches) = self.passes();
        let entries = 2 + epochs * minibatches;
        let most = ((MAX_UPDATES * 8) as u32 / entries).clamp(1, MAX_UPDATES as u32);
        let updates = updates.min(most).min(self.updates.saturating_sub(self.update));
        if updates == 0 {
            return Ok(0);
        }
        let Some(staging) = self.readback.take() else { return Ok(0) };
        let mut at = vec![0u32; (updates * entries) as usize * (AT_STRIDE as usize / 4)];
        for k in 0..updates {
            for entry in 0..entries {
                let pass = entry.saturating_sub(2);
                let (epoch, minibatch) = (pass / minibatches, pass % minibatches);
                let (first, last) = (entry == 2, entry + 1 == entries);
                let row = [
                    self.update + k,
                    epoch,
                    minibatch,
                    k,
                    u32::from(first),
                    u32::from(last),
                    self.updates,
                    u32::from(entry == 1),
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
                self.encode_update(&mut pass, k * entries, entries);
            }
        }
        let words = updates as usize * self.shape.lanes * self.shape.columns;
        if let Some(ring) = self.buffers.get("ring") {
            encoder.copy_buffer_to_buffer(ring, 0, &staging, 0, words as u64 * 4);
        }
        self.context.queue.submit([encoder.finish()]);
        self.readback.fly(staging, self.update, updates, words);
        self.update += updates;
        self.context.pump(false)?;
        Ok(updates)
    }

    fn encode_update(&self, pass: &mut wgpu::ComputePass<'_>, base: u32, entries: u32) {
        let mut run = |phase: Phase, entry: u32| {
            for stage in self.stages.iter().filter(|s| s.phase == phase) {
                stage.kernel.encode(pass, base + entry, stage.grid);
            }
        };
        run(Phase::Sample, 0);
        if self.needs_reference() {
            run(Phase::Reference, 1);
        }
        run(Phase::Judge, 0);
        for entry in 2..entries {
            if entry > 2 {
                run(Phase::Again, entry);
            }
            run(Phase::Learn, entry);
        }
        run(Phase::Measure, 0);
    }

    /// The rows of the oldest submit if they have landed, without waiting.
    ///
    /// Errors: the device is lost.
    pub fn poll_rows(&mut self) -> Result<Option<Rows>, GpuError> {
        self.context.pump(false)?;
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
        let Some(buffer) = self.buffers.get(name).filter(|b| (at + words) as u64 * 4 <= b.size()) else {
            return Err(GpuError::Read(format!("there are no words {at}..{} in \"{name}\"", at + words)));
        };
        readback::read_buffer(&self.context, buffer, at, words).await
    }

    /// Overwrites words of a buffer by its name, before the next dispatch.
    pub fn write(&self, name: &str, at: usize, words: &[u32]) {
        self.buffers.write(&self.context, name, at, bytemuck::cast_slice(words));
    }

    /// Runs the stages of that name alone, as the first optimiser step of update `update` would.
    ///
    /// Errors: the device is lost.
    pub fn run_stage(&mut self, name: &str, update: u32) -> Result<(), GpuError> {
        let reference = u32::from(name == "reference");
        let row = [update, 0, 0, 0, 1, 1, self.updates, reference];
        self.buffers.write(&self.context, "at", 0, bytemuck::cast_slice(&row));
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for stage in self.stages.iter().filter(|s| s.kernel.name == name) {
                stage.kernel.encode(&mut pass, 0, stage.grid);
            }
        }
        self.context.queue.submit([encoder.finish()]);
        self.context.check()
    }
}

fn make_buffers(context: &GpuContext, shape: &Shape, layout: &Layout, words: usize) -> Result<Buffers, GpuError> {
    let mut buffers = Buffers::new();
    let lanes = shape.lanes;
    let (samples, rows) = (lanes * shape.samples(), lanes * shape.rows());
    let at_bytes = AT_STRIDE * (MAX_UPDATES * 8).max(2 + MAX_PASSES) as u64;
    buffers.uniform(context, "at", at_bytes, AT_STRIDE)?;
    for (name, entries) in [("lanes", lanes), ("net", NET_ENTRIES), ("bags", BAG_ENTRIES)] {
        buffers.uniform(context, name, entries as u64 * 16, entries as u64 * 16)?;
    }
    for (name, words) in [
        ("params", lanes * shape.params),
        ("base_params", lanes * shape.params),
        ("opt_m", lanes * shape.params),
        ("opt_v", lanes * shape.params),
        ("grads", lanes * shape.params),
        ("opt_state", lanes * 4),
        ("task_words", words),
        ("records", samples * shape.record),
        ("inputs", rows * shape.active),
        ("actions", rows),
        ("samples", samples * 4),
        ("policy_old", rows * 4),
        ("policy_new", rows * 4),
        ("acts", rows * layout.hidden),
        ("deltas", rows * layout.delta),
        ("components", samples * shape.components),
        ("step_components", rows * shape.step_components),
        ("rewards", samples * 4),
        ("step_rewards", rows),
        ("advantages", rows * 2),
        ("coefs", rows * 4),
        ("loss_sums", lanes * 16),
        ("tiles", layout.tiles.len() * 4),
        ("ring", shape.ring * lanes * shape.columns),
    ] {
        buffers.storage(context, name, words)?;
    }
    Ok(buffers)
}

//! What an update dispatches, in which order, and how many updates go into one submit.

use super::engine::GpuEngine;
use super::stage::Stage;
use crate::algorithm::Settings;
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::memory::{self, Rows};
use crate::engine::gpu::text::{AT_STRIDE, MAX_UPDATES, When};
use crate::engine::update::{Order, Phase};
use crate::layout::At;
use std::ops::Range;

impl GpuEngine {
    /// What an update does: what any arm needs.
    fn order(&self, update: u32) -> Order {
        Order::of(self.settings(), update)
    }

    fn settings(&self) -> impl Iterator<Item = &Settings> {
        self.arms.iter().map(|arm| &arm.settings)
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

    /// What an update dispatches, in its order, each with the entry of the `at` buffer that it reads: 0 for the whole batch,
    /// 1 for the reference, from 2 on one for each optimiser step, behind them one for each gradient of the slow loop.
    fn dispatched(&self, order: Order) -> Vec<(When, u32)> {
        let end = 2 + order.iterations * order.minibatches;
        let refills = self.refills();
        let mut list = Vec::new();
        for phase in order.phases() {
            match phase {
                Phase::Sample => list.push((When::Sample, 0)),
                Phase::Reference => list.push((When::Reference, 1)),
                Phase::Judge => list.push((When::Judge, 0)),
                Phase::MoveWeights => {
                    for entry in end..end + self.outer_passes() {
                        list.extend([When::OuterHalf, When::Backward, When::OuterStep].map(|when| (when, entry)));
                    }
                }
                Phase::Select => list.extend(refills.then_some((When::Select, 0))),
                Phase::Learn { iteration, minibatch } => {
                    let entry = 2 + iteration * order.minibatches + minibatch;
                    // With past samples in it, the batch is not what the policy has just seen.
                    let forward = if entry == 2 && !refills { When::First } else { When::Again };
                    list.extend([forward, When::Backward, When::Learn].map(|when| (when, entry)));
                }
                Phase::Restore => list.extend(refills.then_some((When::Restore, 0))),
                Phase::Measure => list.push((When::Measure, 0)),
            }
        }
        list
    }

    /// The stages of a moment, in their order.
    fn stages_at(&self, when: When) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(move |stage| stage.when == when)
    }

    /// Dispatches of an update that looks at the reference policy and takes a step of the slow loop, and of one that does
    /// neither.
    pub fn dispatches(&self) -> (usize, usize) {
        let order = self.order(0);
        let count = |also: bool| {
            let order = Order { looks_back: also, moves_weights: also, ..order };
            self.dispatched(order).iter().map(|(when, _)| self.stages_at(*when).count()).sum()
        };
        (count(true), count(false))
    }

    /// Submits whose rows have not been taken in.
    pub fn in_flight(&self) -> usize {
        self.readback.in_flight()
    }

    /// Whether a submit would find a free staging buffer.
    pub fn can_submit(&self) -> bool {
        self.readback.in_flight() < memory::IN_FLIGHT
    }

    /// Encodes up to `updates` updates into one submit and returns how many it took: 0 if too many submits are in flight,
    /// if reward models are to be trained first, or if the run is at its end.
    ///
    /// Errors: the device is lost.
    pub fn submit(&mut self, updates: u32) -> Result<u32, GpuError> {
        self.context.check()?;
        let Order { iterations, minibatches, .. } = self.order(self.update);
        let passes = iterations * minibatches;
        let entries = 2 + passes + self.outer_passes();
        let most = ((MAX_UPDATES * 8) as u32 / entries).clamp(1, MAX_UPDATES as u32);
        let updates = updates.min(most).min(self.plan.run.updates.saturating_sub(self.update)).min(self.until_due());
        if updates == 0 {
            return Ok(0);
        }
        let Some(staging) = self.readback.take() else { return Ok(0) };
        let mut at = Vec::with_capacity((updates * entries) as usize * (AT_STRIDE as usize / 4));
        for k in 0..updates {
            for entry in 0..entries {
                let pass = entry.saturating_sub(2);
                // The slow loop's passes are behind the optimiser's: a component and a half of the batch each.
                let (epoch, minibatch) = match pass.checked_sub(passes) {
                    Some(outer) => (outer / 2, outer % 2),
                    None => (pass / minibatches, pass % minibatches),
                };
                let own = At {
                    update: self.update + k,
                    epoch,
                    minibatch,
                    slot: k,
                    first: u32::from(entry == 2),
                    last: u32::from(entry == 1 + passes),
                    updates: self.plan.run.updates,
                    reference: u32::from(entry < 2 && self.order(self.update + k).looks_back),
                };
                own.write(&mut at);
                at.resize(at.len().next_multiple_of(AT_STRIDE as usize / 4), 0);
            }
        }
        self.write("at", 0, &at)?;
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let encode = |encoder: &mut wgpu::CommandEncoder, some: Range<u32>| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            some.for_each(|k| self.encode_update(&mut pass, k * entries, self.update + k));
        };
        if self.follows {
            let (from, to) = (self.buffers.get("params")?, self.buffers.get("params_before")?);
            let last = updates - 1;
            if last > 0 {
                encode(&mut encoder, 0..last);
            }
            encoder.copy_buffer_to_buffer(from, 0, to, 0, from.size());
            encode(&mut encoder, last..updates);
            self.kept_before = Some(self.update + last);
        } else {
            encode(&mut encoder, 0..updates);
        }
        let words = updates as usize * self.sizes.lanes * self.sizes.columns;
        encoder.copy_buffer_to_buffer(self.buffers.get("ring")?, 0, &staging, 0, words as u64 * 4);
        let submission = self.context.queue.submit([encoder.finish()]);
        self.readback.fly(staging, submission, self.update, updates, words);
        self.update += updates;
        self.find_due();
        self.context.pump()?;
        Ok(updates)
    }

    fn encode_update(&self, pass: &mut wgpu::ComputePass<'_>, base: u32, update: u32) {
        for (when, entry) in self.dispatched(self.order(update)) {
            self.stages_at(when).for_each(|stage| stage.kernel.encode(pass, base + entry, stage.grid));
        }
    }

    /// Waits for the rows of the oldest submit; None if nothing is in flight.
    ///
    /// Errors: the device is lost.
    pub async fn next_rows(&mut self) -> Result<Option<Rows>, GpuError> {
        let rows = self.readback.next(&self.context).await;
        self.context.check()?;
        rows
    }

    /// Runs the stages of that name alone, or all whose names begin with it (`backward`), as the first optimiser step of
    /// update `update` would.
    ///
    /// Errors: no such stage, or the device is lost.
    pub fn run_stage(&mut self, name: &str, update: u32) -> Result<(), GpuError> {
        let is_meant = |own: &str| own.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        if !self.stages.iter().any(|stage| is_meant(stage.kernel.name)) {
            return Err(GpuError::Unsupported(format!("a stage \"{name}\" in this run")));
        }
        let mut words = Vec::with_capacity(At::WORDS);
        let reference = u32::from(name == "reference");
        At { update, first: 1, last: 1, updates: self.plan.run.updates, reference, ..At::default() }.write(&mut words);
        self.write("at", 0, &words)?;
        let mut encoder = self.context.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            for stage in self.stages.iter().filter(|s| is_meant(s.kernel.name)) {
                stage.kernel.encode(&mut pass, 0, stage.grid);
            }
        }
        self.context.queue.submit([encoder.finish()]);
        self.context.check()
    }
}

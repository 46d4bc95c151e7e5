//! What an update dispatches, in which order, and how many updates go into one submit.

use super::device::GpuError;
use super::engine::GpuEngine;
use super::pipelines::AT_STRIDE;
use super::readback::{self, Rows};
use super::setup::MAX_UPDATES;
use super::stages::{Phase, Stage};
use crate::algorithm::Settings;
use crate::engine::cpu::KL_EVERY;
use crate::plan::PlannedArm;
use std::ops::Range;

/// Words of an entry of the `at` buffer.
const AT_WORDS: usize = 8;

impl GpuEngine {
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

    /// The phases of an update in their order, each with the entry of the `at` buffer that it reads: 0 for the whole batch,
    /// 1 for the reference, from 2 on one for each optimiser step, behind them one for each gradient of the slow loop.
    fn order(&self, looks_back: bool, moves_weights: bool) -> Vec<(Phase, u32)> {
        let (epochs, minibatches) = self.passes();
        let end = 2 + epochs * minibatches;
        let refills = self.refills();
        let mut order = vec![(Phase::Sample, 0)];
        order.extend(looks_back.then_some((Phase::Reference, 1)));
        order.push((Phase::Judge, 0));
        if moves_weights {
            for entry in end..end + self.outer_passes() {
                order.extend([Phase::OuterHalf, Phase::Backward, Phase::OuterStep].map(|phase| (phase, entry)));
            }
        }
        order.extend(refills.then_some((Phase::Refill, 0)));
        for entry in 2..end {
            // With past samples in it, the batch is not what the policy has just seen.
            let forward = if entry == 2 && !refills { Phase::First } else { Phase::Again };
            order.extend([forward, Phase::Backward, Phase::Learn].map(|phase| (phase, entry)));
        }
        order.extend(refills.then_some((Phase::Restore, 0)));
        order.push((Phase::Measure, 0));
        order
    }

    /// The stages of a phase, in their order.
    fn stages_of(&self, phase: Phase) -> impl Iterator<Item = &Stage> {
        self.stages.iter().filter(move |stage| stage.phase == phase)
    }

    /// Dispatches of an update that looks at the reference policy and takes a step of the slow loop, and of one that does
    /// neither.
    pub fn dispatches(&self) -> (usize, usize) {
        let count = |also: bool| self.order(also, also).iter().map(|(phase, _)| self.stages_of(*phase).count()).sum();
        (count(true), count(false))
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
        let encode = |encoder: &mut wgpu::CommandEncoder, some: Range<u32>| {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            some.for_each(|k| self.encode_update(&mut pass, k * entries, self.update + k));
        };
        if let (true, Some(from), Some(to)) =
            (self.follows, self.buffers.get("params"), self.buffers.get("params_before"))
        {
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
        for (phase, entry) in self.order(self.looks_back(update), self.outer_is_due(update)) {
            self.stages_of(phase).for_each(|stage| stage.kernel.encode(pass, base + entry, stage.grid));
        }
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

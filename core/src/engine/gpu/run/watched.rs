//! What the views ask about a lane: its last batch, its parameters, its policy.

use super::engine::GpuEngine;
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::memory::{floats, or_nan};
use crate::engine::gpu::text::{Network, refused};
use crate::engine::probe::{self, Probe};
use crate::engine::{LaneId, WatchedBatch};
use crate::reward::decode_mark;

impl GpuEngine {
    /// The buffers of a lane's last update, for the group anatomy.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn kept(&self, lane: LaneId) -> Result<WatchedBatch, GpuError> {
        let l = self.lane_index(lane)?;
        let (n, steps, sizes) = (self.sizes.samples(), self.sizes.steps, &self.sizes);
        let (taken, width) = match self.layout.network {
            Network::Transformer { context, .. } => ("tokens", context),
            _ => ("actions", steps),
        };
        let each = |name, words: usize| (name, l * n * words, n * words);
        let ranges = [
            each("records", sizes.record),
            each("samples", 4),
            each("rewards", 4),
            each("advantages", steps * 2),
            each("components", sizes.components),
            each(taken, width),
        ];
        let read = self.read_all(&ranges).await?;
        let (samples, rewards, advantages) = (floats(&read[1]), floats(&read[2]), floats(&read[3]));
        let own = self.arms[lane.arm].program.components.len().min(sizes.components);
        let component = |i: usize| f32::from_bits(read[4][(i % n) * sizes.components + i / n]);
        let row = |i: usize| &read[5][i * width..(i + 1) * width];
        let prompts = (0..sizes.groups).flat_map(|g| row(g * sizes.group)[..sizes.prompt_len].iter().copied());
        Ok(WatchedBatch {
            records: floats(&read[0]),
            lengths: (0..n).map(|i| (samples[i * 4] as u32).min(steps as u32)).collect(),
            truncated: (0..n).map(|i| u8::from(samples[i * 4 + 1] != 0.0)).collect(),
            true_scores: (0..n).map(|i| samples[i * 4 + 2]).collect(),
            actions: (0..n).flat_map(|i| row(i)[sizes.prompt_len..].iter().copied()).collect(),
            prompts: prompts.collect(),
            advantages: advantages.chunks_exact(2).map(|a| or_nan(a[0])).map(or_zero).collect(),
            rewards: (0..n).map(|i| or_nan(rewards[i * 4 + 3])).collect(),
            components: (0..own * n).map(|i| decode_mark(component(i)).0).collect(),
            errors: (0..n).map(|i| (rewards[i * 4 + 2] as u32) << 16 | rewards[i * 4 + 1] as u32).collect(),
        })
    }

    /// Keeps from the next submit on, before its last update, the parameters that the samples of that update come from.
    ///
    /// Errors: larger than the device binds.
    pub fn follow(&mut self) -> Result<(), GpuError> {
        if !self.follows {
            self.buffers.storage(&self.context, "params_before", self.sizes.lanes * self.sizes.params)?;
            self.follows = true;
        }
        Ok(())
    }

    /// Parameters that a lane's last samples came from, and those of the reference of its KL; None where they were not
    /// kept.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn followed(&self, lane: LaneId) -> Result<Option<[Vec<f32>; 2]>, GpuError> {
        if self.kept_before.is_none_or(|update| update + 1 != self.update) {
            return Ok(None);
        }
        let (l, n) = (self.lane_index(lane)?, self.sizes.params);
        let read = self.read_all(&[("params_before", l * n, n), ("base_params", l * n, n)]).await?;
        Ok(Some([floats(&read[0]), floats(&read[1])]))
    }

    /// Probabilities [rows][n_actions] of a lane's policy for some inputs of a step task, prior included.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn probabilities(&self, lane: LaneId, probe: &Probe) -> Result<Vec<f32>, GpuError> {
        let l = self.lane_index(lane)?;
        let n = self.sizes.params;
        let params = floats(&self.read("params", l * n, n).await?);
        let mut policy = self.plan.policy.build(&self.plan.policy_params, &self.plan.interface).map_err(refused)?;
        Ok(probe::probabilities(policy.as_mut(), &params, probe, self.sizes.actions))
    }
}

fn or_zero(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x }
}

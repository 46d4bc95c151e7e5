//! Learned reward models on the device: their weights, and what their training needs.

use super::engine::GpuEngine;
use crate::engine::gpu::device::GpuError;
use crate::engine::{LaneId, Written};
use crate::reward_models::{Answers, Job};

impl GpuEngine {
    /// Lanes whose reward models are to be trained before the next submit, which takes nothing until they are.
    pub(super) fn find_due(&mut self) {
        let Some(models) = &self.plan.reward_models else { return };
        let due = |id: &LaneId| models.is_due(&self.arms[id.arm].settings, self.update, self.plan.run.updates);
        self.due = self.lanes.iter().copied().filter(due).collect();
    }

    /// Updates that may be submitted before a training is due.
    pub(super) fn until_due(&self) -> u32 {
        if self.plan.reward_models.is_none() {
            return u32::MAX;
        }
        if !self.due.is_empty() {
            return 0;
        }
        let every = self.arms.iter().map(|arm| arm.settings.rm_every).filter(|n| *n > 0);
        every.map(|n| n - self.update % n).min().unwrap_or(u32::MAX)
    }

    /// Trainings that are due before the next submit, which takes nothing until their weights are there: they go to
    /// `set_reward_models`. Waits for all work before.
    ///
    /// Errors: the device is lost.
    pub async fn reward_model_jobs(&self) -> Result<Vec<(LaneId, Job)>, GpuError> {
        let Some(models) = &self.plan.reward_models else { return Ok(Vec::new()) };
        let n = self.sizes.samples();
        let mut jobs = Vec::new();
        for id in &self.due {
            let l = self.lane_index(*id)?;
            let kept = self.kept(*id).await?;
            let (settings, seed) = (&self.arms[id.arm].settings, self.plan.seed(id.seed));
            let (actions, lengths, width) = (&kept.actions, &kept.lengths, kept.actions.len() / n.max(1));
            let written = Written { seed, update: self.update.saturating_sub(1), actions, width, lengths };
            let plan = self.plan.of_seed(id.seed);
            let answers = Answers::of_update(&plan, models, settings, &kept.records, &kept.true_scores, &written);
            jobs.push((*id, Job::again(models, settings, answers, self.weights_of(l), seed, self.update)));
        }
        Ok(jobs)
    }

    /// Weights of the reward models of the l-th lane; empty without.
    pub(super) fn weights_of(&self, l: usize) -> &[f32] {
        let n = self.reward_models.len() / self.lanes.len().max(1);
        &self.reward_models[l * n..(l + 1) * n]
    }

    /// Uses these weights [count][ModelShape::n_params()] for a lane's reward models from the next submit on.
    ///
    /// Errors: no such lane, or another number of weights than the plan's models have.
    pub fn set_reward_models(&mut self, lane: LaneId, weights: &[f32]) -> Result<(), GpuError> {
        let l = self.lane_index(lane)?;
        let n = self.weights_of(l).len();
        if n != weights.len() {
            let got = weights.len();
            return Err(GpuError::Unsupported(format!("reward models with {got} weights where {n} are wanted")));
        }
        self.reward_models[l * n..(l + 1) * n].copy_from_slice(weights);
        self.buffers.write(&self.context, "reward_models", l * n, weights)?;
        self.due.retain(|due| *due != lane);
        Ok(())
    }
}

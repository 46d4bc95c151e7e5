//! Learned reward models on the device: the constants of their shaders, their weights, and what their training needs.

use super::device::GpuError;
use super::engine::GpuEngine;
use crate::engine::cpu::LaneId;
use crate::reward_models::{Answers, Encoder, FreshPairs, Job, Objective, RewardModels, Written};
use std::fmt::Write as _;

/// Constants of the stages `appraise` and `calibrate`.
pub(super) fn constants(models: &RewardModels) -> String {
    let shape = &models.shape;
    let sequence = shape.encoder == Encoder::Sequence;
    let objective = models.params.objective;
    let widest = shape.layers.iter().copied().max().unwrap_or(1).max(shape.embedding);
    let mut text = String::new();
    for (name, value) in [
        ("COUNT", models.count()),
        ("WEIGHTS", shape.n_params()),
        ("MEAN", models.rm),
        ("SCORES", models.rms),
        ("WIDTH", shape.width),
        ("WIDEST", widest),
        ("SEQUENCE", usize::from(sequence)),
        // An mlp has neither; the text that it does not run must hold no division by 0.
        ("VOCABULARY", shape.vocabulary.max(1)),
        ("EMBEDDING", shape.embedding.max(1)),
        ("FIELDS", shape.fields.len()),
        ("DEPTH", shape.layers.len() - 1),
        ("PAIRWISE", usize::from(objective.is_pairwise())),
        ("CLASSIFIES", usize::from(objective == Objective::Classification)),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "const RM_{name}: u32 = {value}u;");
    }
    let fields = |f: fn(&crate::reward_models::Field) -> usize| shape.fields.iter().map(f).collect::<Vec<_>>();
    for (name, values) in [
        ("OFFSETS", fields(|f| f.offset)),
        ("CAPS", fields(|f| f.cap)),
        ("LISTS", fields(|f| usize::from(f.list))),
        ("LAYERS", shape.layers.clone()),
    ] {
        let list: Vec<String> = values.iter().map(|v| format!("{v}u")).collect();
        let _ = writeln!(text, "const RM_{name} = array<u32, {}>({});", values.len(), list.join(", "));
    }
    text
}

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
        let (n, stride) = (self.shape.samples(), self.shape.record);
        let mut jobs = Vec::new();
        for id in &self.due {
            let l = self.lane_index(*id)?;
            let kept = self.kept(*id).await?;
            let mut answers = Answers::new(models, self.shape.group);
            answers.add(models, &kept.records, stride, &kept.true_scores);
            let (settings, seed) = (&self.arms[id.arm].settings, self.plan.seed(id.seed));
            if settings.rm_fresh_pairs == FreshPairs::Corrupted {
                let (actions, lengths, width) = (&kept.actions, &kept.lengths, kept.actions.len() / n.max(1));
                let written = Written { seed, update: self.update.saturating_sub(1), actions, width, lengths };
                answers.corrupt(&self.plan.of_seed(id.seed), models, &written);
            }
            jobs.push((*id, Job::again(models, settings, answers, self.weights_of(l), seed, self.update)));
        }
        Ok(jobs)
    }

    /// Weights of the reward models of the l-th lane; empty without.
    pub(super) fn weights_of(&self, l: usize) -> &[f32] {
        let n = self.reward_models.len() / self.lanes.len().max(1);
        &self.reward_models[l * n..(l + 1) * n]
    }

    /// Uses these weights [count][Shape::n_params()] for a lane's reward models from the next submit on.
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
        self.write("reward_models", l * n, bytemuck::cast_slice(weights));
        self.due.retain(|due| *due != lane);
        Ok(())
    }
}

//! Checkpoints of the WebGPU engine: either engine goes on from them.

use super::engine::GpuEngine;
use crate::algorithm::EntropyControl;
use crate::algorithm::shader::LaneStats;
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::memory::floats;
use crate::engine::gpu::text::{RUN_WORDS, refused};
use crate::engine::{Checkpoint, LaneId, LaneState, value_head};
use crate::episode_fields::exploration::Exploration;
use crate::plan::RUN_FIELDS;

impl GpuEngine {
    /// Counters of a lane's exploration memory.
    fn counters(&self) -> usize {
        self.plan.exploration.as_ref().map_or(0, Exploration::buckets)
    }

    /// Everything needed to go on from the last submitted update, on either engine.
    ///
    /// Errors: the device is lost.
    pub async fn checkpoint(&self) -> Result<Checkpoint, GpuError> {
        let update = self.update;
        let (lanes, n) = (self.lanes.len(), self.sizes.params);
        let counters = self.counters();
        let ranges = [
            ("params", 0, lanes * n),
            ("opt_m", 0, lanes * n),
            ("opt_v", 0, lanes * n),
            ("opt_state", 0, lanes * 4),
            ("loss_sums", 0, lanes * LaneStats::WORDS),
            ("run", 0, lanes * RUN_WORDS),
            ("visits", 0, lanes * counters),
        ];
        let read = self.read_all(&ranges).await?;
        let mut past = self.past().await?;
        let part = |which: usize, lane: usize, n: usize| floats(&read[which][lane * n..(lane + 1) * n]);
        let lanes = self.lanes.iter().enumerate().map(|(i, id)| {
            let state = part(3, i, 4);
            let stats = LaneStats::read(&read[4][i * LaneStats::WORDS..(i + 1) * LaneStats::WORDS]);
            let run = part(5, i, RUN_WORDS);
            LaneState {
                arm: id.arm as u32,
                seed: id.seed as u32,
                params: part(0, i, n),
                m: part(1, i, n),
                v: part(2, i, n),
                opt_step: state[0] as u32,
                entropy_coef: state[1],
                entropy_last: stats.bonus_entropy,
                tokens: run[RUN_FIELDS.len()],
                run: run[..RUN_FIELDS.len()].to_vec(),
                reward_models: self.weights_of(i).to_vec(),
                weights: self.moved_weights(i, &stats),
                buffer: std::mem::take(&mut past[i]),
                visits: read[6][i * counters..(i + 1) * counters].to_vec(),
            }
        });
        Ok(Checkpoint { update, lanes: lanes.collect() })
    }

    /// Goes on from a checkpoint of either engine; it may hold more lanes than this engine, but not fewer, and one of the
    /// two may lack a value head.
    ///
    /// Errors: a checkpoint that lacks a lane or is of another policy.
    pub fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), GpuError> {
        let n = self.sizes.params;
        let policy = self.plan.policy.build(&self.plan.policy_params, &self.plan.interface).map_err(refused)?;
        let mut found = Vec::with_capacity(self.lanes.len());
        for id in &self.lanes {
            let saved =
                checkpoint.lane(*id).ok_or_else(|| GpuError::Read("the checkpoint lacks a lane of this run".into()))?;
            let carried = value_head::from_lane(&self.plan, policy.as_ref(), saved);
            let carried = carried.filter(|_| saved.run.len() == RUN_FIELDS.len());
            let carried = carried.ok_or_else(|| GpuError::Read("the checkpoint is of another policy".into()))?;
            if saved.reward_models.len() != self.weights_of(0).len() {
                return Err(GpuError::Read("the checkpoint is of other reward models".into()));
            }
            if saved.visits.len() != self.counters() {
                return Err(GpuError::Read("the checkpoint is of another exploration memory".into()));
            }
            found.push((saved, carried));
        }
        for (i, (saved, carried)) in found.into_iter().enumerate() {
            for (name, values) in ["params", "opt_m", "opt_v"].into_iter().zip(&carried) {
                self.buffers.write(&self.context, name, i * n, values)?;
            }
            let counters = self.counters();
            self.buffers.write(&self.context, "visits", i * counters, &saved.visits)?;
            let mut run = saved.run.clone();
            run.push(saved.tokens);
            self.buffers.write(&self.context, "run", i * RUN_WORDS, &run)?;
            let entropy = EntropyControl { coef: saved.entropy_coef, last: saved.entropy_last };
            self.write_entropy(i, saved.opt_step, &entropy)?;
            self.start_weights(i, &saved.weights)?;
            self.restore_past(i, &saved.buffer)?;
        }
        self.update = checkpoint.update;
        self.kept_before = None;
        self.due.clear();
        for saved in &checkpoint.lanes {
            let lane = LaneId { arm: saved.arm as usize, seed: saved.seed as usize };
            // It may hold lanes of other workers too.
            if self.lanes.contains(&lane) {
                self.set_reward_models(lane, &saved.reward_models)?;
            }
        }
        Ok(())
    }
}

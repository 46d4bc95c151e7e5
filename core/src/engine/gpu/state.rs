//! What leaves the GPU besides metric rows: checkpoints, and a lane's last update for views.

use super::device::GpuError;
use super::engine::GpuEngine;
use super::network::Network;
use super::readback;
use super::setup::{RUN_WORDS, refused};
use crate::algorithm::EntropyControl;
use crate::algorithm::shader::LaneStats;
use crate::engine::cpu::{self, Kept, LaneId, Probe};
use crate::episode_fields::exploration::Exploration;
use crate::plan::RUN_FIELDS;
use crate::policy::value_head;
use crate::protocol::{Checkpoint, LaneState};
use crate::reward::decode_mark;

fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|w| f32::from_bits(*w)).collect()
}

impl GpuEngine {
    /// Reads several ranges (buffer, first word, words) at once, waiting for all work before.
    pub(super) async fn read_all(&self, ranges: &[(&str, usize, usize)]) -> Result<Vec<Vec<u32>>, GpuError> {
        let mut sources = Vec::with_capacity(ranges.len());
        for (name, at, words) in ranges {
            sources.push((self.buffer(name, *at, *words)?, *at, *words));
        }
        readback::read_buffers(&self.context, &sources).await
    }

    /// Counters of a lane's exploration memory.
    fn counters(&self) -> usize {
        self.plan.exploration.as_ref().map_or(0, Exploration::buckets)
    }

    pub(super) fn lane_index(&self, lane: LaneId) -> Result<usize, GpuError> {
        let index = self.lanes.iter().position(|l| *l == lane);
        index.ok_or_else(|| GpuError::Read(format!("there is no lane of arm {} and seed {}", lane.arm, lane.seed)))
    }

    /// Everything needed to go on from the last submitted update, on either engine.
    ///
    /// Errors: the device is lost.
    pub async fn checkpoint(&self) -> Result<Checkpoint, GpuError> {
        let update = self.update;
        let (lanes, n) = (self.lanes.len(), self.shape.params);
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
        let n = self.shape.params;
        let policy = self.plan.policy.build(&self.plan.policy_params, &self.plan.interface).map_err(refused)?;
        let mut found = Vec::with_capacity(self.lanes.len());
        for id in &self.lanes {
            let saved = checkpoint.lanes.iter().find(|s| s.arm as usize == id.arm && s.seed as usize == id.seed);
            let saved = saved.ok_or_else(|| GpuError::Read("the checkpoint lacks a lane of this run".into()))?;
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
                self.buffers.write(&self.context, name, i * n, bytemuck::cast_slice(values));
            }
            let counters = self.counters();
            self.buffers.write(&self.context, "visits", i * counters, bytemuck::cast_slice(&saved.visits));
            let mut run = saved.run.clone();
            run.push(saved.tokens);
            self.buffers.write(&self.context, "run", i * RUN_WORDS, bytemuck::cast_slice(&run));
            let entropy = EntropyControl { coef: saved.entropy_coef, last: saved.entropy_last };
            self.write_entropy(i, saved.opt_step, &entropy);
            self.start_weights(i, &saved.weights);
            self.restore_past(i, &saved.buffer);
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

    /// The buffers of a lane's last update, for the group anatomy.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn kept(&self, lane: LaneId) -> Result<Kept, GpuError> {
        let l = self.lane_index(lane)?;
        let (n, steps, shape) = (self.shape.samples(), self.shape.steps, &self.shape);
        let (taken, width) = match self.layout.network {
            Network::Transformer { context, .. } => ("tokens", context),
            _ => ("actions", steps),
        };
        let each = |name, words: usize| (name, l * n * words, n * words);
        let ranges = [
            each("records", shape.record),
            each("samples", 4),
            each("rewards", 4),
            each("advantages", steps * 2),
            each("components", shape.components),
            each(taken, width),
        ];
        let read = self.read_all(&ranges).await?;
        let (samples, rewards, advantages) = (floats(&read[1]), floats(&read[2]), floats(&read[3]));
        let own = self.arms[lane.arm].program.components.len().min(shape.components);
        let component = |i: usize| f32::from_bits(read[4][(i % n) * shape.components + i / n]);
        let row = |i: usize| &read[5][i * width..(i + 1) * width];
        let prompts = (0..shape.groups).flat_map(|g| row(g * shape.group)[..shape.prompt_len].iter().copied());
        Ok(Kept {
            records: floats(&read[0]),
            lengths: (0..n).map(|i| (samples[i * 4] as u32).min(steps as u32)).collect(),
            truncated: (0..n).map(|i| u8::from(samples[i * 4 + 1] != 0.0)).collect(),
            true_scores: (0..n).map(|i| samples[i * 4 + 2]).collect(),
            actions: (0..n).flat_map(|i| row(i)[shape.prompt_len..].iter().copied()).collect(),
            prompts: prompts.collect(),
            advantages: advantages.chunks_exact(2).map(|a| readback::or_nan(a[0])).map(or_zero).collect(),
            rewards: (0..n).map(|i| readback::or_nan(rewards[i * 4 + 3])).collect(),
            components: (0..own * n).map(|i| decode_mark(component(i)).0).collect(),
            errors: (0..n).map(|i| (rewards[i * 4 + 2] as u32) << 16 | rewards[i * 4 + 1] as u32).collect(),
        })
    }

    /// Keeps from the next submit on, before its last update, the parameters that the samples of that update come from.
    ///
    /// Errors: larger than the device binds.
    pub fn follow(&mut self) -> Result<(), GpuError> {
        if !self.follows {
            self.buffers.storage(&self.context, "params_before", self.shape.lanes * self.shape.params)?;
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
        let (l, n) = (self.lane_index(lane)?, self.shape.params);
        let read = self.read_all(&[("params_before", l * n, n), ("base_params", l * n, n)]).await?;
        Ok(Some([floats(&read[0]), floats(&read[1])]))
    }

    /// Probabilities [rows][n_actions] of a lane's policy for some inputs of a step task, prior included.
    ///
    /// Errors: no such lane, or the device is lost.
    pub async fn probabilities(&self, lane: LaneId, probe: &Probe) -> Result<Vec<f32>, GpuError> {
        let l = self.lane_index(lane)?;
        let n = self.shape.params;
        let params = floats(&self.read("params", l * n, n).await?);
        let mut policy = self.plan.policy.build(&self.plan.policy_params, &self.plan.interface).map_err(refused)?;
        Ok(cpu::probe(policy.as_mut(), &params, probe, self.shape.actions))
    }
}

fn or_zero(x: f32) -> f32 {
    if x.is_nan() { 0.0 } else { x }
}

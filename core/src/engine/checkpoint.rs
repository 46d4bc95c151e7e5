//! What is kept of a run so that either engine, in any worker, goes on from it.

use super::lanes::LaneId;
use serde::{Deserialize, Serialize};

/// Everything that a lane needs to go on: bit-exact on the CPU engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LaneState {
    pub arm: u32,
    pub seed: u32,
    pub params: Vec<f32>,
    pub m: Vec<f32>,
    pub v: Vec<f32>,
    /// Optimiser steps taken so far.
    pub opt_step: u32,
    /// The adaptive entropy coefficient.
    pub entropy_coef: f32,
    /// Mean entropy of the last optimiser step, which that coefficient follows.
    pub entropy_last: f32,
    /// Steps taken so far.
    pub tokens: f32,
    /// Numbers that reward programs see as `run.<name>`, from the last update.
    pub run: Vec<f32>,
    /// Weights of its learned reward models; empty without.
    pub reward_models: Vec<f32>,
    /// Weights of the components, where the slow loop moved them; else empty.
    pub weights: Vec<f32>,
    /// The lane's buffer of past samples (`SampleBuffer::to_words`); empty without one.
    pub buffer: Vec<u32>,
    /// Counters of the exploration memory; empty without one.
    pub visits: Vec<u32>,
}

/// The state of some lanes after `update` updates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub update: u32,
    pub lanes: Vec<LaneState>,
}

impl Checkpoint {
    /// A lane's state, if it has the lane.
    pub fn lane(&self, id: LaneId) -> Option<&LaneState> {
        self.lanes.iter().find(|lane| lane.arm as usize == id.arm && lane.seed as usize == id.seed)
    }
}

//! The slow loop over the components' weights on the device: its stages, its buffers, and the weights that it moves.

use super::engine::GpuEngine;
use crate::algorithm::Settings;
use crate::algorithm::shader::{LaneStats, MAX_COMPONENTS};
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::text::{Needs, Source};
use std::mem::offset_of;

/// Whether some settings move the weights.
fn moves(settings: &Settings) -> bool {
    settings.outer_every > 0
}

impl GpuEngine {
    /// Makes the slow loop's buffers where an arm asks for it and it is not there; gives the stages that are still to be
    /// compiled.
    ///
    /// Errors: buffers larger than the device binds.
    pub(super) fn missing_outer(&mut self) -> Result<Vec<Source>, GpuError> {
        if self.has_stage("outer_step") || !self.arms.iter().any(|arm| moves(&arm.settings)) {
            return Ok(Vec::new());
        }
        let (lanes, sizes) = (self.lanes.len(), &self.sizes);
        self.buffers.storage(&self.context, "outer_grads", 2 * lanes * sizes.params)?;
        self.buffers.storage(&self.context, "outer_products", 4 * lanes * sizes.components)?;
        self.parts().stages_for(Needs::SlowLoop)
    }

    /// Gradients that the slow loop takes of every lane when it is due: two of every component.
    pub(super) fn outer_passes(&self) -> u32 {
        let moving = self.arms.iter().filter(|arm| moves(&arm.settings) && !arm.program.has_combine());
        2 * moving.map(|arm| arm.program.components.len()).max().unwrap_or(0) as u32
    }

    /// Gives a lane the weights `from`, one a component, where its settings move them; where they do not, or `from` is of
    /// another program, the program's own count.
    pub(super) fn start_weights(&mut self, lane: usize, from: &[f32]) -> Result<(), GpuError> {
        let arm = &self.arms[self.lanes[lane].arm];
        let own: Vec<f32> = arm.program.components.iter().map(|c| c.weight).collect();
        let taken = !from.is_empty() && from.len() == own.len();
        let mut words = [0; 1 + MAX_COMPONENTS];
        self.moves[lane] = taken || moves(&arm.settings);
        if self.moves[lane] {
            words[0] = 1;
            let weights = if taken { from } else { &own };
            words[1..].iter_mut().zip(weights).for_each(|(word, weight)| *word = weight.to_bits());
        }
        self.write("loss_sums", lane * LaneStats::WORDS + offset_of!(LaneStats, moves) / 4, &words)
    }

    /// Weights of a lane's components where they move, from the words of its statistics; else none.
    pub(super) fn moved_weights(&self, lane: usize, stats: &LaneStats) -> Vec<f32> {
        let components = self.arms[self.lanes[lane].arm].program.components.len();
        if self.moves[lane] { stats.weights[..components.min(MAX_COMPONENTS)].to_vec() } else { Vec::new() }
    }
}

//! Past samples on the device: the stages `refill_draw`, `refill_exchange` and `refill_keep`, the ring of every lane, and
//! how it gets into a checkpoint and out of one.

use super::device::GpuError;
use super::engine::GpuEngine;
use super::network::Network;
use super::shape::Shape;
use super::sources::{Parts, Source, shader};
use super::stages::Phase;
use crate::algorithm::Settings;
use crate::algorithm::buffer::SampleBuffer;
use crate::algorithm::settings::DynamicSampling;
use crate::algorithm::shader::stage;
use crate::cpu::packed_words;

/// The ring of past samples that every lane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Samples that fit.
    slots: usize,
    /// Words of a sample.
    words: usize,
}

fn refills(settings: &Settings) -> bool {
    settings.dynamic_sampling == DynamicSampling::Refill
}

impl Parts<'_> {
    /// Prior logits of a step.
    fn prior(&self) -> usize {
        if self.layout.prior.is_some() { self.shape.actions } else { 0 }
    }

    /// Inputs of a step; a transformer reads its actions and the prompt.
    fn width(&self) -> usize {
        if matches!(self.layout.network, Network::Transformer { .. }) { 0 } else { self.shape.active.max(1) }
    }

    /// A ring of some slots.
    pub(super) fn ring(&self, slots: usize) -> Ring {
        let Shape { steps, prompt_len, .. } = *self.shape;
        Ring { slots, words: packed_words(steps, self.width(), self.prior(), prompt_len) }
    }

    /// The stages of past samples, with their phases.
    pub(super) fn refill(&self, ring: Ring) -> Vec<(Phase, Source)> {
        let steps = self.shape.steps;
        let prior = steps * (1 + self.width());
        let prompt = prior + steps * self.prior();
        let numbers = prompt + self.shape.prompt_len;
        let constants: String = [
            ("SLOTS", ring.slots),
            ("WORDS", ring.words),
            ("INPUTS", steps),
            ("PRIOR", prior),
            ("PROMPT", prompt),
            ("NUMBERS", numbers),
            ("END", numbers + 5 * steps),
        ]
        .iter()
        .map(|(name, value)| format!("const PAST_{name}: u32 = {value}u;\n"))
        .collect();
        let inputs = match self.layout.network {
            Network::Transformer { .. } => shader!("common/past_tokens.wgsl"),
            _ => shader!("common/past_steps.wgsl"),
        };
        let moved = |name, text| self.source(name, &[&constants, shader!("common/past.wgsl"), inputs, text]);
        let draw = stage("refill_draw").unwrap_or_default();
        vec![
            (Phase::Refill, self.plain("refill_draw", &[shader!("common/rng.wgsl"), &constants, &draw])),
            (Phase::Refill, moved("refill_exchange", shader!("refill_exchange.wgsl"))),
            (Phase::Restore, moved("refill_keep", shader!("refill_keep.wgsl"))),
        ]
    }
}

impl GpuEngine {
    /// Makes the rings where an arm asks for them and they are not there; gives the stages that are still to be compiled.
    ///
    /// Errors: rings larger than the device binds, or than those that the run has.
    pub(super) fn missing_refill(&mut self) -> Result<Vec<(Phase, Source)>, GpuError> {
        let asked = self.arms.iter().filter(|arm| refills(&arm.settings)).map(|arm| arm.settings.ssb_size as usize);
        let Some(slots) = asked.max() else { return Ok(Vec::new()) };
        if let Some(ring) = self.ring {
            let what = || format!("a buffer of {slots} past samples in a run that has room for {}", ring.slots);
            return if slots <= ring.slots { Ok(Vec::new()) } else { Err(GpuError::Unsupported(what())) };
        }
        let ring = self.parts().ring(slots);
        let (lanes, n) = (self.lanes.len(), self.shape.samples());
        for (name, words) in [
            // Where a word has 32 bits the product may not fit: the device refuses it all the same.
            ("past", (lanes * (ring.slots + n)).saturating_mul(ring.words)),
            ("past_sizes", lanes * 2 * ring.slots),
            ("past_state", lanes * 2),
            ("past_places", lanes * n * 2),
        ] {
            self.buffers.storage(&self.context, name, words)?;
        }
        self.ring = Some(ring);
        Ok(self.parts().refill(ring))
    }

    /// Whether past samples stand in for some of the batch, in any arm.
    pub(super) fn refills(&self) -> bool {
        self.arms.iter().any(|arm| refills(&arm.settings))
    }

    /// Empties a lane's ring.
    pub(super) fn forget_past(&self, lane: usize) {
        self.write("past_state", lane * 2, &[0, 0]);
    }

    /// The rings of all lanes as `SampleBuffer::to_words` has them, empty where there is nothing.
    ///
    /// Errors: the device is lost.
    pub(super) async fn past(&self) -> Result<Vec<Vec<u32>>, GpuError> {
        let lanes = self.lanes.len();
        let Some(ring) = self.ring else { return Ok(vec![Vec::new(); lanes]) };
        let state = self.read("past_state", 0, lanes * 2).await?;
        let held = |lane: usize| (state[2 * lane] as usize).min(ring.slots);
        let n = self.shape.samples();
        let mut ranges = Vec::with_capacity(2 * lanes);
        for lane in 0..lanes {
            ranges.push(("past_sizes", lane * 2 * ring.slots, held(lane)));
            ranges.push(("past", lane * (ring.slots + n) * ring.words, held(lane) * ring.words));
        }
        let read = self.read_all(&ranges).await?;
        let of_lane = |lane: usize| {
            if held(lane) == 0 {
                return Vec::new();
            }
            let capacity = self.arms[self.lanes[lane].arm].settings.ssb_size;
            let head = [ring.words as u32, capacity, state[2 * lane + 1], state[2 * lane]];
            [&head[..], &read[2 * lane], &read[2 * lane + 1]].concat()
        };
        Ok((0..lanes).map(of_lane).collect())
    }

    /// Fills a lane's ring from the words of a checkpoint; it is empty where they are of other settings.
    pub(super) fn restore_past(&self, lane: usize, saved: &[u32]) {
        let Some(ring) = self.ring else { return };
        self.forget_past(lane);
        let buffer = SampleBuffer::from_words(saved);
        let capacity = self.arms[self.lanes[lane].arm].settings.ssb_size;
        if buffer.is_empty() || saved[0] as usize != ring.words || saved[1] != capacity || buffer.len() > ring.slots {
            return;
        }
        let (sizes, samples) = saved[4..].split_at(buffer.len());
        self.write("past_sizes", lane * 2 * ring.slots, sizes);
        self.write("past", lane * (ring.slots + self.shape.samples()) * ring.words, samples);
        self.write("past_state", lane * 2, &[saved[3], saved[2]]);
    }
}

//! Past samples on the device: the stages `refill_draw`, `refill_exchange` and `refill_keep`, the ring of every lane, and
//! how it gets into a checkpoint and out of one.

use super::device::GpuError;
use super::engine::GpuEngine;
use super::network::Network;
use super::shape::Shape;
use super::sources::{Parts, Source, shader};
use super::stages::Phase;
use crate::algorithm::Settings;
use crate::algorithm::buffer::Saved;
use crate::algorithm::settings::DynamicSampling;
use crate::algorithm::shader::stage;
use crate::engine::cpu::Packed;

/// The ring of past samples that every lane has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    /// Samples that fit.
    slots: usize,
    packed: Packed,
}

fn refills(settings: &Settings) -> bool {
    settings.dynamic_sampling == DynamicSampling::Refill
}

impl Parts<'_> {
    /// A ring of some slots.
    pub(super) fn ring(&self, slots: usize) -> Ring {
        let Shape { steps, prompt_len: prompt, actions, active, .. } = *self.shape;
        // A transformer reads its actions and the prompt.
        let width = if matches!(self.layout.network, Network::Transformer { .. }) { 0 } else { active.max(1) };
        let prior = if self.layout.prior.is_some() { actions } else { 0 };
        Ring { slots, packed: Packed { steps, width, prior, prompt } }
    }

    /// The stages of past samples, with their phases.
    pub(super) fn refill(&self, Ring { slots, packed }: Ring) -> Vec<(Phase, Source)> {
        let constants: String = [
            ("SLOTS", slots),
            ("WORDS", packed.words()),
            ("INPUTS", packed.inputs_at()),
            ("PRIOR", packed.prior_at()),
            ("PROMPT", packed.prompt_at()),
            ("NUMBERS", packed.numbers_at()),
            ("END", packed.end_at()),
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
            (Phase::Refill, self.plain("refill_draw", &[&crate::math::rng::wgsl(), &constants, &draw])),
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
        let ring = match self.ring {
            Some(ring) if slots > ring.slots => {
                let room = ring.slots;
                let what = format!("a buffer of {slots} past samples in a run that has room for {room}");
                return Err(GpuError::Unsupported(what));
            }
            Some(ring) => ring,
            None => self.make_rings(slots)?,
        };
        Ok(if self.has_stage("refill_draw") { Vec::new() } else { self.parts().refill(ring) })
    }

    fn make_rings(&mut self, slots: usize) -> Result<Ring, GpuError> {
        let ring = self.parts().ring(slots);
        let (lanes, n) = (self.lanes.len(), self.shape.samples());
        for (name, words) in [
            // Where a word has 32 bits the product may not fit: the device refuses it all the same.
            ("past", (lanes * (slots + n)).saturating_mul(ring.packed.words())),
            ("past_sizes", lanes * 2 * slots),
            ("past_state", lanes * 2),
            ("past_places", lanes * n * 2),
        ] {
            self.buffers.storage(&self.context, name, words)?;
        }
        self.ring = Some(ring);
        Ok(ring)
    }

    /// Whether past samples stand in for some of the batch, in any arm.
    pub(super) fn refills(&self) -> bool {
        self.arms.iter().any(|arm| refills(&arm.settings))
    }

    /// Empties a lane's ring.
    pub(super) fn forget_past(&self, lane: usize) {
        self.write("past_state", lane * 2, &[0, 0]);
    }

    /// The rings of all lanes as `Saved` has them, empty where there is nothing.
    ///
    /// Errors: the device is lost.
    pub(super) async fn past(&self) -> Result<Vec<Vec<u32>>, GpuError> {
        let lanes = self.lanes.len();
        let Some(ring) = self.ring else { return Ok(vec![Vec::new(); lanes]) };
        let (slots, words) = (ring.slots, ring.packed.words());
        let state = self.read("past_state", 0, lanes * 2).await?;
        let held = |lane: usize| (state[2 * lane] as usize).min(slots);
        let n = self.shape.samples();
        let mut ranges = Vec::with_capacity(2 * lanes);
        for lane in 0..lanes {
            ranges.push(("past_sizes", lane * 2 * slots, held(lane)));
            ranges.push(("past", lane * (slots + n) * words, held(lane) * words));
        }
        let read = self.read_all(&ranges).await?;
        let of_lane = |lane: usize| {
            if held(lane) == 0 {
                return Vec::new();
            }
            let (capacity, next) = (self.capacity(lane), state[2 * lane + 1] as usize);
            Saved { words, capacity, next, sizes: &read[2 * lane], samples: &read[2 * lane + 1] }.to_words()
        };
        Ok((0..lanes).map(of_lane).collect())
    }

    /// Samples that a lane's settings let it keep.
    fn capacity(&self, lane: usize) -> usize {
        self.arms[self.lanes[lane].arm].settings.ssb_size as usize
    }

    /// Fills a lane's ring from the words of a checkpoint; it is empty where they are of other settings.
    pub(super) fn restore_past(&self, lane: usize, saved: &[u32]) {
        let Some(Ring { slots, packed }) = self.ring else { return };
        self.forget_past(lane);
        let Some(saved) = Saved::read(saved) else { return };
        let (words, held) = (packed.words(), saved.sizes.len());
        if (saved.words, saved.capacity) != (words, self.capacity(lane)) || held > slots {
            return;
        }
        self.write("past_sizes", lane * 2 * slots, saved.sizes);
        self.write("past", lane * (slots + self.shape.samples()) * words, saved.samples);
        self.write("past_state", lane * 2, &[held as u32, saved.next as u32]);
    }
}

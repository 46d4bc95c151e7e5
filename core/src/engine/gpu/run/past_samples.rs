//! Past samples on the device: the ring of every lane, and how it gets into a checkpoint and out of one.

use super::engine::GpuEngine;
use crate::algorithm::Settings;
use crate::algorithm::buffer::Saved;
use crate::algorithm::settings::DynamicSampling;
use crate::engine::gpu::device::GpuError;
use crate::engine::gpu::text::{Needs, Ring, Source};

fn refills(settings: &Settings) -> bool {
    settings.dynamic_sampling == DynamicSampling::Refill
}

impl GpuEngine {
    /// Makes the rings where an arm asks for them and they are not there; gives the stages that are still to be compiled.
    ///
    /// Errors: rings larger than the device binds, or than those that the run has.
    pub(super) fn missing_refill(&mut self) -> Result<Vec<Source>, GpuError> {
        let asked = self.arms.iter().filter(|arm| refills(&arm.settings)).map(|arm| arm.settings.ssb_size as usize);
        let Some(slots) = asked.max() else { return Ok(Vec::new()) };
        match self.ring {
            Some(ring) if slots > ring.slots => {
                let room = ring.slots;
                let what = format!("a buffer of {slots} past samples in a run that has room for {room}");
                return Err(GpuError::Unsupported(what));
            }
            Some(_) => {}
            None => self.make_rings(slots)?,
        }
        if self.has_stage("refill_draw") { Ok(Vec::new()) } else { self.parts().stages_for(Needs::PastSamples) }
    }

    fn make_rings(&mut self, slots: usize) -> Result<(), GpuError> {
        let ring = Ring::new(&self.sizes, &self.layout, slots);
        let (lanes, n) = (self.lanes.len(), self.sizes.samples());
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
        Ok(())
    }

    /// Whether past samples stand in for some of the batch, in any arm.
    pub(super) fn refills(&self) -> bool {
        self.arms.iter().any(|arm| refills(&arm.settings))
    }

    /// Empties a lane's ring, if there are rings.
    ///
    /// Errors: as `write`.
    pub(super) fn forget_past(&self, lane: usize) -> Result<(), GpuError> {
        if self.ring.is_some() { self.write("past_state", lane * 2, &[0, 0]) } else { Ok(()) }
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
        let n = self.sizes.samples();
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
    ///
    /// Errors: as `write`.
    pub(super) fn restore_past(&self, lane: usize, saved: &[u32]) -> Result<(), GpuError> {
        let Some(Ring { slots, packed }) = self.ring else { return Ok(()) };
        self.forget_past(lane)?;
        let Some(saved) = Saved::read(saved) else { return Ok(()) };
        let (words, held) = (packed.words(), saved.sizes.len());
        if (saved.words, saved.capacity) != (words, self.capacity(lane)) || held > slots {
            return Ok(());
        }
        self.write("past_sizes", lane * 2 * slots, saved.sizes)?;
        self.write("past", lane * (slots + self.sizes.samples()) * words, saved.samples)?;
        self.write("past_state", lane * 2, &[held as u32, saved.next as u32])
    }
}

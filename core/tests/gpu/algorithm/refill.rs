//! Stage `refill_draw`: which past samples stand in and where new ones are kept, over several updates, against the CPU's
//! buffer with the same draws.

use super::batch::*;
use crate::device::context;
use crate::pass::{floats, run, words};
use goodhart_core::algorithm::NO_ADVANTAGE;
use goodhart_core::algorithm::buffer::SampleBuffer;
use goodhart_core::layout::NO_REWARD;
use goodhart_core::math::rng::{draw, purpose, uniform};
use wasm_bindgen_test::wasm_bindgen_test;

const SLOTS: usize = 300;

/// One lane's buffer on the CPU; a sample in it is (update, place).
struct Lane {
    buffer: SampleBuffer,
    /// What each slot of the device's ring holds.
    slots: Vec<[u32; 2]>,
    /// Share of the batch that past samples may take.
    share: f32,
}

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn draws_and_slots_agree_with_the_cpu() {
    let Some(gpu) = context().await else { return };
    // Rings that hold less than a batch brings, about as much, and several batches.
    let cases = [("5", "1"), ("64", "0.25"), ("300", "1"), ("9", "0")];
    let mut drawn = 0;
    for (groups, group, steps) in [(4, 5, 3), (9, 40, 2)] {
        let mut arms: Vec<_> = cases
            .iter()
            .map(|(size, share)| {
                let pairs = [("dynamic_sampling", "refill"), ("ssb_size", *size), ("ssb_share", *share)];
                (settings(&pairs), vec![])
            })
            .collect();
        arms.push((settings(&[("dynamic_sampling", "drop")]), vec![]));
        let sizes = Sizes { lanes: arms.len(), groups, group, steps, components: 1, params: 1 };
        let n = sizes.n();
        let mut lanes: Vec<Lane> = arms
            .iter()
            .map(|(s, _)| {
                let mut buffer = SampleBuffer::default();
                buffer.shape(2, s.ssb_size as usize);
                Lane { buffer, slots: vec![[0; 2]; s.ssb_size as usize], share: s.ssb_share }
            })
            .collect();
        let mut buffers = sizes.tables(&arms);
        buffers.insert("past_state", vec![0; 2 * sizes.lanes]);
        buffers.insert("past_sizes", vec![0; 2 * SLOTS * sizes.lanes]);
        buffers.insert("past_places", vec![7; 2 * n * sizes.lanes]);
        let text = format!("const PAST_SLOTS: u32 = {SLOTS}u;\n{}", sizes.text("refill_draw"));
        let mut dice = Dice(groups as u32);
        for update in 0..9 {
            let lengths: Vec<f32> = (0..n * sizes.lanes).map(|_| 1.0 + (dice.next() * steps as f32).floor()).collect();
            let mut advantages = dice.fill(2 * n * steps * sizes.lanes, -2.0, 2.0);
            let without: Vec<bool> = (0..n * sizes.lanes).map(|_| dice.chance(0.4)).collect();
            for (sample, _) in without.iter().enumerate().filter(|(_, dead)| **dead) {
                advantages[2 * sample * steps..2 * (sample + 1) * steps].fill(NO_REWARD);
            }
            buffers.insert("advantages", words(&advantages));
            buffers.insert("samples", words(&lengths.iter().flat_map(|l| [*l, 0.0, 0.0, 0.0]).collect::<Vec<_>>()));
            buffers.insert("at", at(update, 0, 0, 1, 100));
            run(&gpu, &text, &mut buffers, [sizes.lanes as u32, 1, 1]).await;
            for (l, lane) in lanes.iter_mut().enumerate() {
                let own = l * n..(l + 1) * n;
                let places: Vec<[u32; 2]> =
                    buffers["past_places"][2 * own.start..2 * own.end].chunks(2).map(|p| [p[0], p[1]]).collect();
                let effective = stats(&buffers, l).effective;
                if l == cases.len() {
                    assert!(places.iter().all(|p| *p == [0, 0]), "an arm that does not refill");
                    continue;
                }
                let size = |i: usize| -> f32 {
                    let first = (own.start + i) * steps;
                    let length = lengths[own.start + i] as usize;
                    (first..first + length).map(|row| advantages[2 * row].abs()).sum::<f32>() / length as f32
                };
                drawn += check(lane, update, 7 + l as u32, &without[own.clone()], &places, effective);
                let kept = places.iter().enumerate().filter(|(_, p)| p[1] > 0).count();
                let moving: Vec<usize> = (0..n).filter(|i| places[*i][0] == 0 && !without[l * n + *i]).collect();
                assert_eq!(kept, moving.len().min(lane.slots.len()), "the last ones stay");
                for i in moving {
                    assert!(size(i) > NO_ADVANTAGE);
                    lane.buffer.push(size(i), &[update, i as u32]);
                }
                for (i, place) in places.iter().enumerate().filter(|(_, p)| p[1] > 0) {
                    lane.slots[place[1] as usize - 1] = [update, i as u32];
                }
                same_ring(lane, &buffers["past_state"][2 * l..], &floats(&buffers["past_sizes"])[2 * l * SLOTS..]);
            }
        }
    }
    assert!(drawn > 1000, "{drawn}");
}

/// What stands in for the samples `without` an advantage; gives how many do.
fn check(lane: &mut Lane, update: u32, seed: u32, without: &[bool], places: &[[u32; 2]], effective: f32) -> usize {
    lane.buffer.prepare();
    let n = without.len();
    let most = (lane.share * n as f32) as usize;
    let mut refilled = 0;
    for i in (0..n).filter(|i| without[*i]) {
        let [word, ..] = draw(seed, update, 0, i as u32, 0, purpose::SAMPLE_BUFFER);
        let wanted = if refilled < most { lane.buffer.draw(uniform(word)) } else { None };
        let got = (places[i][0] > 0).then(|| &lane.slots[places[i][0] as usize - 1][..]);
        assert_eq!(got, wanted, "sample {i} of update {update}");
        refilled += usize::from(got.is_some());
    }
    let share = (without.iter().filter(|dead| !**dead).count() + refilled) as f32 / n as f32;
    assert!((effective - share).abs() < 1e-6, "{effective} against {share}");
    refilled
}

/// The ring on the device is the buffer on the CPU.
fn same_ring(lane: &Lane, state: &[u32], sizes: &[f32]) {
    let saved = lane.buffer.to_words();
    let held = saved[3] as usize;
    assert_eq!(state[..2], [saved[3], saved[2]], "samples, and where the next one goes");
    let (want, samples) = saved[4..].split_at(held);
    for (slot, (got, want)) in sizes.iter().zip(floats(want)).enumerate() {
        assert!((got - want).abs() <= 1e-6 * want, "the size in slot {slot}: {got} against {want}");
    }
    assert_eq!(lane.slots[..held].concat(), samples);
}

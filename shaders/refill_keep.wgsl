// Behind the optimiser steps: puts back the samples that were set aside, and keeps those with an advantage for later
// updates; one workgroup a sample.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let place = past_places[lane * SAMPLES + wg.x];
    if place.x != 0u {
        load_sample(lane, wg.x, PAST_SLOTS + wg.x, tid);
    }
    if place.y != 0u {
        store_sample(lane, wg.x, place.y - 1u, tid);
    }
}

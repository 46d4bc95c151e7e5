// Puts past samples in the places of those without an advantage, which are set aside; one workgroup a sample.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let place = past_places[lane * SAMPLES + wg.x];
    if place.x == 0u {
        return;
    }
    store_sample(lane, wg.x, PAST_SLOTS + wg.x, tid);
    // All threads have read the sample's length before one of them replaces it.
    storageBarrier();
    workgroupBarrier();
    load_sample(lane, wg.x, place.x - 1u, tid);
}

// A sample in the buffer of past samples, as core/src/engine/cpu/refill.rs packs it. past: [lane][PAST_SLOTS + SAMPLES][PAST_WORDS],
// the lane's ring, then the samples that are set aside. Of a slot's words the numbers at PAST_NUMBERS are logp of the
// reference, logp, value, advantage and return of STEPS steps each; at PAST_END stand the length and whether it was cut off.

@group(0) @binding(0) var<storage, read> past_places: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> past: array<u32>;
@group(0) @binding(2) var<storage, read_write> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> policy_old: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> advantages: array<vec2<f32>>;

fn slot_of(lane: u32, slot: u32) -> u32 {
    return (lane * (PAST_SLOTS + SAMPLES) + slot) * PAST_WORDS;
}

// Words behind a sample's end are 0.
fn store_sample(lane: u32, i: u32, slot: u32, tid: u32) {
    let to = slot_of(lane, slot);
    let sample = samples[lane * SAMPLES + i];
    let length = min(u32(sample.x), STEPS);
    for (var t = tid; t < STEPS; t += 64u) {
        let row = row_of(lane, i, t);
        let old = select(vec4<f32>(0.0), policy_old[row], t < length);
        let goal = select(vec2<f32>(0.0), advantages[row], t < length);
        let numbers = to + PAST_NUMBERS + t;
        past[numbers] = bitcast<u32>(old.w);
        past[numbers + STEPS] = bitcast<u32>(old.x);
        past[numbers + 2u * STEPS] = bitcast<u32>(old.z);
        past[numbers + 3u * STEPS] = bitcast<u32>(goal.x);
        past[numbers + 4u * STEPS] = bitcast<u32>(goal.y);
    }
    store_inputs(lane, i, length, to, tid);
    if tid == 0u {
        past[to + PAST_END] = length;
        past[to + PAST_END + 1u] = select(0u, 1u, sample.y != 0.0);
    }
}

// The entropy of a row, the true score and the vote of a sample stay: nothing that is trained reads them.
fn load_sample(lane: u32, i: u32, slot: u32, tid: u32) {
    let from_slot = slot_of(lane, slot);
    for (var t = tid; t < STEPS; t += 64u) {
        let row = row_of(lane, i, t);
        let numbers = from_slot + PAST_NUMBERS + t;
        let reference = bitcast<f32>(past[numbers]);
        let logp = bitcast<f32>(past[numbers + STEPS]);
        let value = bitcast<f32>(past[numbers + 2u * STEPS]);
        policy_old[row] = vec4<f32>(logp, policy_old[row].y, value, reference);
        let advantage = bitcast<f32>(past[numbers + 3u * STEPS]);
        advantages[row] = vec2<f32>(advantage, bitcast<f32>(past[numbers + 4u * STEPS]));
    }
    load_inputs(lane, i, from_slot, tid);
    if tid == 0u {
        let own = samples[lane * SAMPLES + i];
        let ends = vec2<f32>(f32(past[from_slot + PAST_END]), f32(past[from_slot + PAST_END + 1u]));
        samples[lane * SAMPLES + i] = vec4<f32>(ends, own.z, own.w);
    }
}

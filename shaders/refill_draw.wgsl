// Which past samples stand in for those without an advantage, and where those that have one are kept, one workgroup a
// lane; twin of core/src/algorithm/buffer.rs and of the choice in core/src/engine/cpu/refill.rs.
//
// Reads advantages (NO_REWARD at the first step of a sample without one) and samples.x (length). The buffer of a lane is a
// ring of settings.ssb_size samples: past_state: [lane] = (samples in it, where the next goes once it is full);
// past_sizes: [lane][2][PAST_SLOTS], their |A| and the sums of those.
// Writes past_places: [lane][sample] = (1 + the slot that stands in, 1 + the slot that keeps it; 0 = none), sizes, state,
// loss_sums.effective.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(3) var<storage, read> advantages: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> past_state: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read_write> past_sizes: array<f32>;
@group(0) @binding(7) var<storage, read_write> past_places: array<vec2<u32>>;
@group(0) @binding(8) var<storage, read_write> loss_sums: array<LaneStats>;

var<workgroup> state: vec2<u32>;
var<workgroup> block: array<f32, WIDTH>;
var<workgroup> counts: array<u32, WIDTH>;

// Sums of the sizes up to and with each of them, one after the other: the draws are then those of the CPU engine.
fn sum_sizes(sizes: u32, held: u32, local: u32) {
    var sum = 0.0;
    for (var s0 = 0u; s0 < held; s0 += WIDTH) {
        let here = s0 + local;
        if here < held {
            block[local] = past_sizes[sizes + here];
        }
        workgroupBarrier();
        if local == 0u {
            for (var k = 0u; k < min(WIDTH, held - s0); k++) {
                sum += block[k];
                block[k] = sum;
            }
        }
        workgroupBarrier();
        if here < held {
            past_sizes[sizes + PAST_SLOTS + here] = block[local];
        }
        workgroupBarrier();
    }
    storageBarrier();
    workgroupBarrier();
}

// The first slot whose sum lies above a number; the last one if none does.
fn slot_above(sums: u32, held: u32, x: f32) -> u32 {
    var low = 0u;
    var high = held - 1u;
    while low < high {
        let middle = (low + high) / 2u;
        if past_sizes[sums + middle] <= x {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low;
}

fn has_advantage(base: u32, i: u32) -> bool {
    return is_number(advantages[(base + i) * STEPS].x);
}

// Mean |A| of a sample's steps.
fn size_of(base: u32, i: u32) -> f32 {
    let length = max(min(u32(samples[base + i].x), STEPS), 1u);
    var sum = 0.0;
    for (var t = 0u; t < length; t++) {
        sum += abs(advantages[(base + i) * STEPS + t].x);
    }
    return sum / f32(length);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let arm = lanes[lane].x;
    let base = lane * SAMPLES;
    // Each thread has a run of neighbours.
    let share = (SAMPLES + WIDTH - 1u) / WIDTH;
    let begin = min(local * share, SAMPLES);
    let end = min(begin + share, SAMPLES);
    if settings[arm].dynamic_sampling != DYNAMIC_SAMPLING_REFILL {
        for (var i = begin; i < end; i++) {
            past_places[base + i] = vec2<u32>(0u);
        }
        return;
    }
    let capacity = settings[arm].ssb_size;
    let sizes = lane * 2u * PAST_SLOTS;
    if local == 0u {
        state = past_state[lane];
    }
    let before = workgroupUniformLoad(&state);
    let held = before.x;
    sum_sizes(sizes, held, local);
    var own = 0u;
    for (var i = begin; i < end; i++) {
        own += select(0u, 1u, has_advantage(base, i));
    }
    counts[local] = own;
    workgroupBarrier();
    // Samples with an advantage before the thread's own, and all of them.
    var rank = 0u;
    var all_with = 0u;
    for (var k = 0u; k < WIDTH; k++) {
        rank += select(0u, counts[k], k < local);
        all_with += counts[k];
    }
    let most = select(0u, min(u32(settings[arm].ssb_share * f32(SAMPLES)), SAMPLES - all_with), held > 0u);
    let start = select(before.y, held, held < capacity);
    for (var i = begin; i < end; i++) {
        var place = vec2<u32>(0u);
        if has_advantage(base, i) {
            // Of those that would go to one slot the last one stays.
            if rank + capacity >= all_with {
                let slot = (start + rank) % capacity;
                past_sizes[sizes + slot] = size_of(base, i);
                place.y = slot + 1u;
            }
            rank++;
        } else if i - rank < most {
            let total = past_sizes[sizes + PAST_SLOTS + held - 1u];
            let u = uniform01(draw(lanes[lane].y, at.update, 0u, i, 0u, PURPOSE_SAMPLE_BUFFER).x);
            place.x = slot_above(sizes + PAST_SLOTS, held, u * total) + 1u;
        }
        past_places[base + i] = place;
    }
    if local == 0u {
        let after = held + all_with;
        let next = select(select(0u, (after - capacity) % capacity, after > capacity), (before.y + all_with) % capacity, held == capacity);
        past_state[lane] = vec2<u32>(min(after, capacity), next);
        loss_sums[lane].effective = f32(all_with + most) / f32(SAMPLES);
    }
}

// Exploration memory, written: adds the update's visits to the counters of each lane; see core/src/episode_fields/exploration.rs.

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> records: array<f32>;
@group(0) @binding(2) var<storage, read_write> visits: array<atomic<u32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES {
        return;
    }
    let sample = id.y * SAMPLES + id.x;
    let n = min(u32(samples[sample].x) + 1u, EXPLORE_STATES);
    for (var t = 0u; t < n; t++) {
        let key = u32(records[sample * RECORD + EXPLORE_KEYS + t]);
        atomicAdd(&visits[id.y * EXPLORE_BUCKETS + key % EXPLORE_BUCKETS], 1u);
    }
}

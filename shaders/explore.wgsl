// Exploration memory, read: one workgroup turns the notes of one episode into its fields; see core/src/episode_fields/exploration.rs.

@group(0) @binding(0) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> visits: array<u32>;
@group(0) @binding(2) var<storage, read_write> records: array<f32>;

const THREADS: u32 = 64u;

// The lower triangle of K + ridge I, row by row, and what it becomes.
var<workgroup> matrix: array<f32, EXPLORE_STATES * (EXPLORE_STATES + 1u) / 2u>;

fn entry(i: u32, j: u32) -> u32 {
    return i * (i + 1u) / 2u + j;
}

fn shared_features(base: u32, i: u32, j: u32) -> f32 {
    let a = base + EXPLORE_FEATURES + i * EXPLORE_ACTIVE;
    let b = base + EXPLORE_FEATURES + j * EXPLORE_ACTIVE;
    var count = 0.0;
    for (var k = 0u; k < EXPLORE_ACTIVE; k++) {
        for (var l = 0u; l < EXPLORE_ACTIVE; l++) {
            if records[a + k] == records[b + l] {
                count += 1.0;
                break;
            }
        }
    }
    return count;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let sample = lane * SAMPLES + wg.x;
    let base = sample * RECORD;
    let n = min(u32(samples[sample].x) + 1u, EXPLORE_STATES);
    for (var t = tid; t < n; t += THREADS) {
        let key = records[base + EXPLORE_KEYS + t];
        var before = 0.0;
        for (var i = 0u; i < t; i++) {
            if records[base + EXPLORE_KEYS + i] == key {
                before += 1.0;
            }
        }
        records[base + EXPLORE_VISITS + 1u + t] = f32(visits[lane * EXPLORE_BUCKETS + u32(key) % EXPLORE_BUCKETS]);
        records[base + EXPLORE_EPISODIC + 1u + t] = before;
    }
    if tid == 0u {
        records[base + EXPLORE_VISITS] = f32(n);
        records[base + EXPLORE_EPISODIC] = f32(n);
    }
    if EXPLORE_ELLIPTICAL == 0u {
        return;
    }
    if tid == 0u {
        records[base + EXPLORE_ELLIPTICAL] = f32(n);
    }
    for (var i = tid; i < n; i += THREADS) {
        for (var j = 0u; j <= i; j++) {
            matrix[entry(i, j)] = shared_features(base, i, j) + select(0.0, EXPLORE_RIDGE, i == j);
        }
    }
    // The Cholesky factorisation, column by column; the pivots are the answer.
    for (var j = 0u; j < EXPLORE_STATES; j++) {
        workgroupBarrier();
        let pivot = matrix[entry(j, j)];
        let root = sqrt(max(pivot, 1e-12));
        if j < n {
            if tid == 0u {
                records[base + EXPLORE_ELLIPTICAL + 1u + j] = max(pivot - EXPLORE_RIDGE, 0.0) / EXPLORE_RIDGE;
            }
            for (var i = j + 1u + tid; i < n; i += THREADS) {
                matrix[entry(i, j)] = matrix[entry(i, j)] / root;
            }
        }
        workgroupBarrier();
        for (var i = j + 1u + tid; i < n; i += THREADS) {
            for (var k = j + 1u; k <= i; k++) {
                matrix[entry(i, k)] -= matrix[entry(i, j)] * matrix[entry(k, j)];
            }
        }
    }
}

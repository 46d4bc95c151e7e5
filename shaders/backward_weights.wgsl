// Gradients of the transformer's matrices: dW = X^T D over the trows of a lane, one workgroup a tile of 32 x 32 weights and
// a split of the trows (partials as in backward_dense.wgsl).
// tiles: two entries a workgroup, from entry job.x on: (offset of W, inputs, outputs, first input | first output << 16)
// and (where X lies, its place in a row, where D lies, its place in a row). Places: 0 scratch, 1 + slot acts_x,
// PLACE_DX dx half 0, PLACE_DX + 1 half 1, PLACE_DLOGITS dlogits.

@group(0) @binding(0) var<uniform> job: vec4<u32>;
@group(0) @binding(1) var<storage, read> tiles: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> taking: array<u32>;
@group(0) @binding(3) var<storage, read> acts_x: array<f32>;
@group(0) @binding(4) var<storage, read> scratch: array<f32>;
@group(0) @binding(5) var<storage, read> dx: array<f32>;
@group(0) @binding(6) var<storage, read> dlogits: array<f32>;
@group(0) @binding(7) var<storage, read_write> partials: array<f32>;

const TROWS: u32 = N_LANES * SAMPLES * CONTEXT;
const SIDE: u32 = 32u;
var<workgroup> x_tile: array<f32, 1024>;
var<workgroup> d_tile: array<vec4<f32>, 256>;
// Bit r: trow r of the block takes part. Blocks take turns with the two words, so that one can be cleared meanwhile.
var<workgroup> parts: array<atomic<u32>, 2>;

// Element j of row r of what lies at `place`.
fn element(place: u32, r: u32, j: u32) -> f32 {
    if place == 0u {
        return scratch[r * SCRATCH + j];
    }
    if place == PLACE_DLOGITS {
        return dlogits[r * (ACTIONS + CRITIC) + j];
    }
    if place >= PLACE_DX {
        return dx[((place - PLACE_DX) * TROWS + r) * D + j];
    }
    return acts_x[((place - 1u) * TROWS + r) * D + j];
}

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let w = tiles[job.x + 2u * wg.x];
    let places = tiles[job.x + 2u * wg.x + 1u];
    let i0 = w.w & 0xffffu;
    let j0 = w.w >> 16u;
    let n = SAMPLES * CONTEXT;
    let base = lane * n;
    var sums: array<vec4<f32>, 4>;
    // Split wg.z sums its share of the blocks.
    let share = (n + SIDE * SPLITS - 1u) / (SIDE * SPLITS) * SIDE;
    for (var r0 = wg.z * share; r0 < min(n, (wg.z + 1u) * share); r0 += SIDE) {
        let turn = r0 / SIDE % 2u;
        if tid < SIDE && r0 + tid < n && taking[base + r0 + tid] != 0u {
            atomicOr(&parts[turn], 1u << tid);
        }
        workgroupBarrier();
        let part = atomicLoad(&parts[turn]);
        if tid == 0u {
            atomicStore(&parts[1u - turn], 0u);
        }
        // A block without a trow that takes part costs its barriers alone.
        let end = select(0u, SIDE, part != 0u);
        for (var e = tid; e < end * SIDE; e += 64u) {
            let r = e / SIDE;
            let i = i0 + e % SIDE;
            var v = 0.0;
            if ((part >> r) & 1u) != 0u && i < w.y {
                v = element(places.x, base + r0 + r, places.y + i);
            }
            x_tile[e] = v;
        }
        for (var e = tid; e < end * SIDE / 4u; e += 64u) {
            let r = e / (SIDE / 4u);
            let j = j0 + (e % (SIDE / 4u)) * 4u;
            var d = vec4<f32>(0.0);
            if ((part >> r) & 1u) != 0u {
                for (var q = 0u; q < 4u; q++) {
                    if j + q < w.z {
                        d[q] = element(places.z, base + r0 + r, places.w + j + q);
                    }
                }
            }
            d_tile[e] = d;
        }
        workgroupBarrier();
        for (var r = 0u; r < end; r++) {
            let d = d_tile[r * (SIDE / 4u) + id.x];
            for (var q = 0u; q < 4u; q++) {
                sums[q] += x_tile[r * SIDE + id.y * 4u + q] * d;
            }
        }
        workgroupBarrier();
    }
    for (var q = 0u; q < 4u; q++) {
        let i = i0 + id.y * 4u + q;
        for (var k = 0u; k < 4u; k++) {
            let j = j0 + id.x * 4u + k;
            if i < w.y && j < w.z {
                partials[(wg.z * N_LANES + lane) * PARAMS + w.x + i * w.z + j] = sums[q][k];
            }
        }
    }
}

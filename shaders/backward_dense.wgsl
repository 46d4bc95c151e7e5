// Gradient of dense layers: dW = X^T D over the rows of a lane, and the bias as one more row of X that is all ones
// (a bias follows its weights). One workgroup a tile of 32 x 32 weights of a lane and a split of its rows; partials:
// [split][lane][PARAMS], added up by `backward_sum`, or the gradient itself where there is one split.
// tiles: (layer, first input, first output, 0) of each workgroup.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<storage, read> tiles: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> coefs: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> acts: array<f32>;
@group(0) @binding(4) var<storage, read> deltas: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

const SIDE: u32 = 32u;
var<workgroup> x_tile: array<f32, 1024>;
var<workgroup> d_tile: array<vec4<f32>, 256>;
// Bit r: row r of the block takes part. Blocks take turns with the two words, so that one can be cleared meanwhile.
var<workgroup> parts: array<atomic<u32>, 2>;

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let tile = tiles[wg.x];
    let layer = net[2u * tile.x];
    let offsets = net[2u * tile.x + 1u];
    let n = SAMPLES * STEPS;
    let base = lane * n;
    var sums: array<vec4<f32>, 4>;
    // Split wg.z sums its share of the blocks.
    let share = (n + SIDE * SPLITS - 1u) / (SIDE * SPLITS) * SIDE;
    for (var r0 = wg.z * share; r0 < min(n, (wg.z + 1u) * share); r0 += SIDE) {
        let turn = r0 / SIDE % 2u;
        if tid < SIDE && r0 + tid < n && coefs[base + r0 + tid].w != 0.0 {
            atomicOr(&parts[turn], 1u << tid);
        }
        workgroupBarrier();
        let part = atomicLoad(&parts[turn]);
        if tid == 0u {
            atomicStore(&parts[1u - turn], 0u);
        }
        // A block without a row that takes part costs its barriers alone.
        let end = select(0u, SIDE, part != 0u);
        for (var e = tid; e < end * SIDE; e += 64u) {
            let r = e / SIDE;
            let i = tile.y + e % SIDE;
            var x = 0.0;
            if ((part >> r) & 1u) != 0u {
                if i < layer.x {
                    x = acts[(base + r0 + r) * HIDDEN + offsets.x + i];
                } else if i == layer.x {
                    x = 1.0;
                }
            }
            x_tile[e] = x;
        }
        for (var e = tid; e < end * SIDE / 4u; e += 64u) {
            let r = e / (SIDE / 4u);
            let j = tile.z + (e % (SIDE / 4u)) * 4u;
            var d = vec4<f32>(0.0);
            if ((part >> r) & 1u) != 0u {
                let start = (base + r0 + r) * DELTA + offsets.y;
                for (var q = 0u; q < 4u; q++) {
                    if j + q < layer.y {
                        d[q] = deltas[start + j + q];
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
        let i = tile.y + id.y * 4u + q;
        for (var k = 0u; k < 4u; k++) {
            let j = tile.z + id.x * 4u + k;
            if i < layer.x && j < layer.y {
                partials[(wg.z * N_LANES + lane) * PARAMS + layer.z + i * layer.y + j] = sums[q][k];
            } else if i == layer.x && j < layer.y {
                partials[(wg.z * N_LANES + lane) * PARAMS + layer.w + j] = sums[q][k];
            }
        }
    }
}

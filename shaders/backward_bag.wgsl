// Gradient of weights that are looked up: row f of the tensor gets the sum of `deltas` over the rows in which feature
// (or state, or token) f is on, or of the sum of `deltas` times number f where numbers are seen. One workgroup a feature of a lane; rows are added in their order, so that the sum is
// the same every time. bags: (offset in params, width, offset in a row of deltas, features) of each tensor.

@group(0) @binding(0) var<uniform> bags: array<vec4<u32>, 4>;
@group(0) @binding(1) var<storage, read> inputs: array<u32>;
@group(0) @binding(2) var<storage, read> coefs: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> deltas: array<f32>;
@group(0) @binding(4) var<storage, read_write> grads: array<f32>;

const BLOCK: u32 = 128u;
var<workgroup> hits: array<atomic<u32>, 4>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let feature = wg.x;
    let bag = bags[wg.z];
    if feature >= bag.w {
        return;
    }
    let base = lane * SAMPLES * STEPS;
    let n = SAMPLES * STEPS;
    for (var c0 = 0u; c0 < bag.y; c0 += BLOCK) {
        let c = c0 + tid;
        var sum = 0.0;
        for (var r0 = 0u; r0 < n; r0 += BLOCK) {
            if tid < 4u {
                atomicStore(&hits[tid], 0u);
            }
            workgroupBarrier();
            let r = base + r0 + tid;
            if r0 + tid < n && coefs[r].w != 0.0 {
                if DENSE == 1u {
                    atomicOr(&hits[tid / 32u], 1u << (tid % 32u));
                }
                for (var k = 0u; k < ACTIVE && DENSE == 0u; k++) {
                    if inputs[r * ACTIVE + k] == feature {
                        atomicOr(&hits[tid / 32u], 1u << (tid % 32u));
                    }
                }
            }
            workgroupBarrier();
            for (var word = 0u; word < 4u; word++) {
                var left = atomicLoad(&hits[word]);
                while left != 0u {
                    let i = firstTrailingBit(left);
                    left &= left - 1u;
                    if c < bag.y {
                        let row = base + r0 + word * 32u + i;
                        let delta = deltas[row * DELTA + bag.z + c];
                        sum += select(delta, delta * bitcast<f32>(inputs[row * ACTIVE + feature % ACTIVE]), DENSE == 1u);
                    }
                }
            }
            workgroupBarrier();
        }
        if c < bag.y {
            grads[lane * PARAMS + bag.x + feature * bag.y + c] = sum;
        }
    }
}

// Gradients of the token and position embeddings, and of the value head's bias: sums of dx half 0 over the trows with a
// token, or at a position, in their order. One workgroup a token, then one a position, then one for the bias.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@group(0) @binding(2) var<storage, read> taking: array<u32>;
@group(0) @binding(3) var<storage, read> dx: array<f32>;
@group(0) @binding(4) var<storage, read> dlogits: array<f32>;
@group(0) @binding(5) var<storage, read_write> grads: array<f32>;

const BLOCK: u32 = 128u;
var<workgroup> hits: array<atomic<u32>, 4>;

@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let n = SAMPLES * CONTEXT;
    let base = lane * n;
    let by_token = wg.x < ACTIONS;
    let bias = wg.x == ACTIONS + CONTEXT;
    var sum = 0.0;
    for (var r0 = 0u; r0 < n; r0 += BLOCK) {
        if tid < 4u {
            atomicStore(&hits[tid], 0u);
        }
        workgroupBarrier();
        let r = r0 + tid;
        if r < n && taking[base + r] != 0u {
            let own = select(r % CONTEXT == wg.x - ACTIONS, tokens[base + r] == wg.x, by_token);
            if own || bias {
                atomicOr(&hits[tid / 32u], 1u << (tid % 32u));
            }
        }
        workgroupBarrier();
        for (var word = 0u; word < 4u; word++) {
            var left = atomicLoad(&hits[word]);
            while left != 0u {
                let row = base + r0 + word * 32u + firstTrailingBit(left);
                left &= left - 1u;
                if bias && tid == 0u {
                    sum += dlogits[row * (ACTIONS + CRITIC) + ACTIONS * CRITIC];
                } else if !bias && tid < D {
                    sum += dx[row * D + tid];
                }
            }
        }
        workgroupBarrier();
    }
    if bias {
        if CRITIC == 1u && tid == 0u {
            grads[lane * PARAMS + net[1].x] = sum;
        }
    } else if tid < D {
        let start = select(net[0].y + (wg.x - ACTIONS) * D, net[0].x + wg.x * D, by_token);
        grads[lane * PARAMS + start + tid] = sum;
    }
}

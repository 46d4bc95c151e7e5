// First stage of the transformer's backward pass, four trows a workgroup: dL/dlogits, and from them dL/d(last stream).
// taking: [trow] 1 where a trow takes part. dlogits: [trow][ACTIONS (+ 1 with a critic)]. dx: [2][trow][D], half 0.
// scratch: [trow][SCRATCH]: the normalised last stream at N_AT.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@group(0) @binding(3) var<storage, read> coefs: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> acts_x: array<f32>;
@group(0) @binding(5) var<storage, read_write> taking: array<u32>;
@group(0) @binding(6) var<storage, read_write> dlogits: array<f32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
@group(0) @binding(8) var<storage, read_write> scratch: array<f32>;

var<workgroup> parts: array<u32, 4>;
var<workgroup> stats: array<vec4<f32>, 4>;

// The coefficients of a trow; w = 0 where its logits are not used.
fn coef_of(lane: u32, r: u32) -> vec4<f32> {
    let t = r % CONTEXT + 1u - PROMPT;
    if r % CONTEXT + 1u < PROMPT || t >= STEPS {
        return vec4<f32>(0.0);
    }
    return coefs[row_of(lane, r / CONTEXT, t)];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let first = wg.x * 4u;
    let p = lane * PARAMS;
    let trow = lane * SAMPLES * CONTEXT + first;
    if tid < 4u {
        let r = first + tid;
        var part = 0u;
        if r < SAMPLES * CONTEXT {
            // A trow takes part if its own logits do or those of a later one, up to which its keys and values reach.
            for (var k = r; k < (r / CONTEXT + 1u) * CONTEXT; k++) {
                if coef_of(lane, k).w != 0.0 {
                    part = 1u;
                    break;
                }
            }
            taking[trow + tid] = part;
        }
        parts[tid] = part;
    }
    let part = workgroupUniformLoad(&parts);
    let live = vec4<u32>(part[0], part[1], part[2], part[3]) != vec4<u32>(0u);
    if !any(live) {
        return;
    }
    let rows = vec4<u32>(trow, trow + 1u, trow + 2u, trow + 3u);
    for (var j = tid; j < D; j += THREADS) {
        x[j] = load_x(3u * LAYERS, rows, live, j);
    }
    workgroupBarrier();
    heads_of(p, tid);
    if tid < 4u {
        stats[tid] = softmax(tid);
    }
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        if live[i] {
            let r = first + i;
            let coef = coef_of(lane, r);
            let next = tokens[min(rows[i] + 1u, arrayLength(&tokens) - 1u)];
            let shift = stats[i].x + log(stats[i].y);
            for (var a = tid; a < ACTIONS + CRITIC; a += THREADS) {
                var d = coef.z;
                if a < ACTIONS {
                    d = dlogit(coef, wide[a][i] - shift, stats[i].z, a == next);
                }
                d = select(0.0, d, coef.w != 0.0);
                wide[a][i] = d;
                dlogits[rows[i] * (ACTIONS + CRITIC) + a] = d;
            }
        }
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var a = 0u; a < ACTIONS; a++) {
            sum += wide[a] * params[p + net[0].z + c * ACTIONS + a];
        }
        if CRITIC == 1u {
            sum += wide[ACTIONS] * params[p + net[0].w + c];
        }
        y[c] = sum;
    }
    workgroupBarrier();
    norm_backward(tid, rows, live, 0u, false);
}

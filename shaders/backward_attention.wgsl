// Back through the attention of a layer, one workgroup a sample: thread i of PLACES, a multiple of 64, is position i, first
// as a query, then as a key. dL/d(heads' outputs) in scratch at 3 D becomes dL/d(queries, keys, values) at 0. Probabilities are computed again
// from their row's greatest score and sum, and a row's sum of p dp is the product of the outputs with their gradient
// (Dao et al. 2022, "FlashAttention"). job.x = layer.

@group(0) @binding(0) var<uniform> job: vec4<u32>;
@group(0) @binding(1) var<storage, read> acts_x: array<f32>;
@group(0) @binding(2) var<storage, read> acts_qkv: array<f32>;
@group(0) @binding(3) var<storage, read> taking: array<u32>;
@group(0) @binding(4) var<storage, read_write> scratch: array<f32>;

const HEAD: u32 = D / HEADS;
const TROWS: u32 = N_LANES * SAMPLES * CONTEXT;

// Of every query: greatest score, sum, sum of p dp; and how many positions take part (they are the first ones).
var<workgroup> tops: array<f32, PLACES>;
var<workgroup> totals: array<f32, PLACES>;
var<workgroup> dots: array<f32, PLACES>;
var<workgroup> count: u32;

@compute @workgroup_size(PLACES)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) i: u32) {
    let first = (wg.y * SAMPLES + wg.x) * CONTEXT;
    if i == 0u {
        var n = 0u;
        while n < CONTEXT && taking[first + n] != 0u {
            n++;
        }
        count = n;
    }
    let n = workgroupUniformLoad(&count);
    if n == 0u {
        return;
    }
    let cache = (job.x * TROWS + first) * (3u * D);
    let scale = inverseSqrt(f32(HEAD));
    let lives = i < n;
    let row = cache + min(i, n - 1u) * 3u * D;
    let out = (first + min(i, n - 1u)) * SCRATCH;
    for (var h = 0u; h < HEADS; h++) {
        let c0 = h * HEAD;
        var q: array<f32, HEAD>;
        var d: array<f32, HEAD>;
        var dq: array<f32, HEAD>;
        var dot = 0.0;
        for (var c = 0u; c < HEAD; c++) {
            q[c] = acts_qkv[row + c0 + c];
            d[c] = scratch[out + 3u * D + c0 + c];
            dq[c] = 0.0;
            dot += d[c] * acts_x[((3u * job.x + 1u) * TROWS + first + min(i, n - 1u)) * D + c0 + c];
        }
        var top = -3.0e38;
        var total = 0.0;
        for (var j = 0u; j < n; j++) {
            let key = cache + j * 3u * D + D + c0;
            var s = 0.0;
            for (var c = 0u; c < HEAD; c++) {
                s += q[c] * acts_qkv[key + c];
            }
            if j <= i {
                let next = max(top, s * scale);
                total = total * exp(top - next) + exp(s * scale - next);
                top = next;
            }
        }
        for (var j = 0u; j < n; j++) {
            let key = cache + j * 3u * D + D + c0;
            var s = 0.0;
            var dp = 0.0;
            for (var c = 0u; c < HEAD; c++) {
                s += q[c] * acts_qkv[key + c];
                dp += d[c] * acts_qkv[key + D + c];
            }
            if j <= i {
                let ds = exp(s * scale - top) / total * (dp - dot) * scale;
                for (var c = 0u; c < HEAD; c++) {
                    dq[c] += ds * acts_qkv[key + c];
                }
            }
        }
        tops[i] = top;
        totals[i] = total;
        dots[i] = dot;
        workgroupBarrier();
        // The thread's position as a key: q is its key now, d its value, and dq, dv what they get.
        var dk: array<f32, HEAD>;
        var dv: array<f32, HEAD>;
        for (var c = 0u; c < HEAD; c++) {
            q[c] = acts_qkv[row + D + c0 + c];
            d[c] = acts_qkv[row + 2u * D + c0 + c];
            dk[c] = 0.0;
            dv[c] = 0.0;
        }
        for (var j = 0u; j < n; j++) {
            let query = cache + j * 3u * D + c0;
            let given = (first + j) * SCRATCH + 3u * D + c0;
            var s = 0.0;
            var dp = 0.0;
            for (var c = 0u; c < HEAD; c++) {
                s += q[c] * acts_qkv[query + c];
                dp += d[c] * scratch[given + c];
            }
            if j >= i {
                let prob = exp(s * scale - tops[j]) / totals[j];
                let ds = prob * (dp - dots[j]) * scale;
                for (var c = 0u; c < HEAD; c++) {
                    dk[c] += ds * acts_qkv[query + c];
                    dv[c] += prob * scratch[given + c];
                }
            }
        }
        if lives {
            for (var c = 0u; c < HEAD; c++) {
                scratch[out + c0 + c] = dq[c];
                scratch[out + D + c0 + c] = dk[c];
                scratch[out + 2u * D + c0 + c] = dv[c];
            }
        }
        workgroupBarrier();
    }
}

// The decoder-only transformer on four rows at once: component i of every vec4 belongs to row i of the workgroup.
// net[0] = offsets of (token embedding, position embedding, out, value); net[1].x = value bias;
// net[2 + l] = offsets of (qkv, o, up, down) of layer l.
// acts_x: [3 LAYERS + 1][trow][D], the residual stream before attention, the heads' outputs, the stream before the feed
// forward, layer by layer, and the last stream. acts_qkv: [LAYERS][trow][3 D], the cache of keys and values too.
// WIDE leaves room for scores beside the queries; AT_ONCE heads go through it at once.
// A trow is (lane * SAMPLES + sample) * CONTEXT + position.

const THREADS: u32 = 64u;
const HEAD: u32 = D / HEADS;
const TROWS: u32 = N_LANES * SAMPLES * CONTEXT;
var<workgroup> x: array<vec4<f32>, D>;
var<workgroup> y: array<vec4<f32>, D>;
var<workgroup> wide: array<vec4<f32>, WIDE>;

// 1 / sqrt(mean of squares + 1e-6) of what x holds; every thread for itself.
fn norm_scale() -> vec4<f32> {
    var sum = vec4<f32>(0.0);
    for (var i = 0u; i < D; i++) {
        sum += x[i] * x[i];
    }
    return inverseSqrt(sum / f32(D) + 1e-6);
}

// GELU in its tanh form, and its derivative.
fn gelu(v: vec4<f32>) -> vec4<f32> {
    return v / (1.0 + exp(-gelu_w(v)));
}

fn gelu_w(v: vec4<f32>) -> vec4<f32> {
    return clamp(1.5957692 * v * (1.0 + 0.044715 * v * v), vec4<f32>(-80.0), vec4<f32>(80.0));
}

fn gelu_slope(v: vec4<f32>) -> vec4<f32> {
    let s = 1.0 / (1.0 + exp(-gelu_w(v)));
    return s + v * s * (1.0 - s) * 1.5957692 * (1.0 + 0.134145 * v * v);
}

// Logits into wide[..ACTIONS], with a critic the value into wide[ACTIONS], from the last stream in x.
fn heads_of(p: u32, tid: u32) {
    let scale = norm_scale();
    for (var j = tid; j < ACTIONS + CRITIC; j += THREADS) {
        var sum = vec4<f32>(0.0);
        if j < ACTIONS {
            for (var i = 0u; i < D; i++) {
                sum += x[i] * params[p + net[0].z + i * ACTIONS + j];
            }
            wide[j] = sum * scale;
        } else {
            for (var i = 0u; i < D; i++) {
                sum += x[i] * params[p + net[0].w + i];
            }
            wide[j] = sum * scale + params[p + net[1].x];
        }
    }
    workgroupBarrier();
}

// What a softmax over wide[..ACTIONS] of row i is: greatest logit, sum of exponentials, entropy,
// KL(uniform, policy).
fn softmax(i: u32) -> vec4<f32> {
    var top = wide[0][i];
    for (var a = 1u; a < ACTIONS; a++) {
        top = max(top, wide[a][i]);
    }
    var sum = 0.0;
    var dot = 0.0;
    var flat = 0.0;
    for (var a = 0u; a < ACTIONS; a++) {
        let z = wide[a][i] - top;
        let e = exp(z);
        sum += e;
        dot += e * z;
        flat += z;
    }
    let norm = log(sum);
    let from_uniform = norm - flat / f32(ACTIONS) - log(f32(ACTIONS));
    return vec4<f32>(top, sum, norm - dot / sum, from_uniform);
}

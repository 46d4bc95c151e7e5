// dL/dlogits (and dL/dvalue) of the softmax table, one thread a row; `backward_bag` sums them by state.
// deltas: [row][ACTIONS (+ 1 with a critic)], zero for rows that take no part.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read> inputs: array<u32>;
@group(0) @binding(3) var<storage, read> actions: array<u32>;
@group(0) @binding(4) var<storage, read> coefs: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> deltas: array<f32>;
@group(0) @binding(6) var<storage, read> acts: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES * STEPS {
        return;
    }
    let lane = id.y;
    let row = lane * SAMPLES * STEPS + id.x;
    let coef = coefs[row];
    if coef.w == 0.0 {
        return;
    }
    let state = inputs[row];
    let dist = table_softmax(lane, state, row);
    for (var a = 0u; a < ACTIONS; a++) {
        let logp = table_logit(lane, state, row, a) - dist.x - log(dist.y);
        deltas[row * DELTA + a] = dlogit(coef, logp, dist.z, a == actions[row]);
    }
    if CRITIC == 1u {
        deltas[row * DELTA + ACTIONS] = coef.z;
    }
}

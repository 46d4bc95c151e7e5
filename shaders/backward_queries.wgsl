// Back through queries, keys, values and the norm before them, four trows a workgroup: dx half 1 (behind the attention)
// to dx half 0 (before it). job.x = layer. scratch: dL/d(q, k, v) at 0, the normalised stream at N_AT.

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<uniform> job: vec4<u32>;
@group(0) @binding(2) var<storage, read> params: array<f32>;
@group(0) @binding(3) var<storage, read> acts_x: array<f32>;
@group(0) @binding(4) var<storage, read> taking: array<u32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<storage, read_write> scratch: array<f32>;

var<workgroup> parts: array<u32, 4>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let first = wg.x * 4u;
    let p = wg.y * PARAMS;
    let trow = wg.y * SAMPLES * CONTEXT + first;
    let rows = vec4<u32>(trow, trow + 1u, trow + 2u, trow + 3u);
    if tid < 4u {
        parts[tid] = select(0u, taking[min(trow + tid, arrayLength(&taking) - 1u)], first + tid < SAMPLES * CONTEXT);
    }
    let part = workgroupUniformLoad(&parts);
    let live = vec4<u32>(part[0], part[1], part[2], part[3]) != vec4<u32>(0u);
    if !any(live) {
        return;
    }
    let qkv = net[2u + job.x].x;
    for (var j = tid; j < D; j += THREADS) {
        x[j] = load_x(3u * job.x, rows, live, j);
    }
    for (var j = tid; j < 3u * D; j += THREADS) {
        let at_j = rows * SCRATCH + j;
        var v = vec4<f32>(0.0);
        if live.x { v.x = scratch[at_j.x]; }
        if live.y { v.y = scratch[at_j.y]; }
        if live.z { v.z = scratch[at_j.z]; }
        if live.w { v.w = scratch[at_j.w]; }
        wide[j] = v;
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < 3u * D; j++) {
            sum += wide[j] * params[p + qkv + c * 3u * D + j];
        }
        y[c] = sum;
    }
    workgroupBarrier();
    norm_backward(tid, rows, live, 0u, true);
}

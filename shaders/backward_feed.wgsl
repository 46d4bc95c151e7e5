// Back through a feed-forward layer, four trows a workgroup: dx half 0 (behind the layer) to dx half 1 (before it).
// job.x = layer. scratch: gelu(up) at 0, dL/d(up) at 4 D, the normalised stream at N_AT.

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
    let w = net[2u + job.x];
    for (var j = tid; j < D; j += THREADS) {
        x[j] = load_x(3u * job.x + 2u, rows, live, j);
        y[j] = load_dx(0u, rows, live, j);
    }
    workgroupBarrier();
    let scale = norm_scale();
    for (var j = tid; j < 4u * D; j += THREADS) {
        var up = vec4<f32>(0.0);
        var dg = vec4<f32>(0.0);
        for (var i = 0u; i < D; i++) {
            up += x[i] * params[p + w.z + i * 4u * D + j];
            dg += y[i] * params[p + w.w + j * D + i];
        }
        up *= scale;
        let du = dg * gelu_slope(up);
        store_scratch(rows, live, j, gelu(up));
        store_scratch(rows, live, 4u * D + j, du);
        wide[j] = du;
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < 4u * D; j++) {
            sum += wide[j] * params[p + w.z + c * 4u * D + j];
        }
        y[c] = sum;
    }
    workgroupBarrier();
    norm_backward(tid, rows, live, 1u, true);
}

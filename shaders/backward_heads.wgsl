// Back through the output projection of an attention layer, four trows a workgroup: from dx half 1 to dL/d(heads'
// outputs) in scratch at 3 D. job.x = layer.

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
    let o = net[2u + job.x].y;
    for (var j = tid; j < D; j += THREADS) {
        y[j] = load_dx(1u, rows, live, j);
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < D; j++) {
            sum += y[j] * params[p + o + c * D + j];
        }
        store_scratch(rows, live, 3u * D + c, sum);
    }
}

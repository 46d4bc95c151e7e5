// Back through a feed-forward layer, four trows a workgroup: dx half 0 (behind the layer) to dx half 1 (before it).
// job.x = layer. scratch: gelu(up) at 0, dL/d(up) at 4 D, the normalised stream at N_AT.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let block = block_of(wg, tid);
    if !any(block.live) {
        return;
    }
    let w = net[2u + job.x];
    for (var j = tid; j < D; j += THREADS) {
        x[j] = load_x(3u * job.x + 2u, block.rows, block.live, j);
        y[j] = load_dx(0u, block.rows, block.live, j);
    }
    workgroupBarrier();
    let scale = norm_scale();
    for (var j = tid; j < 4u * D; j += THREADS) {
        var up = vec4<f32>(0.0);
        var dg = vec4<f32>(0.0);
        for (var i = 0u; i < D; i++) {
            up += x[i] * params[block.p + w.z + i * 4u * D + j];
            dg += y[i] * params[block.p + w.w + j * D + i];
        }
        up *= scale;
        let du = dg * gelu_slope(up);
        store_scratch(block.rows, block.live, j, gelu(up));
        store_scratch(block.rows, block.live, 4u * D + j, du);
        wide[j] = du;
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < 4u * D; j++) {
            sum += wide[j] * params[block.p + w.z + c * 4u * D + j];
        }
        y[c] = sum;
    }
    workgroupBarrier();
    norm_backward(tid, block.rows, block.live, 1u, true);
}

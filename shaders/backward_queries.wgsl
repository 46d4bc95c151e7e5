// Back through queries, keys, values and the norm before them, four trows a workgroup: dx half 1 (behind the attention)
// to dx half 0 (before it). job.x = layer. scratch: dL/d(q, k, v) at 0, the normalised stream at N_AT.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let block = block_of(wg, tid);
    if !any(block.live) {
        return;
    }
    let qkv = net[2u + job.x].x;
    for (var j = tid; j < D; j += THREADS) {
        x[j] = load_x(3u * job.x, block.rows, block.live, j);
    }
    for (var j = tid; j < 3u * D; j += THREADS) {
        let at_j = block.rows * SCRATCH + j;
        var v = vec4<f32>(0.0);
        if block.live.x { v.x = scratch[at_j.x]; }
        if block.live.y { v.y = scratch[at_j.y]; }
        if block.live.z { v.z = scratch[at_j.z]; }
        if block.live.w { v.w = scratch[at_j.w]; }
        wide[j] = v;
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < 3u * D; j++) {
            sum += wide[j] * params[block.p + qkv + c * 3u * D + j];
        }
        y[c] = sum;
    }
    workgroupBarrier();
    norm_backward(tid, block.rows, block.live, 0u, true);
}

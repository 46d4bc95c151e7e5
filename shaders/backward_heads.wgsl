// Back through the output projection of an attention layer, four trows a workgroup: from dx half 1 to dL/d(heads'
// outputs) in scratch at 3 D. job.x = layer.

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let block = block_of(wg, tid);
    if !any(block.live) {
        return;
    }
    let o = net[2u + job.x].y;
    for (var j = tid; j < D; j += THREADS) {
        y[j] = load_dx(1u, block.rows, block.live, j);
    }
    workgroupBarrier();
    for (var c = tid; c < D; c += THREADS) {
        var sum = vec4<f32>(0.0);
        for (var j = 0u; j < D; j++) {
            sum += y[j] * params[block.p + o + c * D + j];
        }
        store_scratch(block.rows, block.live, 3u * D + c, sum);
    }
}

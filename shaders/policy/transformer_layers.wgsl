// The layers of the transformer, one position of four sequences at a time; needs policy/transformer.wgsl.

fn keep_x(slot: u32, rows: vec4<u32>, keep: vec4<bool>, j: u32, v: vec4<f32>) {
    let at_j = (vec4<u32>(slot * TROWS) + rows) * D + j;
    if keep.x { acts_x[at_j.x] = v.x; }
    if keep.y { acts_x[at_j.y] = v.y; }
    if keep.z { acts_x[at_j.z] = v.z; }
    if keep.w { acts_x[at_j.w] = v.w; }
}

// Scores of heads h0.. of layer l against positions 0..=pos, into wide[D..]; queries are in wide[..D].
fn scores(tid: u32, l: u32, h0: u32, pos: u32, firsts: vec4<u32>) {
    let n = pos + 1u;
    let heads = min(AT_ONCE, HEADS - h0);
    for (var e = tid; e < heads * n; e += THREADS) {
        let h = h0 + e / n;
        let key = (vec4<u32>(l * TROWS + e % n) + firsts) * (3u * D) + D + h * HEAD;
        var sum = vec4<f32>(0.0);
        for (var c = 0u; c < HEAD; c++) {
            let k = vec4<f32>(acts_qkv[key.x + c], acts_qkv[key.y + c], acts_qkv[key.z + c], acts_qkv[key.w + c]);
            sum += wide[h * HEAD + c] * k;
        }
        wide[D + (h - h0) * CONTEXT + e % n] = sum * inverseSqrt(f32(HEAD));
    }
}

// y = softmax(scores) values for heads h0...
fn mix(tid: u32, l: u32, h0: u32, pos: u32, firsts: vec4<u32>, rows: vec4<u32>, keep: vec4<bool>) {
    let end = min(h0 + AT_ONCE, HEADS) * HEAD;
    for (var j = h0 * HEAD + tid; j < end; j += THREADS) {
        let own = D + (j / HEAD - h0) * CONTEXT;
        var top = wide[own];
        for (var i = 1u; i <= pos; i++) {
            top = max(top, wide[own + i]);
        }
        var total = vec4<f32>(0.0);
        var sum = vec4<f32>(0.0);
        for (var i = 0u; i <= pos; i++) {
            let value = (vec4<u32>(l * TROWS + i) + firsts) * (3u * D) + 2u * D + j;
            let v = vec4<f32>(acts_qkv[value.x], acts_qkv[value.y], acts_qkv[value.z], acts_qkv[value.w]);
            let e = exp(wide[own + i] - top);
            total += e;
            sum += e * v;
        }
        y[j] = sum / total;
        keep_x(3u * l + 1u, rows, keep, j, y[j]);
    }
}

// One position of four sequences through all layers; `firsts` are the trows of their position 0. Leaves the last stream
// in x. Keys and values of the rows in `live` go to the cache, activations of those in `keep` too.
fn layers_at(p: u32, tid: u32, pos: u32, firsts: vec4<u32>, live: vec4<bool>, keep: vec4<bool>) {
    let rows = firsts + pos;
    for (var l = 0u; l < LAYERS; l++) {
        let w = net[2u + l];
        workgroupBarrier();
        let scale = norm_scale();
        for (var j = tid; j < 3u * D; j += THREADS) {
            var sum = vec4<f32>(0.0);
            for (var i = 0u; i < D; i++) {
                sum += x[i] * params[p + w.x + i * 3u * D + j];
            }
            sum *= scale;
            if j < D {
                wide[j] = sum;
                keep_x(3u * l, rows, keep, j, x[j]);
            }
            let at_j = (vec4<u32>(l * TROWS) + rows) * (3u * D) + j;
            if live.x { acts_qkv[at_j.x] = sum.x; }
            if live.y { acts_qkv[at_j.y] = sum.y; }
            if live.z { acts_qkv[at_j.z] = sum.z; }
            if live.w { acts_qkv[at_j.w] = sum.w; }
        }
        storageBarrier();
        workgroupBarrier();
        for (var h0 = 0u; h0 < HEADS; h0 += AT_ONCE) {
            scores(tid, l, h0, pos, firsts);
            workgroupBarrier();
            mix(tid, l, h0, pos, firsts, rows, keep);
            workgroupBarrier();
        }
        for (var j = tid; j < D; j += THREADS) {
            var sum = x[j];
            for (var i = 0u; i < D; i++) {
                sum += y[i] * params[p + w.y + i * D + j];
            }
            x[j] = sum;
            keep_x(3u * l + 2u, rows, keep, j, sum);
        }
        workgroupBarrier();
        let scale2 = norm_scale();
        for (var j = tid; j < 4u * D; j += THREADS) {
            var sum = vec4<f32>(0.0);
            for (var i = 0u; i < D; i++) {
                sum += x[i] * params[p + w.z + i * 4u * D + j];
            }
            wide[j] = gelu(sum * scale2);
        }
        workgroupBarrier();
        for (var j = tid; j < D; j += THREADS) {
            var sum = x[j];
            for (var i = 0u; i < 4u * D; i++) {
                sum += wide[i] * params[p + w.w + i * D + j];
            }
            x[j] = sum;
        }
    }
    workgroupBarrier();
}

// The MLP on four rows at once: component i of every vec4 in `tile` belongs to row i of the workgroup.
// Layers: a bag of active features, dense layers, the policy head, the value head. `net` holds two entries a layer:
// (inputs, outputs, weights, bias) as offsets into a lane's parameters, and (offset of its input in a row of `acts`,
// offset of its output in a row of `deltas`, 0, 0).

const THREADS: u32 = 64u;
var<workgroup> tile: array<vec4<f32>, 2u * WIDTH>;
// Active features of the four rows, or the bits of the numbers that they see, [row][ACTIVE]. Scalars: threads may not write parts of one vector.
var<workgroup> bag: array<u32, 4u * ACTIVE>;

fn activate(x: vec4<f32>) -> vec4<f32> {
    if RELU == 1u {
        return max(x, vec4<f32>(0.0));
    }
    return tanh_exact(x);
}

// The derivative of the activation, src its value.
fn slope(y: vec4<f32>) -> vec4<f32> {
    if RELU == 1u {
        return select(vec4<f32>(0.0), vec4<f32>(1.0), y > vec4<f32>(0.0));
    }
    return 1.0 - y * y;
}

// tile[dst..] = activate(sum of the active features' weights + bias)
fn embed(p: u32, tid: u32, dst: u32) {
    let layer = net[0];
    for (var j = tid; j < layer.y; j += THREADS) {
        var sum = vec4<f32>(params[p + layer.w + j]);
        for (var k = 0u; k < ACTIVE; k++) {
            if DENSE == 1u {
                let seen = vec4<u32>(bag[k], bag[ACTIVE + k], bag[2u * ACTIVE + k], bag[3u * ACTIVE + k]);
                sum += bitcast<vec4<f32>>(seen) * params[p + layer.z + k * layer.y + j];
                continue;
            }
            let on = vec4<u32>(bag[k], bag[ACTIVE + k], bag[2u * ACTIVE + k], bag[3u * ACTIVE + k]);
            let w = vec4<u32>(p + layer.z + j) + on * layer.y;
            sum += vec4<f32>(params[w.x], params[w.y], params[w.z], params[w.w]);
        }
        tile[dst + j] = activate(sum);
    }
}

// tile[dst..] = tile[src..] W + b
fn dense(p: u32, tid: u32, l: u32, src: u32, dst: u32) {
    let layer = net[2u * l];
    for (var j = tid; j < layer.y; j += THREADS) {
        var sum = vec4<f32>(params[p + layer.w + j]);
        for (var i = 0u; i < layer.x; i++) {
            sum += tile[src + i] * params[p + layer.z + i * layer.y + j];
        }
        tile[dst + j] = sum;
    }
}

// Adds the task's prior logits of the rows to the logits in tile[at_logits..], each thread to those that it wrote.
fn add_prior(tid: u32, at_logits: u32, rows: vec4<u32>, live: vec4<bool>) {
    if PRIOR == 0u {
        return;
    }
    for (var a = tid; a < ACTIONS; a += THREADS) {
        tile[at_logits + a] += load4(rows, live, PRIOR_AT + a);
    }
}

// Number i of four rows of `acts`.
fn load4(rows: vec4<u32>, live: vec4<bool>, i: u32) -> vec4<f32> {
    var x = vec4<f32>(0.0);
    if live.x { x.x = acts[rows.x * HIDDEN + i]; }
    if live.y { x.y = acts[rows.y * HIDDEN + i]; }
    if live.z { x.z = acts[rows.z * HIDDEN + i]; }
    if live.w { x.w = acts[rows.w * HIDDEN + i]; }
    return x;
}

// All layers: `bag` to the last hidden layer, then logits and the value in tile[result..], result = 0 or WIDTH.
// Hidden activations of the rows that are kept go to `acts`, where the prior logits of the live ones are already.
fn forward(p: u32, tid: u32, rows: vec4<u32>, live: vec4<bool>, keep: vec4<bool>) -> u32 {
    var src = 0u;
    embed(p, tid, src);
    for (var l = 1u; l <= LAYERS; l++) {
        let inputs = net[2u * l].x;
        let offset = net[2u * l + 1u].x;
        workgroupBarrier();
        for (var j = tid; j < inputs; j += THREADS) {
            let y = tile[src + j];
            if keep.x { acts[rows.x * HIDDEN + offset + j] = y.x; }
            if keep.y { acts[rows.y * HIDDEN + offset + j] = y.y; }
            if keep.z { acts[rows.z * HIDDEN + offset + j] = y.z; }
            if keep.w { acts[rows.w * HIDDEN + offset + j] = y.w; }
        }
        let dst = WIDTH - src;
        dense(p, tid, l, src, dst);
        if l < LAYERS {
            // Each thread activates what it wrote itself.
            for (var j = tid; j < net[2u * l].y; j += THREADS) {
                tile[dst + j] = activate(tile[dst + j]);
            }
        } else {
            add_prior(tid, dst, rows, live);
        }
        if l == LAYERS && CRITIC == 1u && tid == 0u {
            let head = net[2u * l + 2u];
            var sum = vec4<f32>(params[p + head.w]);
            for (var i = 0u; i < head.x; i++) {
                sum += tile[src + i] * params[p + head.z + i];
            }
            tile[dst + ACTIONS] = sum;
        }
        src = dst;
    }
    workgroupBarrier();
    return src;
}

// What a softmax over tile[at_logits..] of row i is: greatest logit, sum of exponentials, entropy,
// KL(uniform, policy).
fn softmax(at_logits: u32, i: u32) -> vec4<f32> {
    var top = tile[at_logits][i];
    for (var a = 1u; a < ACTIONS; a++) {
        top = max(top, tile[at_logits + a][i]);
    }
    var sum = 0.0;
    var dot = 0.0;
    var flat = 0.0;
    for (var a = 0u; a < ACTIONS; a++) {
        let z = tile[at_logits + a][i] - top;
        let e = exp(z);
        sum += e;
        dot += e * z;
        flat += z;
    }
    let norm = log(sum);
    let from_uniform = norm - flat / f32(ACTIONS) - log(f32(ACTIONS));
    return vec4<f32>(top, sum, norm - dot / sum, from_uniform);
}

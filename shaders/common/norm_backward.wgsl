// Back through the norm, and how backward stages of the transformer load and store four trows.

fn load_x(slot: u32, rows: vec4<u32>, live: vec4<bool>, j: u32) -> vec4<f32> {
    let at_j = (vec4<u32>(slot * TROWS) + rows) * D + j;
    var v = vec4<f32>(0.0);
    if live.x { v.x = acts_x[at_j.x]; }
    if live.y { v.y = acts_x[at_j.y]; }
    if live.z { v.z = acts_x[at_j.z]; }
    if live.w { v.w = acts_x[at_j.w]; }
    return v;
}

fn load_dx(half: u32, rows: vec4<u32>, live: vec4<bool>, j: u32) -> vec4<f32> {
    let at_j = (vec4<u32>(half * TROWS) + rows) * D + j;
    var v = vec4<f32>(0.0);
    if live.x { v.x = dx[at_j.x]; }
    if live.y { v.y = dx[at_j.y]; }
    if live.z { v.z = dx[at_j.z]; }
    if live.w { v.w = dx[at_j.w]; }
    return v;
}

fn store_dx(half: u32, rows: vec4<u32>, live: vec4<bool>, j: u32, v: vec4<f32>) {
    let at_j = (vec4<u32>(half * TROWS) + rows) * D + j;
    if live.x { dx[at_j.x] = v.x; }
    if live.y { dx[at_j.y] = v.y; }
    if live.z { dx[at_j.z] = v.z; }
    if live.w { dx[at_j.w] = v.w; }
}

fn store_scratch(rows: vec4<u32>, live: vec4<bool>, j: u32, v: vec4<f32>) {
    let at_j = rows * SCRATCH + j;
    if live.x { scratch[at_j.x] = v.x; }
    if live.y { scratch[at_j.y] = v.y; }
    if live.z { scratch[at_j.z] = v.z; }
    if live.w { scratch[at_j.w] = v.w; }
}

// With the stream in x and dL/d(normalised stream) in y: dx of `half` = what came past the norm (the other half, if
// `past`) + what comes through it, and the normalised stream into the scratch, for the weights' gradient.
fn norm_backward(tid: u32, rows: vec4<u32>, live: vec4<bool>, half: u32, past: bool) {
    let scale = norm_scale();
    var dot = vec4<f32>(0.0);
    for (var i = 0u; i < D; i++) {
        dot += x[i] * y[i];
    }
    let along = dot * scale * scale / f32(D);
    for (var j = tid; j < D; j += THREADS) {
        var d = scale * (y[j] - x[j] * along);
        if past {
            d += load_dx(1u - half, rows, live, j);
        }
        store_dx(half, rows, live, j, d);
        store_scratch(rows, live, N_AT + j, x[j] * scale);
    }
}

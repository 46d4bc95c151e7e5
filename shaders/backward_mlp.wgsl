// dL/d(output) of every layer of the MLP, four rows of one lane a workgroup; `backward_dense` and `backward_bag` turn
// them into gradients of the weights. deltas: [row][hidden layers.., ACTIONS (+ 1 with a critic)].

@group(0) @binding(0) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(1) var<storage, read> params: array<f32>;
@group(0) @binding(2) var<storage, read> actions: array<u32>;
@group(0) @binding(3) var<storage, read> coefs: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> acts: array<f32>;
@group(0) @binding(5) var<storage, read_write> deltas: array<f32>;

var<workgroup> taking_part: array<u32, 4>;
var<workgroup> stats: array<vec4<f32>, 4>;

fn store4(rows: vec4<u32>, live: vec4<bool>, i: u32, x: vec4<f32>) {
    if live.x { deltas[rows.x * DELTA + i] = x.x; }
    if live.y { deltas[rows.y * DELTA + i] = x.y; }
    if live.z { deltas[rows.z * DELTA + i] = x.z; }
    if live.w { deltas[rows.w * DELTA + i] = x.w; }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let first = wg.x * 4u;
    let row = lane * SAMPLES * STEPS + first;
    let rows = vec4<u32>(row, row + 1u, row + 2u, row + 3u);
    if tid < 4u {
        let inside = first + tid < SAMPLES * STEPS;
        taking_part[tid] = select(0u, 1u, inside && coefs[min(row + tid, arrayLength(&coefs) - 1u)].w != 0.0);
    }
    let parts = workgroupUniformLoad(&taking_part);
    let live = vec4<u32>(parts[0], parts[1], parts[2], parts[3]) != vec4<u32>(0u);
    if !any(live) {
        return;
    }
    let p = lane * PARAMS;
    let last = net[2u * LAYERS];
    let input = net[2u * LAYERS + 1u].x;
    for (var j = tid; j < last.x; j += THREADS) {
        tile[j] = load4(rows, live, input + j);
    }
    workgroupBarrier();
    dense(p, tid, LAYERS, 0u, WIDTH);
    add_prior(tid, WIDTH, rows, live);
    workgroupBarrier();
    if tid < 4u {
        stats[tid] = softmax(WIDTH, tid);
    }
    workgroupBarrier();
    for (var i = 0u; i < 4u; i++) {
        if live[i] {
            let taken = actions[rows[i]];
            let coef = coefs[rows[i]];
            let shift = stats[i].x + log(stats[i].y);
            for (var a = tid; a < ACTIONS; a += THREADS) {
                tile[WIDTH + a][i] = dlogit(coef, tile[WIDTH + a][i] - shift, stats[i].z, a == taken);
            }
            if CRITIC == 1u && tid == 0u {
                tile[WIDTH + ACTIONS][i] = coef.z;
            }
        }
    }
    workgroupBarrier();
    let output = net[2u * LAYERS + 1u].y;
    for (var j = tid; j < ACTIONS + CRITIC; j += THREADS) {
        store4(rows, live, output + j, tile[WIDTH + j]);
    }
    // Back through the layers: what the layer above made of this hidden layer, times the slope of its activation.
    var src = WIDTH;
    for (var l = LAYERS; l > 0u; l--) {
        let layer = net[2u * l];
        let dst = WIDTH - src;
        let hidden = net[2u * l + 1u].x;
        for (var i = tid; i < layer.x; i += THREADS) {
            var sum = vec4<f32>(0.0);
            for (var j = 0u; j < layer.y; j++) {
                sum += tile[src + j] * params[p + layer.z + i * layer.y + j];
            }
            if CRITIC == 1u && l == LAYERS {
                sum += tile[src + ACTIONS] * params[p + net[2u * l + 2u].z + i];
            }
            sum *= slope(load4(rows, live, hidden + i));
            tile[dst + i] = sum;
            store4(rows, live, hidden + i, sum);
        }
        workgroupBarrier();
        src = dst;
    }
}

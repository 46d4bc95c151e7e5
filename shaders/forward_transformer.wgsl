// The transformer on the completions as they are, a workgroup four samples, position by position as in the rollout. In
// the reference pass it only fills policy_old.w, and its keys and values go to a buffer of their own.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(2) var<storage, read> params: array<f32>;
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> policy_new: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> acts_x: array<f32>;
@group(0) @binding(7) var<storage, read_write> acts_qkv: array<f32>;

var<workgroup> lengths: array<u32, 4>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let first = wg.x * 4u;
    let p = lane * PARAMS;
    if tid < 4u {
        let inside = first + tid < SAMPLES;
        lengths[tid] = select(0u, u32(samples[lane * SAMPLES + min(first + tid, SAMPLES - 1u)].x), inside);
    }
    let n = workgroupUniformLoad(&lengths);
    let own = vec4<u32>(first, first + 1u, first + 2u, first + 3u);
    let firsts = (vec4<u32>(lane * SAMPLES) + min(own, vec4<u32>(SAMPLES - 1u))) * CONTEXT;
    let ends = vec4<u32>(n[0], n[1], n[2], n[3]) + PROMPT - 1u;
    for (var pos = 0u; pos + 1u < CONTEXT; pos++) {
        let live = (vec4<u32>(pos) < ends) & (ends >= vec4<u32>(PROMPT));
        if !any(live) {
            break;
        }
        for (var j = tid; j < D; j += THREADS) {
            let here = vec4<f32>(params[p + net[0].y + pos * D + j]);
            let e = vec4<u32>(p + net[0].x + j)
                + D * vec4<u32>(tokens[firsts.x + pos], tokens[firsts.y + pos], tokens[firsts.z + pos], tokens[firsts.w + pos]);
            x[j] = here + vec4<f32>(params[e.x], params[e.y], params[e.z], params[e.w]);
        }
        let keep = live & vec4<bool>(at.reference == 0u);
        layers_at(p, tid, pos, firsts, live, keep);
        for (var j = tid; j < D; j += THREADS) {
            keep_x(3u * LAYERS, firsts + pos, keep, j, x[j]);
        }
        if pos + 1u < PROMPT {
            continue;
        }
        heads_of(p, tid);
        if tid < 4u && live[tid] {
            let dist = softmax(tid);
            let token = tokens[firsts[tid] + pos + 1u];
            let logp = wide[token][tid] - dist.x - log(dist.y);
            let row = row_of(lane, first + tid, pos + 1u - PROMPT);
            if at.reference == 1u {
                policy_new[row].w = logp;
            } else {
                let value = select(0.0, wide[ACTIONS * CRITIC][tid], CRITIC == 1u);
                policy_new[row] = vec4<f32>(logp, dist.z, value, 0.0);
            }
        }
        workgroupBarrier();
    }
}

// Rollout of the transformer: a workgroup writes four completions, token by token, with a cache of keys and values;
// activations are kept for the backward pass. Thread i < 4 keeps the books of sample i.
// tokens: [trow], prompt and completion.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(3) var<storage, read> params: array<f32>;
@group(0) @binding(4) var<storage, read> task_words: array<u32>;
@group(0) @binding(5) var<storage, read_write> records: array<f32>;
@group(0) @binding(6) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(7) var<storage, read_write> samples: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> policy_old: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> acts_x: array<f32>;
@group(0) @binding(10) var<storage, read_write> acts_qkv: array<f32>;

// Tokens of the four samples, and 1 for each that still writes.
var<workgroup> text: array<u32, 4u * CONTEXT>;
var<workgroup> writing: array<u32, 4>;
var<private> me: u32;

fn prompt_token(i: u32) -> u32 {
    return text[me * CONTEXT + i];
}

fn completion_token(t: u32) -> u32 {
    return text[me * CONTEXT + PROMPT + t];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let first = wg.x * 4u;
    let p = lane * PARAMS;
    let seed = lanes[lane].y;
    task_of(lane);
    let index = min(first + tid, SAMPLES - 1u);
    let group = index / GROUP;
    let sample = index % GROUP;
    let mine = tid < 4u && first + tid < SAMPLES;
    record_base = (lane * SAMPLES + index) * RECORD;
    me = min(tid, 3u);
    var over = !mine;
    var sure = vec3<f32>(0.0);
    var vote = VOTE_START;
    if tid < 4u {
        var prompt: array<u32, PROMPT>;
        task_prompt(seed, at.update, group, &prompt);
        for (var i = 0u; i < PROMPT; i++) {
            text[tid * CONTEXT + i] = prompt[i];
            if mine {
                tokens[(lane * SAMPLES + index) * CONTEXT + i] = prompt[i];
            }
        }
    }
    let own = vec4<u32>(first, first + 1u, first + 2u, first + 3u);
    let firsts = (vec4<u32>(lane * SAMPLES) + min(own, vec4<u32>(SAMPLES - 1u))) * CONTEXT;
    for (var pos = 0u; pos + 1u < CONTEXT; pos++) {
        if tid < 4u {
            writing[tid] = select(1u, 0u, over);
        }
        let writes = workgroupUniformLoad(&writing);
        let live = vec4<u32>(writes[0], writes[1], writes[2], writes[3]) != vec4<u32>(0u);
        if !any(live) {
            break;
        }
        for (var j = tid; j < D; j += THREADS) {
            let here = vec4<f32>(params[p + net[0].y + pos * D + j]);
            let e = vec4<u32>(text[pos], text[CONTEXT + pos], text[2u * CONTEXT + pos], text[3u * CONTEXT + pos]) * D
                + p + net[0].x + j;
            x[j] = here + vec4<f32>(params[e.x], params[e.y], params[e.z], params[e.w]);
        }
        layers_at(p, tid, pos, firsts, live, live);
        for (var j = tid; j < D; j += THREADS) {
            keep_x(3u * LAYERS, firsts + pos, live, j, x[j]);
        }
        if pos + 1u < PROMPT {
            continue;
        }
        heads_of(p, tid);
        let t = pos + 1u - PROMPT;
        if !over {
            let dist = softmax(tid);
            let u = uniform01(draw(seed, at.update, group, sample, t, PURPOSE_ACTION).x) * dist.y;
            var token = ACTIONS - 1u;
            var below_u = 0.0;
            for (var a = 0u; a < ACTIONS; a++) {
                below_u += exp(wide[a][tid] - dist.x);
                if u < below_u {
                    token = a;
                    break;
                }
            }
            let logp = wide[token][tid] - dist.x - log(dist.y);
            let value = select(0.0, wide[ACTIONS * CRITIC][tid], CRITIC == 1u);
            text[tid * CONTEXT + pos + 1u] = token;
            tokens[(lane * SAMPLES + index) * CONTEXT + pos + 1u] = token;
            vote = vote_with(vote, token);
            policy_old[row_of(lane, index, t)] = vec4<f32>(logp, dist.z, value, 0.0);
            sure += vec3<f32>(dist.z, logp, dist.w);
            over = token == END;
            if over || t + 1u == STEPS {
                let score = task_finish(seed, at.update, group, sample, t + 1u, !over);
                confidence_set(sure, t + 1u);
                samples[lane * SAMPLES + index] = vec4<f32>(f32(t + 1u), select(1.0, 0.0, over), score, vote_of(vote));
            }
        }
        workgroupBarrier();
    }
}

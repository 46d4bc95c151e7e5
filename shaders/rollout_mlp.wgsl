// Rollout of the MLP: a workgroup plays four samples to their ends; thread i < 4 keeps the state of sample i, all
// threads share the layers' work.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(3) var<storage, read> params: array<f32>;
@group(0) @binding(4) var<storage, read> task_words: array<u32>;
@group(0) @binding(5) var<storage, read_write> records: array<f32>;
@group(0) @binding(6) var<storage, read_write> inputs: array<u32>;
@group(0) @binding(7) var<storage, read_write> actions: array<u32>;
@group(0) @binding(8) var<storage, read_write> samples: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read_write> policy_old: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read_write> acts: array<f32>;

// 1 for each of the four samples that still plays.
var<workgroup> playing: array<u32, 4>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let first = wg.x * 4u;
    let index = min(first + tid, SAMPLES - 1u);
    let seed = lanes[lane].y;
    task_of(lane);
    let group = index / GROUP;
    let sample = index % GROUP;
    let mine = tid < 4u && first + tid < SAMPLES;
    record_base = (lane * SAMPLES + index) * RECORD;
    var state = TaskState();
    var on: array<u32, SEEN>;
    var length = 0u;
    var vote = VOTE_START;
    var over = !mine;
    var sure = vec3<f32>(0.0);
    if mine {
        state = task_begin(seed, at.update, group, sample);
        explore_note(&state, 0u);
    }
    for (var t = 0u; t < STEPS; t++) {
        if tid < 4u {
            playing[tid] = select(1u, 0u, over);
        }
        if !over {
            task_features(&state, &on);
            for (var k = 0u; k < ACTIVE; k++) {
                bag[tid * ACTIVE + k] = on[k];
                inputs[row_of(lane, index, t) * ACTIVE + k] = on[k];
            }
        }
        if PRIOR == 1u && !over {
            for (var a = 0u; a < ACTIONS; a++) {
                acts[row_of(lane, index, t) * HIDDEN + PRIOR_AT + a] = task_prior(&state, a);
            }
        }
        storageBarrier();
        let plays = workgroupUniformLoad(&playing);
        let live = vec4<u32>(plays[0], plays[1], plays[2], plays[3]) != vec4<u32>(0u);
        if !any(live) {
            break;
        }
        let row = row_of(lane, first, t);
        let rows = vec4<u32>(row, row + STEPS, row + 2u * STEPS, row + 3u * STEPS);
        let logits = forward(lane * PARAMS, tid, rows, live, live);
        if !over {
            let dist = softmax(logits, tid);
            let u = uniform01(draw(seed, at.update, group, sample, t, PURPOSE_ACTION).x) * dist.y;
            var action = ACTIONS - 1u;
            var below_u = 0.0;
            for (var a = 0u; a < ACTIONS; a++) {
                below_u += exp(tile[logits + a][tid] - dist.x);
                if u < below_u {
                    action = a;
                    break;
                }
            }
            let logp = tile[logits + action][tid] - dist.x - log(dist.y);
            let value = select(0.0, tile[logits + ACTIONS * CRITIC][tid], CRITIC == 1u);
            actions[row_of(lane, index, t)] = action;
            vote = vote_with(vote, action);
            policy_old[row_of(lane, index, t)] = vec4<f32>(logp, dist.z, value, 0.0);
            sure += vec3<f32>(dist.z, logp, dist.w);
            over = task_step(&state, seed, at.update, group, sample, t, action);
            length = t + 1u;
            explore_note(&state, length);
            if over || length == STEPS {
                let score = task_finish(&state, seed, at.update, group, sample, length, !over);
                confidence_set(sure, length);
                samples[lane * SAMPLES + index] = vec4<f32>(f32(length), select(1.0, 0.0, over), score, vote_of(vote));
            }
        }
        workgroupBarrier();
    }
    // The values of the states behind the last steps of samples that were cut off.
    if BOOTSTRAP == 1u {
        if tid < 4u {
            playing[tid] = select(1u, 0u, over);
        }
        if !over {
            task_features(&state, &on);
            for (var k = 0u; k < ACTIVE; k++) {
                bag[tid * ACTIVE + k] = on[k];
            }
        }
        let plays = workgroupUniformLoad(&playing);
        var value = 0.0;
        if any(vec4<u32>(plays[0], plays[1], plays[2], plays[3]) != vec4<u32>(0u)) {
            let none = vec4<bool>(false);
            let result = forward(lane * PARAMS, tid, vec4<u32>(0u), none, none);
            value = tile[result + ACTIONS * CRITIC][min(tid, 3u)];
        }
        if mine {
            policy_old[END_ROWS + lane * SAMPLES + index].z = select(value, 0.0, over);
        }
    }
}

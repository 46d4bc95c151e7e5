// Rollout of the softmax table: one thread plays one sample to its end.
// params: [lane][states][ACTIONS], then [lane][states] values with a critic.

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

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let lane = id.y;
    let index = id.x;
    if index >= SAMPLES {
        return;
    }
    let seed = lanes[lane].y;
    task_of(lane);
    let group = index / GROUP;
    let sample = index % GROUP;
    record_base = (lane * SAMPLES + index) * RECORD;
    var state = task_begin(seed, at.update, group, sample);
    explore_note(&state, 0u);
    var length = 0u;
    var vote = VOTE_START;
    var over = false;
    var sure = vec3<f32>(0.0);
    for (var t = 0u; t < STEPS && !over; t++) {
        let row = row_of(lane, index, t);
        let s = task_state_index(&state);
        if PRIOR == 1u {
            for (var a = 0u; a < ACTIONS; a++) {
                acts[row * HIDDEN + a] = task_prior(&state, a);
            }
        }
        let dist = table_softmax(lane, s, row);
        let u = uniform01(draw(seed, at.update, group, sample, t, PURPOSE_ACTION).x);
        var action = ACTIONS - 1u;
        var below_u = 0.0;
        for (var a = 0u; a < ACTIONS; a++) {
            below_u += exp(table_logit(lane, s, row, a) - dist.x);
            if u * dist.y < below_u {
                action = a;
                break;
            }
        }
        inputs[row] = s;
        actions[row] = action;
        vote = vote_with(vote, action);
        let logp = table_logit(lane, s, row, action) - dist.x - log(dist.y);
        policy_old[row] = vec4<f32>(logp, dist.z, table_value(lane, s), 0.0);
        sure += vec3<f32>(dist.z, logp, dist.w);
        over = task_step(&state, seed, at.update, group, sample, t, action);
        length = t + 1u;
        explore_note(&state, length);
    }
    if BOOTSTRAP == 1u {
        policy_old[END_ROWS + lane * SAMPLES + index].z = select(table_value(lane, task_state_index(&state)), 0.0, over);
    }
    let score = task_finish(&state, seed, at.update, group, sample, length, !over);
    confidence_set(sure, length);
    samples[lane * SAMPLES + index] = vec4<f32>(f32(length), select(1.0, 0.0, over), score, vote_of(vote));
}

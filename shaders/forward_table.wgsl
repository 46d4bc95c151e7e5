// The softmax table on the batch as it is: one thread a row. In the reference pass it only fills policy_old.w.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(2) var<storage, read> params: array<f32>;
@group(0) @binding(3) var<storage, read> inputs: array<u32>;
@group(0) @binding(4) var<storage, read> actions: array<u32>;
@group(0) @binding(5) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> policy_new: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> acts: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let lane = id.y;
    let sample = id.x / STEPS;
    if sample >= SAMPLES || f32(id.x % STEPS) >= samples[lane * SAMPLES + sample].x {
        return;
    }
    let row = row_of(lane, sample, id.x % STEPS);
    let state = inputs[row];
    let dist = table_softmax(lane, state, row);
    let logp = table_logit(lane, state, row, actions[row]) - dist.x - log(dist.y);
    if at.reference == 1u {
        policy_new[row].w = logp;
    } else {
        policy_new[row] = vec4<f32>(logp, dist.z, table_value(lane, state), 0.0);
    }
}

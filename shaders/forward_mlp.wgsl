// The MLP on the batch as it is, four rows of one sample a workgroup (rows beyond its length are left alone). In the
// reference pass it only fills policy_old.w.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> net: array<vec4<u32>, 32>;
@group(0) @binding(2) var<storage, read> params: array<f32>;
@group(0) @binding(3) var<storage, read> inputs: array<u32>;
@group(0) @binding(4) var<storage, read> actions: array<u32>;
@group(0) @binding(5) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> policy_new: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> acts: array<f32>;

var<workgroup> length: u32;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) tid: u32) {
    let lane = wg.y;
    let blocks = (STEPS + 3u) / 4u;
    let sample = wg.x / blocks;
    let step = (wg.x % blocks) * 4u;
    if tid == 0u {
        length = u32(samples[lane * SAMPLES + sample].x);
    }
    let steps = workgroupUniformLoad(&length);
    if step >= steps {
        return;
    }
    let row = row_of(lane, sample, step);
    let live = vec4<u32>(step, step + 1u, step + 2u, step + 3u) < vec4<u32>(steps);
    if tid < 4u && live[tid] {
        for (var k = 0u; k < ACTIVE; k++) {
            bag[tid * ACTIVE + k] = inputs[(row + tid) * ACTIVE + k];
        }
    }
    workgroupBarrier();
    let logits = forward(lane * PARAMS, tid, vec4<u32>(row, row + 1u, row + 2u, row + 3u), live, live & vec4<bool>(at.reference == 0u));
    if tid < 4u && live[tid] {
        let dist = softmax(logits, tid);
        let logp = tile[logits + actions[row + tid]][tid] - dist.x - log(dist.y);
        let value = select(0.0, tile[logits + ACTIONS * CRITIC][tid], CRITIC == 1u);
        if at.reference == 1u {
            policy_new[row + tid].w = logp;
        } else {
            policy_new[row + tid] = vec4<f32>(logp, dist.z, value, 0.0);
        }
    }
}

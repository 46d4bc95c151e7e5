// What inference procedures get out of large groups, one workgroup a group; `measure` does it itself for small ones, where
// a dispatch costs more than pairs of samples.
//
// Reads rewards.x and samples (true score, what was answered). Writes best of n, worst of n, majority and 1 if a sample of
// the group has a reward to samples.w of the group's first four: nothing reads the answers after this.

@group(0) @binding(0) var<storage, read> rewards: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> loss_sums: array<LaneStats>;
@group(0) @binding(2) var<storage, read_write> samples: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let lane = wg.y;
    let base = lane * SAMPLES;
    let start = wg.x * GROUP;
    let wanted = loss_sums[lane].inference_n;
    if wanted == 0u {
        return;
    }
    var sums = vec4<f32>(0.0);
    var most = vec3<f32>(0.0);
    for (var i = start + local; i < start + GROUP; i += WIDTH) {
        sums += vec4<f32>(picked(base, i, wanted), select(0.0, 1.0, is_number(rewards[base + i].x)), 0.0);
        most = most_frequent(most, votes_of(base, i));
    }
    sums = reduce_sum(local, sums);
    let top = reduce_max(local, vec4<f32>(most.x, 0.0, 0.0, 0.0)).x;
    most = reduce_sum(local, select(vec4<f32>(0.0), vec4<f32>(0.0, most.yz, 0.0), most.x == top)).xyz;
    if local == 0u {
        let first = base + start;
        samples[first].w = sums.x;
        samples[first + 1u].w = sums.y;
        samples[first + 2u].w = majority(most);
        samples[first + 3u].w = select(0.0, 1.0, sums.z > 0.0);
    }
}

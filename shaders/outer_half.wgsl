// Coefficients of the policy gradient with one component alone as the reward, of one half of the batch, one thread a
// sample; twin of `half_coefficients` in core/src/algorithm/outer.rs. The stages `backward` turn them into a gradient.
// Writes coefs = (-(r - mean of its group) / SAMPLES, 0, 0, 1 unless that is 0) of all rows of the lane.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(3) var<storage, read> rewards: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> components: array<f32>;
@group(0) @binding(5) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> coefs: array<vec4<f32>>;

// The component's value of a sample, none where the sample takes no part.
fn value_of(base: u32, i: u32) -> f32 {
    return select(NO_REWARD, components[(base + i) * COMPONENTS + at.epoch], rewards[base + i].z == 0.0);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    let lane = id.y;
    if i >= SAMPLES {
        return;
    }
    let base = lane * SAMPLES;
    let group = i / GROUP;
    var slope = 0.0;
    if is_due(lane, lanes[lane].x) && group % 2u == at.minibatch {
        let own = value_of(base, i);
        var count = 0.0;
        var sum = 0.0;
        for (var j = group * GROUP; j < (group + 1u) * GROUP; j++) {
            let x = value_of(base, j);
            if is_number(x) {
                count += 1.0;
                sum += x;
            }
        }
        slope = select(0.0, (sum / max(count, 1.0) - own) / f32(SAMPLES), is_number(own));
    }
    let length = min(u32(samples[base + i].x), STEPS);
    for (var t = 0u; t < STEPS; t++) {
        let moves = t < length && slope != 0.0;
        coefs[(base + i) * STEPS + t] = select(vec4<f32>(0.0), vec4<f32>(slope, 0.0, 0.0, 1.0), moves);
    }
}

// How well the learned reward models of a lane order the samples of an update, and how calibrated they are, one workgroup
// a lane; twin of core/src/engine/cpu/calibrate.rs.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<storage, read> records: array<f32>;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> reward_models: array<f32>;
@group(0) @binding(4) var<storage, read_write> ring: array<f32>;

const BINS: u32 = 10u;

// (statements, confidence, right) by bin.
var<private> bins: array<vec4<f32>, BINS>;

// The mean of the models' outputs less their shifts.
fn logit(lane: u32, sample: u32) -> f32 {
    var sum = 0.0;
    for (var m = 0u; m < RM_COUNT; m++) {
        let scale = reward_models[(lane * RM_COUNT + m + 1u) * RM_WEIGHTS - 1u];
        sum += records[sample * RECORD + RM_SCORES + 1u + m] / scale;
    }
    return sum / f32(RM_COUNT);
}

fn say(odds: f32, truth: bool) {
    let confidence = 1.0 / (1.0 + exp(-abs(odds)));
    let bin = u32(clamp((confidence - 0.5) * 2.0 * f32(BINS), 0.0, f32(BINS - 1u)));
    bins[bin] += vec4<f32>(1.0, confidence, select(0.0, 1.0, (odds > 0.0) == truth), 0.0);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let base = lane * SAMPLES;
    // (pairs, pairs in order)
    var order = vec4<f32>(0.0);
    for (var i = id.x; i < SAMPLES; i += WIDTH) {
        let own = samples[base + i].z;
        let own_logit = logit(lane, base + i);
        let own_score = records[(base + i) * RECORD + RM_MEAN];
        for (var j = i + 1u; j < (i / GROUP + 1u) * GROUP; j++) {
            let other = samples[base + j].z;
            if other == own {
                continue;
            }
            let sign = select(-1.0, 1.0, own > other);
            let lead = sign * (own_score - records[(base + j) * RECORD + RM_MEAN]);
            order += vec4<f32>(1.0, select(select(0.0, 0.5, lead == 0.0), 1.0, lead > 0.0), 0.0, 0.0);
            if RM_PAIRWISE == 1u {
                say(sign * (own_logit - logit(lane, base + j)), true);
            }
        }
        if RM_CLASSIFIES == 1u {
            say(own_logit, own > 0.5);
        }
    }
    order = reduce_sum(id.x, order);
    var said = 0.0;
    var off = 0.0;
    for (var b = 0u; b < BINS; b++) {
        let bin = reduce_sum(id.x, bins[b]);
        said += bin.x;
        off += abs(bin.y - bin.z);
    }
    if id.x != 0u {
        return;
    }
    let row = (at.slot * N_LANES + lane) * COLUMNS;
    ring[row + COLUMN_RM_ACCURACY] = select(NO_REWARD, order.y / max(order.x, 1.0), order.x > 0.0);
    ring[row + COLUMN_RM_ECE] = select(NO_REWARD, off / max(said, 1.0), said > 0.0);
}

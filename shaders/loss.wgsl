// dL/dlogp, dL/dentropy and dL/dvalue of one lane's minibatch, one workgroup a lane; twin of core/src/algorithm/loss.
//
// Reads samples (length, truncated), policy_old (logp, _, value, logp_ref), policy_new (logp, entropy, value),
// advantages (advantage, return; an advantage of NO_REWARD leaves the sample out), opt_state.y (entropy coefficient).
// Writes coefs = (dlogp, dentropy, dvalue, 1 where the row takes part; else 0) of all rows of the lane; adds to loss_sums.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(3) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> policy_old: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> policy_new: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> advantages: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> coefs: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> loss_sums: array<LaneStats>;
@group(0) @binding(9) var<storage, read> opt_state: array<vec4<f32>>;

// Whether a sample is in this minibatch and its reward program did not fail.
fn takes_part(arm: u32, lane: u32, i: u32) -> bool {
    let m = settings[arm].num_minibatches;
    return !idle(arm) && is_number(advantages[(lane * SAMPLES + i) * STEPS].x)
        && minibatch_of(lanes[lane].y, at.update, at.epoch, SAMPLES, m, i) == at.minibatch;
}

// Steps of a sample that count when it takes part.
fn counted_length(arm: u32, lane: u32, i: u32) -> u32 {
    let sample = samples[lane * SAMPLES + i];
    let masked = settings[arm].mask_truncated_completions == 1u && sample.y != 0.0;
    return select(min(u32(sample.x), STEPS), 0u, masked);
}

fn loss_length(arm: u32, lane: u32, i: u32) -> u32 {
    return select(0u, counted_length(arm, lane, i), takes_part(arm, lane, i));
}

// What a step's loss is multiplied with, or a sequence's mean; counts = (sequences, steps, steps of the batch, share of
// the batch that is in the minibatch).
fn loss_scale(average: u32, counts: vec4<f32>) -> f32 {
    let sequences = max(counts.x, 1.0);
    switch average {
        case AVERAGE_SEQUENCE_MEANS, AVERAGE_SEQUENCE_SUMS: {
            return 1.0 / sequences;
        }
        case AVERAGE_CONSTANT: {
            return 1.0 / (sequences * f32(STEPS));
        }
        case AVERAGE_MINIBATCH_STEPS: {
            return 1.0 / max(counts.y, 1.0);
        }
        default: {
            return 1.0 / (max(counts.z, 1.0) * counts.w);
        }
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let arm = lanes[lane].x;

    var counts = vec4<f32>(0.0);
    var members = 0.0;
    let m = settings[arm].num_minibatches;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let part = takes_part(arm, lane, i);
        let length = f32(counted_length(arm, lane, i));
        let present = is_number(advantages[(lane * SAMPLES + i) * STEPS].x);
        let member = minibatch_of(lanes[lane].y, at.update, at.epoch, SAMPLES, m, i) == at.minibatch;
        counts += vec4<f32>(
            select(0.0, 1.0, part),
            select(0.0, length, part),
            select(0.0, length, present),
            select(0.0, 1.0 / f32(SAMPLES), member),
        );
        for (var t = 0u; t < STEPS; t++) {
            coefs[(lane * SAMPLES + i) * STEPS + t] = vec4<f32>(0.0);
        }
    }
    counts = reduce_sum(local, counts);
    var threshold = -NO_REWARD;
    if settings[arm].top_entropy_quantile < 1.0 {
        threshold = entropy_threshold(arm, lane, local, u32(counts.y));
    }
    let scale = loss_scale(settings[arm].derived.average, counts);
    var sums = Sums();
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let length = loss_length(arm, lane, i);
        if length > 0u {
            let one = sample_loss(arm, lane, i, length, scale, threshold, counts.y);
            sums.a += one.a;
            sums.b += one.b;
            sums.c += one.c;
            sums.d += one.d;
            sums.most = max(sums.most, one.most);
        }
    }
    sums.a = reduce_sum(local, sums.a);
    sums.b = reduce_sum(local, sums.b);
    sums.c = reduce_sum(local, sums.c);
    sums.d = reduce_sum(local, sums.d);
    sums.most = reduce_max(local, sums.most);

    var coef = settings[arm].entropy_coef;
    if settings[arm].use_adaptive_entropy == 1u {
        coef = opt_state[lane].y * loss_sums[lane].bonus_on;
    }
    let kept = max(sums.c.x, 1.0);
    if coef != 0.0 {
        for (var i = local; i < SAMPLES; i += WIDTH) {
            for (var t = 0u; t < loss_length(arm, lane, i); t++) {
                let row = (lane * SAMPLES + i) * STEPS + t;
                coefs[row].y = select(0.0, -coef / kept, policy_new[row].y >= threshold);
            }
        }
    }
    if local == 0u && !idle(arm) {
        record(arm, lane, sums, counts.y, coef);
    }
}

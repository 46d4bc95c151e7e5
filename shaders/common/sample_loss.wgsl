// One sample's part of the loss, as core/src/algorithm/loss/kernel.rs.

// Sums over samples; the second half of each is a maximum or a metric.
struct Sums {
    // weighted policy loss, KL, entropy, drift
    a: vec4<f32>,
    // low, high, cispo, dual
    b: vec4<f32>,
    // kept steps, their entropy, ratios, phi
    c: vec4<f32>,
    // sequences with steps, value loss, coefficients that are not finite, _
    d: vec4<f32>,
    // maxima: 1 - low share, high share, ratio, _
    most: vec4<f32>,
}

// Writes the coefficients of a sample with at least one step; the sums it adds.
fn sample_loss(arm: u32, lane: u32, i: u32, length: u32, scale: f32, threshold: f32, steps: f32) -> Sums {
    var sums = Sums();
    let row = (lane * SAMPLES + i) * STEPS;
    let weight = select(scale, scale / f32(length), settings[arm].derived.average == AVERAGE_SEQUENCE_MEANS);
    let vespo = settings[arm].derived.surrogate == SURROGATE_VESPO;
    let sequence = settings[arm].importance_sampling_level == IMPORTANCE_SAMPLING_LEVEL_SEQUENCE;
    let beta = settings[arm].beta;
    var log_ratio = 0.0;
    var log_w = 0.0;
    for (var t = 0u; t < length; t++) {
        let x = policy_new[row + t].x - policy_old[row + t].x;
        log_ratio += x;
        log_w += clamp(x, -MAX_LOG_RATIO, MAX_LOG_RATIO);
    }
    log_w = clamp(log_w, -18.420681, MAX_LOG_RATIO);
    let drift = -log_ratio / f32(length);
    let joint = ratio_of(arm, -drift);
    var shared_slope = 0.0;
    clipped = vec4<f32>(0.0);
    for (var t = 0u; t < length; t++) {
        let now = policy_new[row + t];
        let old = policy_old[row + t];
        let goal = advantages[row + t];
        let ratio = select(ratio_of(arm, now.x - old.x), joint, sequence);
        let term = policy_loss(LossStep(arm, ratio, goal.x, now.x, log_w));
        let kept = now.y >= threshold;
        let keeps = kept && (goal.x >= 0.0 || drift <= settings[arm].off_policy_mask_threshold);
        let gate = select(0.0, weight, keeps);
        var slope = gate * term.z;
        var by_ratio = gate * term.y;
        sums.a.x += gate * term.x;
        if beta != 0.0 {
            var k = kl_estimate(settings[arm].kl_estimator, now.x - old.w);
            if settings[arm].use_bias_correction_kl == 1u {
                by_ratio += weight * beta * k.x * ratio.y;
                k *= ratio.x;
            }
            sums.a.x += weight * beta * k.x;
            slope += weight * beta * k.y;
            sums.a.y += k.x;
        }
        if sequence {
            shared_slope += by_ratio;
        } else {
            slope += by_ratio;
            sums.c.z += ratio.x;
            sums.most.z = max(sums.most.z, ratio.x);
        }
        sums.a.z += now.y;
        sums.c += select(vec4<f32>(0.0), vec4<f32>(1.0, now.y, 0.0, 0.0), kept);
        var value = vec2<f32>(0.0);
        if settings[arm].estimator == ESTIMATOR_GAE {
            value = value_loss(arm, now.z, old.z, goal.y) * settings[arm].vf_coef / max(steps, 1.0);
        }
        sums.d.y += value.x;
        coefs[row + t] = vec4<f32>(slope, 0.0, value.y, 1.0);
    }
    let share = select(0.0, shared_slope / f32(length), sequence);
    for (var t = 0u; t < length; t++) {
        let slope = coefs[row + t].x + share;
        coefs[row + t].x = slope;
        sums.d.z += select(1.0, 0.0, is_number(slope));
    }
    if sequence {
        sums.c.z += joint.x;
        sums.most.z = max(sums.most.z, joint.x);
    }
    sums.a.w = -log_ratio;
    sums.b = clipped / select(1.0, f32(length), sequence);
    sums.c.w = select(0.0, vespo_phi(arm, log_w, advantages[row].x), vespo);
    sums.d.x = 1.0;
    sums.most = vec4<f32>(1.0 - clipped.x / f32(length), clipped.y / f32(length), sums.most.z, 0.0);
    return sums;
}

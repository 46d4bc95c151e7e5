// Advantages that need several passes over the batch: whitening, gdpo, bnpo. Call them in uniform control flow only.

// (A - mean) / sqrt(var + 1e-8) over the valid steps of scored samples.
fn whiten(base: u32, local: u32) {
    // (first advantage is found by the first sample that has steps)
    var first = -f32(SAMPLES);
    var count = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let length = length_of(base, i);
        if is_number(rewards[base + i].w) && length > 0u {
            first = max(first, -f32(i));
            count += f32(length);
        }
    }
    first = reduce_max(local, vec4<f32>(first, 0.0, 0.0, 0.0)).x;
    let chosen = u32(-first);
    var origin = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if i == chosen {
            origin = advantages[(base + i) * STEPS].x;
        }
    }
    let found = reduce_sum(local, vec4<f32>(count, origin, 0.0, 0.0));
    count = found.x;
    origin = found.y;
    var shift = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if is_number(rewards[base + i].w) {
            for (var t = 0u; t < length_of(base, i); t++) {
                shift += advantages[(base + i) * STEPS + t].x - origin;
            }
        }
    }
    let mean = origin + reduce_sum(local, vec4<f32>(shift, 0.0, 0.0, 0.0)).x / max(count, 1.0);
    var squares = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if is_number(rewards[base + i].w) {
            for (var t = 0u; t < length_of(base, i); t++) {
                let d = advantages[(base + i) * STEPS + t].x - mean;
                squares += d * d;
            }
        }
    }
    let variance = reduce_sum(local, vec4<f32>(squares, 0.0, 0.0, 0.0)).x / max(count - 1.0, 1.0);
    let scale = 1.0 / sqrt(variance + 1e-8);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if is_number(rewards[base + i].w) {
            for (var t = 0u; t < length_of(base, i); t++) {
                let row = (base + i) * STEPS + t;
                advantages[row].x = (advantages[row].x - mean) * scale;
            }
        }
    }
}

// gdpo; gives frac_reward_zero_std.
fn gdpo_advantages(arm: u32, base: u32, local: u32, verl: bool) -> f32 {
    var sums = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let scored = is_number(rewards[base + i].w);
        let sum = select(0.0, gdpo_sum(base, i, arm), scored);
        // The row's advantage keeps the sum until the batch's moments are known; only this thread reads it.
        fill(base, i, length_of(base, i), 0.0);
        advantages[(base + i) * STEPS].x = sum;
        sums += select(vec4<f32>(0.0), vec4<f32>(sum, 1.0, 0.0, 0.0), scored);
    }
    sums = reduce_sum(local, sums);
    let mean = sums.x / max(sums.y, 1.0);
    var squares = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let d = advantages[(base + i) * STEPS].x - mean;
        squares += select(0.0, d * d, is_number(rewards[base + i].w));
    }
    let dev = sqrt(reduce_sum(local, vec4<f32>(squares, 0.0, 0.0, 0.0)).x / max(sums.y - 1.0, 1.0));
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let sum = advantages[(base + i) * STEPS].x;
        let z = select(0.0, (sum - mean) / (dev + framework_epsilon(settings[arm].framework)), sums.y > 1.0);
        fill(base, i, length_of(base, i), select(0.0, select(z, sum, verl), is_number(rewards[base + i].w)));
    }
    return select(0.0, 1.0, (sums.y > 1.0 && dev <= 1e-8) || SAMPLES == 1u);
}

// bnpo; gives the Beta's shape, 0 for a decomposed advantage.
fn bnpo_advantages(arm: u32, base: u32, local: u32) -> vec2<f32> {
    let low = settings[arm].bnpo_reward_min;
    let range = settings[arm].bnpo_reward_max - low;
    let span = select(1.0, range, range > 0.0);
    let decomposed = settings[arm].multi_objective_aggregation == MULTI_OBJECTIVE_AGGREGATION_NORMALIZE_THEN_SUM;
    let parts = select(1u, min(settings[arm].derived.n_components, COMPONENTS), decomposed);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        fill(base, i, length_of(base, i), 0.0);
    }
    var shape = vec2<f32>(0.0);
    for (var k = 0u; k < parts; k++) {
        let which = select(REWARD, k, decomposed);
        var sums = vec4<f32>(0.0);
        for (var g = local; g < GROUPS; g += WIDTH) {
            let m = group_moments(base, g, which);
            sums += select(vec4<f32>(0.0), vec4<f32>((m.mean - low) / span, 1.0, 0.0, 0.0), m.count > 0.0);
        }
        sums = reduce_sum(local, sums);
        let mean = sums.x / max(sums.y, 1.0);
        var squares = 0.0;
        for (var g = local; g < GROUPS; g += WIDTH) {
            let m = group_moments(base, g, which);
            let d = (m.mean - low) / span - mean;
            squares += select(0.0, d * d, m.count > 0.0);
        }
        let variance = reduce_sum(local, vec4<f32>(squares, 0.0, 0.0, 0.0)).x / max(sums.y - 1.0, 1.0);
        shape = fit_beta(mean, variance, sums.y, vec2<f32>(settings[arm].bnpo_alpha, settings[arm].bnpo_beta));
        for (var i = local; i < SAMPLES; i += WIDTH) {
            let x = reward_of(base, i, which);
            let m = group_moments(base, i / GROUP, which);
            if is_number(x) && m.count > 1.0 {
                let weight = beta_weight((m.mean - low) / span, shape) / f32(parts);
                let a = weight * ((x - m.mean) / span);
                for (var t = 0u; t < length_of(base, i); t++) {
                    advantages[(base + i) * STEPS + t].x += a;
                }
            }
        }
    }
    return select(shape, vec2<f32>(0.0), decomposed);
}

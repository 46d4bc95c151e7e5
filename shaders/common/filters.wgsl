// Which samples the policy learns from, as core/src/algorithm/filters.rs. Call them in uniform control flow only.

// Mean advantage of a sample's steps; has_part says whether it has any.
fn mean_advantage(base: u32, i: u32) -> f32 {
    let length = length_of(base, i);
    var sum = 0.0;
    for (var t = 0u; t < length; t++) {
        sum += advantages[(base + i) * STEPS + t].x;
    }
    return sum / f32(max(length, 1u));
}

fn has_part(base: u32, i: u32) -> bool {
    return is_number(rewards[base + i].w) && length_of(base, i) > 0u;
}

fn drop_outliers(arm: u32, base: u32, local: u32) {
    var sums = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if has_part(base, i) {
            sums += vec4<f32>(mean_advantage(base, i), 1.0, 0.0, 0.0);
        }
    }
    sums = reduce_sum(local, sums);
    let count = max(sums.y, 1.0);
    let mean = sums.x / count;
    var squares = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if has_part(base, i) {
            let d = mean_advantage(base, i) - mean;
            squares += d * d;
        }
    }
    let deviation = sqrt(reduce_sum(local, vec4<f32>(squares, 0.0, 0.0, 0.0)).x / count);
    let most = settings[arm].advantage_filter * deviation;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if has_part(base, i) && abs(mean_advantage(base, i) - mean) > most {
            scale_sample(base, i, 0.0);
        }
    }
}

fn scale_sample(base: u32, i: u32, by: f32) {
    for (var t = 0u; t < length_of(base, i); t++) {
        advantages[(base + i) * STEPS + t].x *= by;
    }
}

fn size_of(arm: u32, reward: f32) -> f32 {
    return select(0.0, pow(abs(reward), settings[arm].sample_filter_power), reward != 0.0);
}

// The weight of a scored sample; see SampleFilter.
fn sample_weight(arm: u32, base: u32, i: u32) -> f32 {
    let start = i / GROUP * GROUP;
    let filter_kind = settings[arm].sample_filter;
    var count = 0u;
    var best = start;
    var worst = start;
    var sizes = 0.0;
    for (var j = start; j < start + GROUP; j++) {
        let r = rewards[base + j].w;
        if !is_number(r) {
            continue;
        }
        if count == 0u || r > rewards[base + best].w {
            best = j;
        }
        if count == 0u || r <= rewards[base + worst].w {
            worst = j;
        }
        count++;
        sizes += size_of(arm, r);
    }
    let n = f32(count);
    if count < 2u {
        return 1.0;
    }
    switch filter_kind {
        case SAMPLE_FILTER_BEST: {
            return select(0.0, n, i == best);
        }
        case SAMPLE_FILTER_BEST_WORST: {
            return select(0.0, 0.5 * n, i == best || i == worst);
        }
        case SAMPLE_FILTER_BEST_RANDOM: {
            let dice = draw(lanes[base / SAMPLES].y, at.update, start / GROUP, 0u, 0u, PURPOSE_SAMPLE_FILTER);
            var left = below(dice.x, count - 1u);
            var other = best;
            for (var j = start; j < start + GROUP; j++) {
                if is_number(rewards[base + j].w) && j != best {
                    if left == 0u {
                        other = j;
                        break;
                    }
                    left--;
                }
            }
            return select(0.0, 0.5 * n, i == best || i == other);
        }
        case SAMPLE_FILTER_POWER: {
            return select(1.0, size_of(arm, rewards[base + i].w) * n / max(sizes, 1e-30), sizes > 0.0);
        }
        default: {
            return 1.0;
        }
    }
}

fn weigh_samples(arm: u32, base: u32, local: u32) {
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if has_part(base, i) {
            scale_sample(base, i, sample_weight(arm, base, i));
        }
    }
}

// Squared correlation of reward and true score over the samples that have an advantage.
fn filter_r2(base: u32, local: u32) -> f32 {
    var sums = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if is_active(base, i) && has_advantage(base, i) {
            sums += vec4<f32>(1.0, rewards[base + i].w, samples[base + i].z, 0.0);
        }
    }
    sums = reduce_sum(local, sums);
    let mean = sums.yz / max(sums.x, 1.0);
    var squares = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        if is_active(base, i) && has_advantage(base, i) {
            let d = vec2<f32>(rewards[base + i].w, samples[base + i].z) - mean;
            squares += vec4<f32>(d.x * d.x, d.y * d.y, d.x * d.y, 0.0);
        }
    }
    squares = reduce_sum(local, squares);
    let least = max(sums.x * 1e-10 * mean * mean, vec2<f32>(1e-20));
    let varies = sums.x > 2.0 && squares.x > least.x && squares.y > least.y;
    return select(NO_REWARD, squares.z / max(squares.x, 1e-20) * (squares.z / max(squares.y, 1e-20)), varies);
}

// Whether a sample has an advantage at some step, beyond rounding.
fn has_advantage(base: u32, i: u32) -> bool {
    for (var t = 0u; t < length_of(base, i); t++) {
        if abs(advantages[(base + i) * STEPS + t].x) > NO_ADVANTAGE {
            return true;
        }
    }
    return false;
}

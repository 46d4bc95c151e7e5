// The Beta of bnpo, as core/src/algorithm/advantage/beta.rs.

const MIN_VARIANCE: f32 = 1e-4;
const MAX_WEIGHT: f32 = 1e6;

// (alpha, beta) from mean, variance and number of the groups' means.
fn fit_beta(mean: f32, variance: f32, count: f32, fixed: vec2<f32>) -> vec2<f32> {
    var shape = vec2<f32>(1.0);
    if count > 1.0 {
        let m = clamp(mean, 0.0, 1.0);
        let excess = m * (1.0 - m) / max(variance, MIN_VARIANCE) - 1.0;
        shape = max(vec2<f32>(1.0) + excess * vec2<f32>(m, 1.0 - m) / 3.0, vec2<f32>(1.0));
    }
    return select(shape, fixed, fixed < vec2<f32>(NO_REWARD / 2.0));
}

fn stirling_remainder(start: f32) -> f32 {
    var x = start;
    var shift = 0.0;
    while x < 4.0 {
        shift += (x + 0.5) * log(1.0 + 1.0 / x) - 1.0;
        x += 1.0;
    }
    let r = 1.0 / x;
    return shift + r * (1.0 / 12.0 - r * r * (1.0 / 360.0 - r * r * (1.0 / 1260.0)));
}

fn beta_log_density(at: f32, shape: vec2<f32>) -> f32 {
    if all(shape == vec2<f32>(1.0)) {
        return 0.0;
    }
    let p = clamp(at, 1e-6, 1.0 - 1e-6);
    let q = 1.0 - p;
    let total = shape.x + shape.y;
    return shape.x * log(p * total / shape.x) + shape.y * log(q * total / shape.y) - log(p) - log(q)
        + 0.5 * (log(shape.x / total) + log(shape.y)) - 0.9189385
        + (stirling_remainder(total) - stirling_remainder(shape.x) - stirling_remainder(shape.y));
}

fn beta_weight(p: f32, shape: vec2<f32>) -> f32 {
    return min(exp(min(-beta_log_density(p, shape), 20.0)), MAX_WEIGHT);
}

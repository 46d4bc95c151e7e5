// Estimators of the KL to the reference, as core/src/algorithm/kl.rs; each gives (value, derivative).

const MAX_LOG_RATIO: f32 = 20.0;

// The exponential, with its tangent beyond 20.
fn guarded_exp(x: f32) -> vec2<f32> {
    let e = exp(min(x, MAX_LOG_RATIO));
    return vec2<f32>(e * (1.0 + max(x - MAX_LOG_RATIO, 0.0)), e);
}

fn kl_estimate(kind: u32, x: f32) -> vec2<f32> {
    if kind == KL_ESTIMATOR_K1 {
        return vec2<f32>(x, 1.0);
    }
    if kind == KL_ESTIMATOR_K2 {
        return vec2<f32>(0.5 * x * x, x);
    }
    let e = guarded_exp(-x);
    return vec2<f32>(max(e.x + x - 1.0, 0.0), 1.0 - e.y);
}

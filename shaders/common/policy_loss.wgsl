// The policy loss of a step, as core/src/algorithm/loss/kernel.rs. `ratio` is (rho, its derivative by its log).

// Counts of clipped steps: (low, high, cispo, dual).
var<private> clipped: vec4<f32>;

// The ratio of a log-ratio and its derivative: held, and moving nothing, beyond log_ratio_clip.
fn ratio_of(arm: u32, log_ratio: f32) -> vec2<f32> {
    let most = settings[arm].log_ratio_clip;
    if is_number(most) && abs(log_ratio) > most {
        return vec2<f32>(exp(clamp(log_ratio, -most, most)), 0.0);
    }
    return guarded_exp(log_ratio);
}

// phi(W) of vespo.
fn vespo_phi(arm: u32, log_w: f32, a: f32) -> f32 {
    let k = select(settings[arm].vespo_k_neg, settings[arm].vespo_k_pos, a >= 0.0);
    let lambda = max(select(settings[arm].vespo_lambda_neg, settings[arm].vespo_lambda_pos, a >= 0.0), 1e-4);
    let log_phi = lambda + k * log_w - lambda * exp(log_w);
    return select(0.0, exp(log_phi), log_phi < 88.0);
}

// The upper clip: epsilon where epsilon_high is not given.
fn upper_clip(arm: u32) -> f32 {
    let high = settings[arm].epsilon_high;
    return select(settings[arm].epsilon, high, is_number(high));
}

// -min(min(rho, delta) A, clip(rho) A), and at most dual_clip |A| for A < 0: (value, derivative by log rho, 0).
fn clip_loss(arm: u32, ratio: vec2<f32>, low: f32, high: f32, a: f32) -> vec3<f32> {
    let capped = min(ratio.x, settings[arm].delta);
    let inside = min(max(ratio.x, low), high);
    clipped.x += select(0.0, 1.0, capped < low && a < 0.0);
    clipped.y += select(0.0, 1.0, capped > high && a > 0.0);
    let free = capped * a <= inside * a;
    let moves = select(inside == ratio.x, capped == ratio.x, free);
    let value = -min(capped * a, inside * a);
    let c = settings[arm].dual_clip;
    if is_number(c) && a < 0.0 && value > -c * a {
        clipped.w += 1.0;
        return vec3<f32>(-c * a, 0.0, 0.0);
    }
    return vec3<f32>(value, select(0.0, -a * ratio.y, moves), 0.0);
}

// (value, derivative by log rho, derivative by logp at a held ratio).
fn policy_loss(arm: u32, ratio: vec2<f32>, a: f32, logp: f32, log_w: f32) -> vec3<f32> {
    let low = 1.0 - settings[arm].epsilon;
    let high = upper_clip(arm);
    var held = 0.0;
    switch settings[arm].loss_type {
        case LOSS_TYPE_CISPO: {
            clipped.z += select(0.0, 1.0, ratio.x > high && a > 0.0);
            held = min(ratio.x, high);
        }
        case LOSS_TYPE_CISPO_VERL: {
            clipped.z += select(0.0, 1.0, ratio.x < low || ratio.x > 1.0 + high);
            held = min(max(ratio.x, low), 1.0 + high);
        }
        case LOSS_TYPE_VESPO: {
            held = vespo_phi(arm, log_w, a);
        }
        case LOSS_TYPE_SAPO: {
            let tau = select(settings[arm].sapo_temperature_neg, settings[arm].sapo_temperature_pos, a > 0.0);
            let gate = 1.0 / (1.0 + guarded_exp(-tau * (ratio.x - 1.0)).x);
            return vec3<f32>(-4.0 / tau * gate * a, -4.0 * gate * (1.0 - gate) * ratio.y * a, 0.0);
        }
        default: {
            return clip_loss(arm, ratio, low, 1.0 + high, a);
        }
    }
    return vec3<f32>(-held * a * logp, 0.0, -held * a);
}

// The value loss of a step: (value, derivative), with 0.5 max((V-R)^2, (V_clip-R)^2).
fn value_loss(arm: u32, v: f32, old: f32, goal: f32) -> vec2<f32> {
    let range = settings[arm].cliprange_value;
    let change = v - old;
    let inside = old + clamp(change, -range, range);
    let plain = (v - goal) * (v - goal);
    let capped = (inside - goal) * (inside - goal);
    let slope = select(select(0.0, inside - goal, abs(change) <= range), v - goal, plain >= capped);
    return vec2<f32>(0.5 * max(plain, capped), slope);
}

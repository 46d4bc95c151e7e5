// The policy loss of a step, as core/src/algorithm/loss/kernel.rs; the host adds fn policy_loss, which picks the arm's.

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

// A step as its loss sees it: (rho, its derivative by log rho), the advantage, logp, log of vespo's W.
struct LossStep {
    arm: u32,
    ratio: vec2<f32>,
    a: f32,
    logp: f32,
    log_w: f32,
}

// The functions loss_* give (value, derivative by log rho, derivative by logp at a held ratio).

// -min(min(rho, delta) A, clip(rho) A), and at most dual_clip |A| for A < 0.
fn loss_clip(step: LossStep) -> vec3<f32> {
    let a = step.a;
    let low = 1.0 - settings[step.arm].epsilon;
    let high = 1.0 + upper_clip(step.arm);
    let capped = min(step.ratio.x, settings[step.arm].delta);
    let inside = min(max(step.ratio.x, low), high);
    clipped.x += select(0.0, 1.0, capped < low && a < 0.0);
    clipped.y += select(0.0, 1.0, capped > high && a > 0.0);
    let free = capped * a <= inside * a;
    let moves = select(inside == step.ratio.x, capped == step.ratio.x, free);
    let value = -min(capped * a, inside * a);
    let c = settings[step.arm].dual_clip;
    if is_number(c) && a < 0.0 && value > -c * a {
        clipped.w += 1.0;
        return vec3<f32>(-c * a, 0.0, 0.0);
    }
    return vec3<f32>(value, select(0.0, -a * step.ratio.y, moves), 0.0);
}

// -held A logp.
fn held_loss(step: LossStep, held: f32) -> vec3<f32> {
    return vec3<f32>(-held * step.a * step.logp, 0.0, -held * step.a);
}

fn loss_cispo(step: LossStep) -> vec3<f32> {
    let high = upper_clip(step.arm);
    clipped.z += select(0.0, 1.0, step.ratio.x > high && step.a > 0.0);
    return held_loss(step, min(step.ratio.x, high));
}

fn loss_cispo_verl(step: LossStep) -> vec3<f32> {
    let low = 1.0 - settings[step.arm].epsilon;
    let high = 1.0 + upper_clip(step.arm);
    clipped.z += select(0.0, 1.0, step.ratio.x < low || step.ratio.x > high);
    return held_loss(step, min(max(step.ratio.x, low), high));
}

fn loss_vespo(step: LossStep) -> vec3<f32> {
    return held_loss(step, vespo_phi(step.arm, step.log_w, step.a));
}

fn loss_sapo(step: LossStep) -> vec3<f32> {
    let a = step.a;
    let tau = select(settings[step.arm].sapo_temperature_neg, settings[step.arm].sapo_temperature_pos, a > 0.0);
    let gate = 1.0 / (1.0 + guarded_exp(-tau * (step.ratio.x - 1.0)).x);
    return vec3<f32>(-4.0 / tau * gate * a, -4.0 * gate * (1.0 - gate) * step.ratio.y * a, 0.0);
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

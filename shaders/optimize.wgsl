// One optimiser step of one lane, one workgroup a lane; twin of core/src/algorithm/optimizer.rs, schedule.rs, entropy.rs.
//
// Reads grads, settings, loss_sums (bonus_entropy, last_loss). Updates params, opt_m, opt_v, and opt_state = (steps
// taken, adaptive entropy coefficient, length of the gradient before clipping, step size used). A gradient or a loss that
// is not finite changes nothing and is counted in loss_sums.nonfinite.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(3) var<storage, read> grads: array<f32>;
@group(0) @binding(4) var<storage, read_write> params: array<f32>;
@group(0) @binding(5) var<storage, read_write> opt_m: array<f32>;
@group(0) @binding(6) var<storage, read_write> opt_v: array<f32>;
@group(0) @binding(7) var<storage, read_write> opt_state: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> loss_sums: array<LaneStats>;

const PI: f32 = 3.1415927;

fn learning_rate(arm: u32) -> f32 {
    let s = settings[arm].learning_rate;
    let warmup = settings[arm].warmup_steps;
    if at.update < warmup {
        return s * (f32(at.update) / f32(warmup));
    }
    let rest = max(at.updates, warmup + 1u) - warmup;
    let progress = f32(at.update - warmup) / f32(rest);
    if settings[arm].lr_scheduler_type == LR_SCHEDULER_TYPE_LINEAR {
        return s * max(1.0 - progress, 0.0);
    }
    if settings[arm].lr_scheduler_type == LR_SCHEDULER_TYPE_COSINE {
        return s * max(0.5 * (1.0 + cos(PI * min(progress, 1.0))), 0.0);
    }
    return s;
}

// 1 - beta^step = -expm1(step log beta); the series where the exponential would cancel.
fn bias_correction(log_beta: f32, step: f32) -> f32 {
    let x = step * log_beta;
    if log_beta == 0.0 {
        return 1.0;
    }
    if x > -0.125 {
        return -x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
    }
    return 1.0 - exp(x);
}

// TRL's rule of the adaptive entropy coefficient.
fn adapt(arm: u32, entropy: f32, coef: f32) -> f32 {
    if settings[arm].use_adaptive_entropy == 0u {
        return settings[arm].entropy_coef;
    }
    let d = settings[arm].entropy_coef_delta;
    if entropy <= settings[arm].entropy_target {
        return min(coef + d, settings[arm].entropy_coef_max);
    }
    return max(coef - d, settings[arm].entropy_coef_min);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let arm = lanes[lane].x;
    let base = lane * PARAMS;
    if idle(arm) {
        return;
    }

    var sums = vec4<f32>(0.0);
    for (var i = local; i < PARAMS; i += WIDTH) {
        let g = grads[base + i];
        let finite = is_number(g);
        sums += vec4<f32>(select(0.0, g * g, finite), select(1.0, 0.0, finite), 0.0, 0.0);
    }
    sums = reduce_sum(local, sums);
    let norm = sqrt(sums.x);
    let whole = sums.y == 0.0 && is_number(norm) && is_number(loss_sums[lane].last_loss);
    let most = settings[arm].max_grad_norm;
    let scale = select(1.0, min(1.0, most / (norm + 1e-6)), most > 0.0);
    let before = opt_state[lane];
    let lr = learning_rate(arm);
    let step = before.x + 1.0;
    let decay = settings[arm].weight_decay;
    let optim = settings[arm].optim;
    let b1 = settings[arm].adam_beta1;
    let b2 = settings[arm].adam_beta2;
    let eps = settings[arm].adam_epsilon;
    let size = lr / bias_correction(settings[arm].derived.log_beta1, step);
    let root = 1.0 / sqrt(bias_correction(settings[arm].derived.log_beta2, step));
    let keep = select(1.0, 1.0 - lr * decay, optim == OPTIM_ADAMW);
    let coupled = select(0.0, decay, optim == OPTIM_ADAM);
    if whole {
        for (var i = local; i < PARAMS; i += WIDTH) {
            let k = base + i;
            if optim == OPTIM_SGD {
                params[k] -= lr * (grads[k] * scale + decay * params[k]);
            } else {
                let p = params[k] * keep;
                let g = grads[k] * scale + coupled * p;
                let m = b1 * opt_m[k] + (1.0 - b1) * g;
                let v = b2 * opt_v[k] + (1.0 - b2) * (g * g);
                opt_m[k] = m;
                opt_v[k] = v;
                params[k] = p - size * m / (sqrt(v) * root + eps);
            }
        }
    }
    // All threads have read the state before one of them replaces it.
    storageBarrier();
    workgroupBarrier();
    if local == 0u {
        if whole {
            let entropy = loss_sums[lane].bonus_entropy;
            opt_state[lane] = vec4<f32>(step, adapt(arm, entropy, before.y), norm, lr);
            loss_sums[lane].bonus_on = select(0.0, 1.0, entropy <= settings[arm].entropy_target);
            loss_sums[lane].grad_norm += norm;
            loss_sums[lane].taken += 1.0;
        } else {
            opt_state[lane] = vec4<f32>(before.xy, norm, lr);
            loss_sums[lane].nonfinite += 1.0;
        }
    }
}

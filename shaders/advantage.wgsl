// Advantages and returns of one lane, one workgroup a lane; twin of core/src/algorithm/advantage.
//
// Reads rewards.x (reward), rewards.z (error code; 0 = none), components, step_rewards (gae and reinforce_plus_plus; what
// they lack to the reward stands on the last step), samples.x (length), policy_old (logp, _, value, logp_ref; from row
// END_ROWS on, the values behind the last steps).
// Writes rewards.w = reward with its noise, less the KL taken out of it, or NO_REWARD; advantages = (advantage, return), the
// advantage NO_REWARD on the rows of samples whose program failed, or that have no advantage where dynamic_sampling drops
// or refills those, so that the loss leaves them out; loss_sums (first part).

@group(0) @binding(0) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(1) var<storage, read> settings: array<ArmSettings>;
@group(0) @binding(2) var<storage, read_write> rewards: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> components: array<f32>;
@group(0) @binding(4) var<storage, read> step_rewards: array<f32>;
@group(0) @binding(5) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> policy_old: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> advantages: array<vec2<f32>>;
@group(0) @binding(8) var<storage, read_write> loss_sums: array<LaneStats>;
@group(0) @binding(9) var<uniform> at: At;

fn row_kl(arm: u32, row: u32) -> f32 {
    let old = policy_old[row];
    return kl_estimate(settings[arm].kl_reward_estimator, old.x - old.w).x;
}

// Advantages of the steps of one scored sample for gae and reinforce_plus_plus, into its rows.
fn by_step(arm: u32, base: u32, i: u32, length: u32) {
    let row = (base + i) * STEPS;
    let gae = settings[arm].derived.formula == FORMULA_GAE;
    let coef = settings[arm].kl_in_reward;
    var rest = noisy_reward(arm, base, i);
    for (var t = 0u; t < length; t++) {
        rest -= step_rewards[row + t];
    }
    var next = vec2<f32>(0.0);
    if BOOTSTRAP == 1u && gae && settings[arm].bootstrap_truncated == 1u {
        next.y = policy_old[END_ROWS + base + i].z;
    }
    for (var k = 0u; k < length; k++) {
        let t = length - 1u - k;
        var r = step_rewards[row + t] + select(0.0, rest, k == 0u);
        if coef > 0.0 {
            r -= coef * row_kl(arm, row + t);
        }
        let v = policy_old[row + t].z;
        if gae {
            let delta = r + settings[arm].gamma * next.y - v;
            next = vec2<f32>(delta + settings[arm].gamma * settings[arm].gae_lambda * next.x, v);
            advantages[row + t] = vec2<f32>(next.x, next.x + v);
        } else {
            next.x = r + settings[arm].gamma * next.x;
            advantages[row + t] = vec2<f32>(next.x, 0.0);
        }
    }
}

fn fill(base: u32, i: u32, length: u32, a: f32) {
    for (var t = 0u; t < STEPS; t++) {
        advantages[(base + i) * STEPS + t] = vec2<f32>(select(0.0, a, t < length), 0.0);
    }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let arm = lanes[lane].x;
    let base = lane * SAMPLES;
    let formula = settings[arm].derived.formula;
    let coef = settings[arm].kl_in_reward;

    // The rewards that count: (scored, KL, steps, not 0), and the first of them.
    var sums = vec4<f32>(0.0);
    var first = -f32(SAMPLES);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let scored = is_number(rewards[base + i].x) && is_active(base, i);
        var reward = noisy_reward(arm, base, i);
        let length = length_of(base, i);
        if coef > 0.0 && is_active(base, i) {
            var kl = 0.0;
            for (var t = 0u; t < length; t++) {
                kl += row_kl(arm, (base + i) * STEPS + t);
            }
            reward -= coef * kl;
            sums += vec4<f32>(0.0, kl, f32(length), 0.0);
        }
        rewards[base + i].w = select(NO_REWARD, reward, scored);
        if scored {
            sums += vec4<f32>(1.0, 0.0, 0.0, select(0.0, 1.0, reward != 0.0));
            first = max(first, -f32(i));
        }
    }
    sums = reduce_sum(local, sums);
    first = reduce_max(local, vec4<f32>(first, 0.0, 0.0, 0.0)).x;
    storageBarrier();
    var whole = Moments(sums.x, 0.0, 0.0);
    let origin = select(0.0, rewards[base + min(u32(-first), SAMPLES - 1u)].w, sums.x > 0.0);
    var shift = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let r = rewards[base + i].w;
        shift += select(0.0, r - origin, is_number(r));
    }
    whole.mean = origin + reduce_sum(local, vec4<f32>(shift, 0.0, 0.0, 0.0)).x / max(sums.x, 1.0);

    // (squares, groups of deviation 0 in TRL's meaning, dead groups, _)
    var spread = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let r = rewards[base + i].w;
        spread.x += select(0.0, (r - whole.mean) * (r - whole.mean), is_number(r));
    }
    for (var g = local; g < GROUPS; g += WIDTH) {
        let m = group_moments(base, g, REWARD);
        let flat = (m.count > 1.0 && m.dev <= 1e-8) || GROUP == 1u;
        spread += vec4<f32>(0.0, select(0.0, 1.0, flat), select(0.0, 1.0, m.dev == 0.0), 0.0);
    }
    spread = reduce_sum(local, spread);
    whole.dev = sqrt(spread.x / max(sums.x - 1.0, 1.0));
    var zero_std = spread.y / f32(GROUPS);
    if settings[arm].scale_rewards == SCALE_REWARDS_BATCH {
        zero_std = select(0.0, 1.0, whole.count > 1.0 && whole.dev <= 1e-8);
    }

    let verl = settings[arm].framework == FRAMEWORK_VERL;
    var shape = vec2<f32>(0.0);
    if formula == FORMULA_GDPO {
        zero_std = gdpo_advantages(arm, base, local, verl);
    } else if formula == FORMULA_BNPO {
        shape = bnpo_advantages(arm, base, local);
    } else {
        for (var i = local; i < SAMPLES; i += WIDTH) {
            let length = length_of(base, i);
            let scored = is_number(rewards[base + i].w);
            fill(base, i, length, 0.0);
            if formula == FORMULA_GAE && !scored {
                // Its own values as returns: the value head is not moved.
                for (var t = 0u; t < length; t++) {
                    let row = (base + i) * STEPS + t;
                    advantages[row] = vec2<f32>(0.0, policy_old[row].z);
                }
            } else if scored && (formula == FORMULA_GAE || formula == FORMULA_DISCOUNTED) {
                by_step(arm, base, i, length);
            } else if scored {
                let sample = Scored(base, i, arm, rewards[base + i].w, whole, sums.w);
                fill(base, i, length, sample_advantage(sample));
            }
        }
    }
    if settings[arm].derived.whitens == 1u {
        whiten(base, local);
    }
    if is_number(settings[arm].advantage_filter) {
        drop_outliers(arm, base, local);
    }
    if settings[arm].sample_filter != SAMPLE_FILTER_ALL {
        weigh_samples(arm, base, local);
    }
    let r2 = filter_r2(base, local);
    var effective = 0.0;
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let active_now = is_active(base, i);
        let moves = active_now && has_advantage(base, i);
        effective += select(0.0, 1.0, moves);
        if !active_now || (settings[arm].dynamic_sampling != DYNAMIC_SAMPLING_OFF && !moves) {
            for (var t = 0u; t < STEPS; t++) {
                advantages[(base + i) * STEPS + t].x = NO_REWARD;
            }
        }
    }
    effective = reduce_sum(local, vec4<f32>(effective, 0.0, 0.0, 0.0)).x;
    if local == 0u {
        loss_sums[lane].reward = whole.mean;
        loss_sums[lane].reward_std = whole.dev;
        loss_sums[lane].frac_reward_zero_std = zero_std;
        loss_sums[lane].dead_groups = spread.z / f32(GROUPS);
        loss_sums[lane].scored = whole.count;
        loss_sums[lane].bnpo_alpha = shape.x;
        loss_sums[lane].bnpo_beta = shape.y;
        loss_sums[lane].effective = effective / f32(SAMPLES);
        loss_sums[lane].filter_r2 = r2;
        loss_sums[lane].inference_n = settings[arm].inference_n;
        loss_sums[lane].kl_in_reward = sums.y / max(sums.z, 1.0);
    }
}

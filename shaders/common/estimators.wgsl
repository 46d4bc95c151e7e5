// Advantages of one sample from its group, as core/src/algorithm/advantage. `base` is lane * SAMPLES.

// Instead of a component: the sample's reward.
const REWARD: u32 = 0xffffffffu;

struct Moments {
    count: f32,
    mean: f32,
    dev: f32,
}

fn is_active(base: u32, i: u32) -> bool {
    return rewards[base + i].z == 0.0;
}

fn length_of(base: u32, i: u32) -> u32 {
    return min(u32(samples[base + i].x), STEPS);
}

// A reward, or a component of it; "none" where it does not apply.
fn reward_of(base: u32, i: u32, which: u32) -> f32 {
    if which == REWARD {
        return rewards[base + i].w;
    }
    return select(NO_REWARD, components[(base + i) * COMPONENTS + which], is_active(base, i));
}

fn group_moments(base: u32, group: u32, which: u32) -> Moments {
    var m = Moments(0.0, 0.0, 0.0);
    var first = 0.0;
    var shift = 0.0;
    for (var i = group * GROUP; i < (group + 1u) * GROUP; i++) {
        let x = reward_of(base, i, which);
        if is_number(x) {
            if m.count == 0.0 {
                first = x;
            }
            m.count += 1.0;
            shift += x - first;
        }
    }
    m.mean = first + shift / max(m.count, 1.0);
    var squares = 0.0;
    for (var i = group * GROUP; i < (group + 1u) * GROUP; i++) {
        let x = reward_of(base, i, which);
        if is_number(x) {
            squares += (x - m.mean) * (x - m.mean);
        }
    }
    m.dev = sqrt(squares / max(m.count - 1.0, 1.0));
    return m;
}

fn framework_epsilon(framework: u32) -> f32 {
    return select(select(1e-9, 1e-6, framework == FRAMEWORK_VERL), 1e-4, framework == FRAMEWORK_TRL);
}

// The weight of a component: the program's, or what the slow loop made of it.
fn weight_of(base: u32, arm: u32, k: u32) -> f32 {
    let lane = base / SAMPLES;
    return select(settings[arm].derived.weights[k], loss_sums[lane].weights[k], loss_sums[lane].moves == 1u);
}

// Weighted sum of the components' z-scores in the group (gdpo).
fn gdpo_sum(base: u32, i: u32, arm: u32) -> f32 {
    let verl = settings[arm].framework == FRAMEWORK_VERL;
    let eps = framework_epsilon(settings[arm].framework);
    var sum = 0.0;
    for (var k = 0u; k < min(settings[arm].derived.n_components, COMPONENTS); k++) {
        let x = reward_of(base, i, k);
        if is_number(x) {
            let m = group_moments(base, i / GROUP, k);
            if m.count > 1.0 {
                sum += weight_of(base, arm, k) * ((x - m.mean) / (m.dev + eps));
            } else if verl {
                sum += weight_of(base, arm, k) * (x / (1.0 + eps));
            }
        }
    }
    return sum;
}

// R - sum(len R) / sum(len).
fn opo(base: u32, i: u32) -> f32 {
    let mine = rewards[base + i].w;
    var weighted = 0.0;
    var weight = 0.0;
    let start = i / GROUP * GROUP;
    for (var j = start; j < start + GROUP; j++) {
        let x = rewards[base + j].w;
        if is_number(x) {
            let length = f32(length_of(base, j));
            weighted += length * (mine - x);
            weight += length;
        }
    }
    return weighted / max(weight, 1.0) + select(mine, 0.0, weight > 0.0);
}

// The lead of the group's best over its second; 0 for all others.
fn lead(base: u32, i: u32) -> f32 {
    let mine = rewards[base + i].w;
    var second = -NO_REWARD;
    let start = i / GROUP * GROUP;
    for (var j = start; j < start + GROUP; j++) {
        let x = rewards[base + j].w;
        if j != i && is_number(x) {
            second = max(second, x);
        }
    }
    return select(0.0, max(mine - second, 0.0), second > -NO_REWARD);
}

var<private> known_group: u32 = 0xffffffffu;
var<private> known_moments: Moments;

// Moments of a group's rewards, kept for the thread's next sample: in large groups that is often of the same one.
fn reward_moments(base: u32, group: u32) -> Moments {
    if group != known_group {
        known_group = group;
        known_moments = group_moments(base, group, REWARD);
    }
    return known_moments;
}

// A sample with a reward; `whole` are the batch's moments, `nonzero` its rewards that are not 0.
struct Scored {
    base: u32,
    i: u32,
    arm: u32,
    reward: f32,
    whole: Moments,
    nonzero: f32,
}

fn advantage_reinforce(s: Scored) -> f32 {
    return s.reward - s.whole.mean;
}

fn advantage_opo(s: Scored) -> f32 {
    return opo(s.base, s.i);
}

// Whether a reward is its group's only one and stays as it is, as in verl.
fn stays(s: Scored, m: Moments) -> bool {
    return m.count == 1.0 && settings[s.arm].framework == FRAMEWORK_VERL;
}

fn advantage_centred(s: Scored) -> f32 {
    let m = reward_moments(s.base, s.i / GROUP);
    return select(s.reward - m.mean, s.reward, stays(s, m));
}

fn advantage_rloo(s: Scored) -> f32 {
    let m = reward_moments(s.base, s.i / GROUP);
    return advantage_centred(s) * select(1.0, m.count / (m.count - 1.0), m.count > 1.0);
}

fn advantage_pass_at_k(s: Scored) -> f32 {
    let m = reward_moments(s.base, s.i / GROUP);
    let eps = framework_epsilon(settings[s.arm].framework);
    return lead(s.base, s.i) / select(m.dev + eps, 1.0, settings[s.arm].scale_rewards == SCALE_REWARDS_NONE);
}

fn advantage_gpg(s: Scored) -> f32 {
    return advantage_centred(s) * (s.whole.count / max(s.nonzero, 1.0));
}

fn advantage_grpo(s: Scored) -> f32 {
    let m = reward_moments(s.base, s.i / GROUP);
    let eps = framework_epsilon(settings[s.arm].framework);
    let scale = settings[s.arm].scale_rewards;
    let by_group = select(m.dev + eps, 1.0 + eps, stays(s, m));
    let by = select(s.whole.dev + eps, by_group, scale == SCALE_REWARDS_GROUP);
    return advantage_centred(s) / select(by, 1.0, scale == SCALE_REWARDS_NONE);
}

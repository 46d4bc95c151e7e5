// The metric row of a lane's update, one workgroup a lane; twin of core/src/engine/cpu/measure.rs. What is not a number there
// is NO_REWARD here. Also what reward programs will see of this update as `run.<name>`.

@group(0) @binding(0) var<uniform> at: At;
@group(0) @binding(1) var<uniform> lanes: array<vec4<u32>, N_LANES>;
@group(0) @binding(2) var<storage, read> samples: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> policy_old: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> rewards: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> components: array<f32>;
@group(0) @binding(6) var<storage, read> loss_sums: array<LaneStats>;
@group(0) @binding(7) var<storage, read> opt_state: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> run: array<f32>;
@group(0) @binding(9) var<storage, read_write> ring: array<f32>;

fn or_none(x: f32, is: bool) -> f32 {
    return select(NO_REWARD, x, is);
}

// Values of components c and c + 1 of a sample; the last one stands in for one that there is no room for.
fn component_pair(base: u32, i: u32, c: u32) -> vec2<f32> {
    let at_sample = (base + i) * COMPONENTS;
    return vec2<f32>(components[at_sample + c], components[at_sample + min(c + 1u, COMPONENTS - 1u)]);
}

// Mean and deviation (n - 1) of components c and c + 1 over the samples to which each applies: two at once, since what
// costs is the reductions.
fn component_moments(base: u32, local: u32, c: u32) -> vec4<f32> {
    var sums = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let v = component_pair(base, i, c);
        sums += select(vec4<f32>(0.0), vec4<f32>(v.x, 1.0, 0.0, 0.0), is_number(v.x));
        sums += select(vec4<f32>(0.0), vec4<f32>(0.0, 0.0, v.y, 1.0), is_number(v.y));
    }
    sums = reduce_sum(local, sums);
    let count = sums.yw;
    let mean = sums.xz / max(count, vec2<f32>(1.0));
    var squares = vec4<f32>(0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let v = component_pair(base, i, c);
        let d = v - mean;
        squares.x += select(0.0, d.x * d.x, is_number(v.x));
        squares.y += select(0.0, d.y * d.y, is_number(v.y));
    }
    squares = reduce_sum(local, squares);
    let deviation = select(vec2<f32>(0.0), sqrt(squares.xy / max(count - 1.0, vec2<f32>(1.0))), count > vec2<f32>(1.0));
    return vec4<f32>(
        or_none(mean.x, count.x > 0.0),
        or_none(deviation.x, count.x > 0.0),
        or_none(mean.y, count.y > 0.0),
        or_none(deviation.y, count.y > 0.0),
    );
}

// (mean, deviation, weight) of a component, if there is room for it; the weight where the slow loop moves it.
fn write_component(lane: u32, row: u32, c: u32, m: vec2<f32>) {
    if c < COMPONENTS {
        let has = c < lanes[lane].z;
        let place = row + FIXED_COLUMNS + 3u * c;
        ring[place] = or_none(m.x, has);
        ring[place + 1u] = or_none(m.y, has);
        ring[place + 2u] = or_none(loss_sums[lane].weights[c], has && loss_sums[lane].moves == 1u);
    }
}

// (effective, too easy) of a group.
fn group_kind(base: u32, g: u32) -> vec2<f32> {
    var low = 3.0e38;
    var high = -3.0e38;
    var score = 0.0;
    for (var i = g * GROUP; i < (g + 1u) * GROUP; i++) {
        let r = rewards[base + i].w;
        if is_number(r) {
            low = min(low, r);
            high = max(high, r);
        }
        score += samples[base + i].z;
    }
    let effective = high > low && high - low > 1e-8;
    return vec2<f32>(select(0.0, 1.0, effective), select(0.0, 1.0, !effective && score > 0.5 * f32(GROUP)));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
    let lane = workgroup.x;
    let local = id.x;
    let base = lane * SAMPLES;
    let has_reference = at.reference == 1u;
    // (true score, paid, samples paid, failed), (length, truncated, length of the ended, k3), (entropy, effective, easy, -)
    var a = vec4<f32>(0.0);
    var b = vec4<f32>(0.0);
    var c = vec4<f32>(0.0);
    // Greatest of (-length, length).
    var most = vec4<f32>(-3.0e38, 0.0, 0.0, 0.0);
    for (var i = local; i < SAMPLES; i += WIDTH) {
        let s = samples[base + i];
        let r = rewards[base + i];
        a += vec4<f32>(s.z, select(0.0, r.x, is_number(r.x)), select(0.0, 1.0, is_number(r.x)), select(0.0, 1.0, r.z != 0.0));
        b += vec4<f32>(s.x, s.y, select(0.0, s.x, s.y == 0.0), 0.0);
        most = max(most, vec4<f32>(-s.x, s.x, 0.0, 0.0));
        for (var t = 0u; t < u32(s.x); t++) {
            let row = policy_old[(base + i) * STEPS + t];
            c.x += row.y;
            if has_reference {
                let x = row.x - row.w;
                b.w += exp(-x) + x - 1.0;
            }
        }
    }
    for (var g = local; g < GROUPS; g += WIDTH) {
        let kind = group_kind(base, g);
        c += vec4<f32>(0.0, kind.x, kind.y, 0.0);
    }
    // Best and worst of N, majority, groups that have a reward.
    var d = vec4<f32>(0.0);
    let inference_n = loss_sums[lane].inference_n;
    if inference_n > 0u {
        d = inference(lane, local, inference_n);
    }
    d = reduce_sum(local, d);
    a = reduce_sum(local, a);
    b = reduce_sum(local, b);
    c = reduce_sum(local, c);
    most = reduce_max(local, most);
    let row = (at.slot * N_LANES + lane) * COLUMNS;
    // A row has places for the most components that any program may have.
    for (var k = FIXED_COLUMNS + 3u * COMPONENTS + local; k < COLUMNS; k += WIDTH) {
        ring[row + k] = NO_REWARD;
    }
    for (var k = 0u; k < COMPONENTS; k += 2u) {
        // Every component is measured, so that control flow stays uniform; those that the program lacks are none.
        let m = component_moments(base, local, k);
        if local == 0u {
            write_component(lane, row, k, m.xy);
            write_component(lane, row, k + 1u, m.zw);
        }
    }
    if local != 0u {
        return;
    }
    let n = f32(SAMPLES);
    let stats = loss_sums[lane];
    let passes = max(stats.passes, 1.0);
    let steps = max(b.x, 1.0);
    let entropy = c.x / steps;
    let ended = n - b.y;
    let seen = lane * N_RUN;
    let tokens = run[seen + N_RUN - 1u] + b.x;
    let kl = b.w / steps;
    ring[row + COLUMN_TRUE_SCORE] = a.x / n;
    ring[row + COLUMN_PROXY_REWARD] = or_none(a.y / max(a.z, 1.0), a.z > 0.0);
    ring[row + COLUMN_REWARD] = or_none(stats.reward, stats.scored > 0.0);
    ring[row + COLUMN_REWARD_STD] = stats.reward_std;
    ring[row + COLUMN_FRAC_REWARD_ZERO_STD] = stats.frac_reward_zero_std;
    ring[row + COLUMN_ENTROPY] = entropy;
    ring[row + COLUMN_KL] = or_none(kl, has_reference);
    ring[row + COLUMN_LOSS] = stats.last_loss;
    ring[row + COLUMN_POLICY_LOSS] = stats.last_policy_loss;
    ring[row + COLUMN_VALUE_LOSS] = or_none(stats.last_value_loss, CRITIC == 1u);
    ring[row + COLUMN_GRAD_NORM] = or_none(stats.grad_norm / max(stats.taken, 1.0), stats.taken > 0.0);
    ring[row + COLUMN_LEARNING_RATE] = opt_state[lane].w;
    ring[row + COLUMN_ENTROPY_COEF] = opt_state[lane].y;
    ring[row + COLUMN_CLIP_RATIO_LOW_MEAN] = stats.clip_low_mean / passes;
    ring[row + COLUMN_CLIP_RATIO_HIGH_MEAN] = stats.clip_high_mean / passes;
    ring[row + COLUMN_CLIP_RATIO_REGION_MEAN] = stats.clip_region_mean / passes;
    ring[row + COLUMN_COMPLETIONS_MEAN_LENGTH] = b.x / n;
    ring[row + COLUMN_COMPLETIONS_MIN_LENGTH] = -most.x;
    ring[row + COLUMN_COMPLETIONS_MAX_LENGTH] = most.y;
    ring[row + COLUMN_COMPLETIONS_CLIPPED_RATIO] = b.y / n;
    ring[row + COLUMN_COMPLETIONS_MEAN_TERMINATED_LENGTH] = or_none(b.z / max(ended, 1.0), ended > 0.0);
    ring[row + COLUMN_ERROR_RATE] = a.w / n;
    ring[row + COLUMN_GROUPS_EFFECTIVE] = c.y / f32(GROUPS);
    ring[row + COLUMN_EFFECTIVE_SAMPLES] = stats.effective;
    ring[row + COLUMN_GROUPS_TOO_EASY] = c.z / f32(GROUPS);
    ring[row + COLUMN_GROUPS_TOO_HARD] = (f32(GROUPS) - c.y - c.z) / f32(GROUPS);
    ring[row + COLUMN_INFERENCE_BEST_OF_N] = or_none(d.x / max(d.w, 1.0), d.w > 0.0);
    ring[row + COLUMN_INFERENCE_WORST_OF_N] = or_none(d.y / max(d.w, 1.0), d.w > 0.0);
    ring[row + COLUMN_INFERENCE_MAJORITY] = or_none(d.z / f32(GROUPS), inference_n > 0u);
    ring[row + COLUMN_NUM_TOKENS] = tokens;
    ring[row + COLUMN_NOT_FINITE] = stats.nonfinite;
    ring[row + COLUMN_FILTER_R2] = stats.filter_r2;
    // Where reward models are learned, stage calibrate writes these.
    ring[row + COLUMN_RM_ACCURACY] = NO_REWARD;
    ring[row + COLUMN_RM_ECE] = NO_REWARD;
    run[seen + RUN_REWARD] = select(0.0, stats.reward, is_number(stats.reward));
    run[seen + RUN_REWARD_STD] = stats.reward_std;
    run[seen + RUN_ENTROPY] = entropy;
    run[seen + RUN_MEAN_LENGTH] = b.x / n;
    if has_reference && is_number(kl) {
        run[seen + RUN_KL] = kl;
    }
    run[seen + RUN_FRAC_REWARD_ZERO_STD] = stats.frac_reward_zero_std;
    run[seen + N_RUN - 1u] = tokens;
}

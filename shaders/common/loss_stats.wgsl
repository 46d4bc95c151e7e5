// Adds one pass of the loss to the lane's statistics, as core/src/algorithm/loss/stats.rs.
fn record(arm: u32, lane: u32, sums: Sums, steps: f32, coef: f32) {
    let count = max(steps, 1.0);
    let sequences = max(sums.d.x, 1.0);
    let units = select(count, sequences, settings[arm].importance_sampling_level == IMPORTANCE_SAMPLING_LEVEL_SEQUENCE);
    let bonus_entropy = sums.c.y / max(sums.c.x, 1.0);
    var s = loss_sums[lane];
    if at.first == 1u {
        s.passes = 0.0;
        s.loss = 0.0;
        s.policy_loss = 0.0;
        s.value_loss = 0.0;
        s.kl = 0.0;
        s.entropy = 0.0;
        s.clip_low_mean = 0.0;
        s.clip_low_min = 0.0;
        s.clip_high_mean = 0.0;
        s.clip_high_max = 0.0;
        s.clip_region_mean = 0.0;
        s.cispo_clip_ratio = 0.0;
        s.dual_clip_ratio = 0.0;
        s.vespo_phi_mean = 0.0;
        s.ratio_mean = 0.0;
        s.ratio_max = 0.0;
        s.ppo_kl = 0.0;
        s.steps = 0.0;
        s.nonfinite = 0.0;
        s.grad_norm = 0.0;
        s.taken = 0.0;
    }
    let whole = sums.a.x + sums.d.y - coef * bonus_entropy;
    s.passes += 1.0;
    s.loss += whole;
    s.policy_loss += sums.a.x;
    s.value_loss += sums.d.y;
    s.kl += sums.a.y / count;
    s.entropy += sums.a.z / count;
    s.clip_low_mean += sums.b.x / units;
    s.clip_low_min += select(0.0, 1.0 - sums.most.x, sums.d.x > 0.0);
    s.clip_high_mean += sums.b.y / units;
    s.clip_high_max += sums.most.y;
    s.clip_region_mean += (sums.b.x + sums.b.y) / units;
    s.cispo_clip_ratio += sums.b.z / units;
    s.dual_clip_ratio += sums.b.w / units;
    s.vespo_phi_mean += sums.c.w / sequences;
    s.ratio_mean += sums.c.z / units;
    s.ratio_max += sums.most.z;
    s.ppo_kl += sums.a.w / count;
    s.steps += steps;
    s.nonfinite += sums.d.z + select(1.0, 0.0, is_number(whole));
    s.bonus_entropy = bonus_entropy;
    s.last_loss = whole;
    s.last_policy_loss = sums.a.x;
    s.last_value_loss = sums.d.y;
    s.entropy_coef = coef;
    loss_sums[lane] = s;
}

// What goes wrong with the rewards between the program and the update, as core/src/algorithm/noise.rs.

// The reward of a sample with its noise; what is no reward stays as it is.
fn noisy_reward(arm: u32, base: u32, i: u32) -> f32 {
    let reward = rewards[base + i].x;
    let kind = settings[arm].reward_noise;
    if kind == REWARD_NOISE_NONE || !is_number(reward) {
        return reward;
    }
    let seed = lanes[base / SAMPLES].y;
    let whole_group = kind == REWARD_NOISE_FLIP_GROUP;
    let dice = draw(
        seed,
        at.update,
        i / GROUP,
        select(i % GROUP, 0u, whole_group),
        select(1u, 0u, whole_group),
        PURPOSE_REWARD_NOISE,
    );
    if kind == REWARD_NOISE_GAUSSIAN {
        return reward + settings[arm].reward_noise_size * bell(dice);
    }
    if uniform01(dice.x) >= settings[arm].reward_noise_rate {
        return reward;
    }
    return select(1.0 - reward, settings[arm].reward_noise_size, kind == REWARD_NOISE_OUTLIER);
}

//! Noise and attacks on the reward between the reward program and the update: a verifier that errs, a reward model that
//! is read with noise, a sample that is paid far too much. `shaders/common/noise.wgsl` is the same.

use super::BatchKey;
use super::settings::{RewardNoise, Settings};
use crate::math::rng::{bell, draw, purpose, uniform};

/// The reward of sample `i` of the batch with its noise.
pub fn noisy(settings: &Settings, key: BatchKey, i: usize, reward: f32) -> f32 {
    let (group, sample) = ((i / key.group.max(1)) as u32, (i % key.group.max(1)) as u32);
    let dice = |sample, step| draw(key.seed, key.update, group, sample, step, purpose::REWARD_NOISE);
    let hit = |words: [u32; 4]| uniform(words[0]) < settings.reward_noise_rate;
    match settings.reward_noise {
        RewardNoise::None => reward,
        RewardNoise::FlipGroup if hit(dice(0, 0)) => 1.0 - reward,
        RewardNoise::FlipSample if hit(dice(sample, 1)) => 1.0 - reward,
        RewardNoise::Outlier if hit(dice(sample, 1)) => settings.reward_noise_size,
        RewardNoise::Gaussian => reward + settings.reward_noise_size * bell(dice(sample, 1)),
        RewardNoise::FlipGroup | RewardNoise::FlipSample | RewardNoise::Outlier => reward,
    }
}

/// Puts the noise into the rewards of a batch, in place, before the KL is taken out and before the estimator. What a
/// step was paid changes on the sample's last step, so that steps still sum to the reward.
///
/// `lengths` and `rewards` [n] (NaN = none, stays NaN), `step_rewards` [n][T] with T = `steps`.
pub fn noise_into_rewards(
    settings: &Settings,
    key: BatchKey,
    steps: usize,
    lengths: &[u32],
    rewards: &mut [f32],
    step_rewards: &mut [f32],
) {
    for (i, reward) in rewards.iter_mut().enumerate().filter(|(_, r)| !r.is_nan()) {
        let paid = *reward;
        *reward = noisy(settings, key, i, paid);
        let last = (lengths[i] as usize).clamp(1, steps.max(1)) - 1;
        if let Some(step) = step_rewards.get_mut(i * steps + last) {
            *step += *reward - paid;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(kind: RewardNoise, rate: f32, size: f32) -> Settings {
        Settings { reward_noise: kind, reward_noise_rate: rate, reward_noise_size: size, ..Settings::default() }
    }

    fn key(update: u32) -> BatchKey {
        BatchKey { seed: 5, update, group: 8 }
    }

    /// Noise of many batches of 4 groups of 8 samples that were all paid 0.
    fn drawn(s: &Settings, updates: u32) -> Vec<f32> {
        (0..updates).flat_map(|u| (0..32).map(move |i| noisy(s, key(u), i, 0.0)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_coin_a_group_turns_all_of_its_rewards_and_so_every_advantage() {
        let noisy = drawn(&settings(RewardNoise::FlipGroup, 0.2, 0.0), 500);
        assert!(noisy.chunks(8).all(|g| g.iter().all(|r| *r == g[0])));
        let share = noisy.iter().sum::<f32>() / noisy.len() as f32;
        assert!((share - 0.2).abs() < 0.03, "{share}");
    }

    #[test]
    fn a_coin_a_sample_hits_each_alone_at_its_rate() {
        let noisy = drawn(&settings(RewardNoise::FlipSample, 0.3, 0.0), 500);
        let share = noisy.iter().sum::<f32>() / noisy.len() as f32;
        assert!((share - 0.3).abs() < 0.015, "{share}");
        // Groups with 8 equal coins: 0.3^8 + 0.7^8 of them.
        let alike = noisy.chunks(8).filter(|g| g.iter().all(|r| *r == g[0])).count() as f32 / (noisy.len() / 8) as f32;
        assert!((alike - 0.0577).abs() < 0.02, "{alike}");
    }

    #[test]
    fn gaussian_noise_has_its_deviation_and_outliers_their_size() {
        let noisy = drawn(&settings(RewardNoise::Gaussian, 0.0, 2.5), 500);
        let n = noisy.len() as f32;
        let mean = noisy.iter().sum::<f32>() / n;
        let deviation = (noisy.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n).sqrt();
        assert!(mean.abs() < 0.06 && (deviation - 2.5).abs() < 0.05, "{mean} {deviation}");
        let hit = drawn(&settings(RewardNoise::Outlier, 0.05, 50.0), 500);
        assert!(hit.iter().all(|r| *r == 0.0 || *r == 50.0));
        let share = hit.iter().filter(|r| **r == 50.0).count() as f32 / n;
        assert!((share - 0.05).abs() < 0.008, "{share}");
    }

    #[test]
    fn steps_still_sum_to_the_reward_and_none_stays_none() {
        let s = settings(RewardNoise::FlipSample, 1.0, 0.0);
        let mut rewards = [0.75, f32::NAN, 0.0];
        let mut step_rewards = [0.5, 0.25, 0.0, 0.0, 0.0, 0.0];
        noise_into_rewards(
            &s,
            BatchKey { seed: 1, update: 2, group: 3 },
            2,
            &[2, 2, 1],
            &mut rewards,
            &mut step_rewards,
        );
        assert!(rewards[0] == 0.25 && rewards[1].is_nan() && rewards[2] == 1.0);
        assert_eq!(step_rewards, [0.5, -0.25, 0.0, 0.0, 1.0, 0.0]);
    }
}

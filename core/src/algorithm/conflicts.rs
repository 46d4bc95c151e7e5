//! Settings that make no sense together.

use super::Settings;
use super::advantage::normalises_components;
use super::settings::RewardNoise;

/// Why some settings cannot be used together, in one sentence; None where they can.
pub fn conflict(settings: &Settings) -> Option<String> {
    if normalises_components(settings) && settings.reward_noise != RewardNoise::None {
        return Some(
            "reward_noise changes the reward, and this estimator reads the components: take another estimator or \
             multi_objective_aggregation = sum_then_normalize"
                .into(),
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::settings::{Aggregation, Estimator};

    #[test]
    fn noise_that_no_estimator_would_see_is_refused() {
        let noisy = Settings { reward_noise: RewardNoise::FlipGroup, ..Settings::default() };
        assert_eq!(conflict(&noisy), None);
        assert!(conflict(&Settings { estimator: Estimator::Gdpo, ..noisy.clone() }).is_some());
        let apart = Aggregation::NormalizeThenSum;
        assert!(conflict(&Settings { multi_objective_aggregation: apart, ..noisy }).is_some());
    }
}

//! The coefficient of the entropy bonus, fixed or adaptive, by the rule of TRL's GRPOTrainer (after Skywork-OR1).

use super::settings::Settings;

/// The controller's state between optimiser steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyControl {
    /// The coefficient; it moves only when use_adaptive_entropy is on.
    pub coef: f32,
    /// Mean token entropy of the last optimiser step, in nats; f32::MAX before the first.
    pub last: f32,
}

impl EntropyControl {
    /// The state before the first step.
    pub fn new(settings: &Settings) -> Self {
        Self { coef: settings.entropy_coef, last: f32::MAX }
    }

    /// The coefficient to use in the loss now: the adaptive one counts only while entropy is at or under its target.
    pub fn applied(&self, settings: &Settings) -> f32 {
        if settings.use_adaptive_entropy && self.last > settings.entropy_target { 0.0 } else { self.coef }
    }

    /// Takes in the mean token entropy of an optimiser step.
    pub fn observe(&mut self, settings: &Settings, entropy: f32) {
        if settings.use_adaptive_entropy {
            self.coef = adapt_entropy(settings, entropy, self.coef);
        } else {
            self.coef = settings.entropy_coef;
        }
        self.last = entropy;
    }
}

/// TRL's rule: up by entropy_coef_delta while entropy is at or under the target, else down, within min and max.
pub fn adapt_entropy(settings: &Settings, entropy: f32, coef: f32) -> f32 {
    if entropy <= settings.entropy_target {
        (coef + settings.entropy_coef_delta).min(settings.entropy_coef_max)
    } else {
        (coef - settings.entropy_coef_delta).max(settings.entropy_coef_min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_adaptive_coefficient_acts_from_the_step_after_entropy_fell() {
        let s = Settings {
            use_adaptive_entropy: true,
            entropy_coef_delta: 0.25,
            entropy_target: 0.5,
            entropy_coef_max: 0.4,
            ..Settings::default()
        };
        let mut control = EntropyControl::new(&s);
        assert_eq!(control.applied(&s), 0.0);
        control.observe(&s, 0.3);
        assert_eq!(control.applied(&s), 0.25);
        control.observe(&s, 0.3);
        assert_eq!(control.applied(&s), 0.4);
        control.observe(&s, 0.9);
        assert_eq!(control.applied(&s), 0.0);
        assert!((control.coef - 0.15).abs() < 1e-6);
        control.observe(&s, 0.9);
        assert_eq!(control.coef, 0.0);
    }

    #[test]
    fn a_fixed_coefficient_stays() {
        let s = Settings { entropy_coef: 0.01, ..Settings::default() };
        let mut control = EntropyControl::new(&s);
        control.observe(&s, 5.0);
        assert_eq!(control.applied(&s), 0.01);
    }
}

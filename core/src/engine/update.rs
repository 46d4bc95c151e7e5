//! The order of an update, said once for both engines.

use crate::algorithm::Settings;

/// Updates between two measurements of the KL where the algorithm itself does not need it.
const KL_EVERY: u32 = 8;

/// A part of an update. Each is a stage or a few; `cpu` and `gpu` say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The policy plays every sample of the batch.
    Sample,
    /// The reference policy looks at what was sampled.
    Reference,
    /// Samples get their rewards and advantages.
    Judge,
    /// The slow loop moves the weights of the components.
    MoveWeights,
    /// It is chosen what is learned from: samples without an advantage leave, past ones may take their places.
    Select,
    /// One optimiser step on one minibatch.
    Learn { iteration: u32, minibatch: u32 },
    /// The batch is put back as it was sampled.
    Restore,
    /// The metric row is made.
    Measure,
}

/// What an update does beside sampling and learning, and its optimiser steps: what any of its lanes needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub looks_back: bool,
    pub moves_weights: bool,
    pub iterations: u32,
    pub minibatches: u32,
}

impl Order {
    /// The order of update `update` for lanes with these settings.
    pub fn of<'a>(settings: impl Iterator<Item = &'a Settings>, update: u32) -> Self {
        let none =
            Self { looks_back: update.is_multiple_of(KL_EVERY), moves_weights: false, iterations: 1, minibatches: 1 };
        settings.fold(none, |order, s| Self {
            looks_back: order.looks_back || s.beta > 0.0 || s.kl_in_reward > 0.0,
            moves_weights: order.moves_weights || moves_weights(s, update),
            iterations: order.iterations.max(s.num_iterations),
            minibatches: order.minibatches.max(s.num_minibatches),
        })
    }

    /// The phases, first to last.
    pub fn phases(self) -> impl Iterator<Item = Phase> {
        let Self { looks_back, moves_weights, iterations, minibatches } = self;
        let steps = (0..iterations)
            .flat_map(move |iteration| (0..minibatches).map(move |minibatch| Phase::Learn { iteration, minibatch }));
        [Phase::Sample]
            .into_iter()
            .chain(looks_back.then_some(Phase::Reference))
            .chain([Phase::Judge])
            .chain(moves_weights.then_some(Phase::MoveWeights))
            .chain([Phase::Select])
            .chain(steps)
            .chain([Phase::Restore, Phase::Measure])
    }
}

/// Whether settings have a slow loop that takes a step at the end of this update.
fn moves_weights(settings: &Settings, update: u32) -> bool {
    settings.outer_every > 0 && (update + 1).is_multiple_of(settings.outer_every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_does_what_any_of_its_lanes_needs() {
        let plain = Settings { beta: 0.0, kl_in_reward: 0.0, ..Settings::default() };
        let slow = Settings { outer_every: 3, num_minibatches: 2, ..plain.clone() };
        let count = |settings: &[&Settings], update: u32, phase: Phase| {
            Order::of(settings.iter().copied(), update).phases().filter(|p| *p == phase).count()
        };
        assert_eq!(count(&[&plain], 1, Phase::Reference), 0);
        assert_eq!(count(&[&plain], 8, Phase::Reference), 1);
        assert_eq!(count(&[&plain, &Settings { beta: 0.1, ..plain.clone() }], 1, Phase::Reference), 1);
        assert_eq!(count(&[&plain, &slow], 1, Phase::MoveWeights), 0);
        assert_eq!(count(&[&plain, &slow], 2, Phase::MoveWeights), 1);
        assert_eq!(count(&[&plain, &slow], 1, Phase::Learn { iteration: 0, minibatch: 1 }), 1);
        assert_eq!(count(&[&plain], 1, Phase::Learn { iteration: 0, minibatch: 1 }), 0);
    }

    #[test]
    fn what_is_learned_from_is_chosen_before_the_steps_and_put_back_before_the_measurement() {
        let settings = Settings { num_iterations: 2, ..Settings::default() };
        let phases: Vec<Phase> = Order::of([&settings].into_iter(), 0).phases().collect();
        let at = |phase: Phase| phases.iter().position(|p| *p == phase).unwrap();
        let steps = [0, 1].map(|iteration| at(Phase::Learn { iteration, minibatch: 0 }));
        assert!(at(Phase::Judge) < at(Phase::Select) && at(Phase::Select) < steps[0] && steps[0] < steps[1]);
        assert!(steps[1] < at(Phase::Restore) && at(Phase::Restore) < at(Phase::Measure));
    }
}

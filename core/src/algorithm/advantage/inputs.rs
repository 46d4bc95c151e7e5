//! What every estimator is given.

use crate::algorithm::flag;
use crate::algorithm::settings::Framework;
use crate::algorithm::sum::Moments;

/// What an estimator reads: n samples in groups of `group` neighbours, T = `steps`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    pub n: usize,
    pub group: usize,
    pub steps: usize,
    /// [n], at most T.
    pub lengths: &'a [u32],
    /// [n]; 0 where the reward program failed. Empty: all are active.
    pub active: &'a [u8],
    /// [n]; NaN = none.
    pub rewards: &'a [f32],
    /// [C][n]; NaN = not applicable. Read by gdpo, and by bnpo under normalize_then_sum.
    pub components: &'a [f32],
    /// [C]
    pub weights: &'a [f32],
    /// [n][T], summing to the reward. Read by gae and reinforce_plus_plus. Empty: the reward stands on the last step.
    pub step_rewards: &'a [f32],
    /// [n][T], or empty. Read by gae.
    pub values: &'a [f32],
    /// [n]: the value of the state behind the last step, 0 where the episode ended there. Empty: all ended. Read by gae
    /// with bootstrap_truncated.
    pub end_values: &'a [f32],
}

impl Batch<'_> {
    /// Whether a sample takes part: it is active and its reward is a finite number.
    pub(crate) fn scored(&self, i: usize) -> bool {
        flag(self.active, i, true) && self.rewards[i].is_finite()
    }

    pub(crate) fn length(&self, i: usize) -> usize {
        (self.lengths[i] as usize).min(self.steps)
    }

    /// The samples of each group, as ranges.
    pub(crate) fn groups(&self) -> impl Iterator<Item = std::ops::Range<usize>> + Clone + use<> {
        let (n, group) = (self.n, self.group.max(1));
        (0..n).step_by(group).map(move |a| a..(a + group).min(n))
    }

    /// Moments of the rewards of some samples.
    pub(crate) fn moments(&self, mut range: std::ops::Range<usize>) -> Moments {
        range.end = range.end.min(self.n);
        Moments::of(range.filter(|i| self.scored(*i)).map(|i| self.rewards[i]))
    }
}

/// What is added to a deviation before dividing by it.
pub fn epsilon(framework: Framework) -> f32 {
    match framework {
        Framework::Trl => 1e-4,
        Framework::Verl => 1e-6,
        Framework::OpenRlhf => 1e-9,
    }
}

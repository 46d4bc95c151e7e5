//! Where on a curve the moment of an experiment is.

use super::statistics::smooth;
use crate::experiment::{Moment, When};

impl Moment {
    /// The update at which it happens on the curve so far of a run of `updates`, if it has. A peak or trough counts once
    /// the curve has left it by a tenth of its range, for as long as it is smoothed over: before, it is noise.
    pub fn find(&self, curve: &[f32], updates: usize) -> Option<usize> {
        let window = updates.max(curve.len()).div_ceil(20);
        let smoothed = smooth(curve, window);
        let finite = || smoothed.iter().copied().enumerate().filter(|(_, x)| x.is_finite());
        let level = self.level.unwrap_or(0.0);
        let sign = if self.when == When::Trough { -1.0 } else { 1.0 };
        match self.when {
            When::Above => finite().find(|(_, x)| *x >= level).map(|(i, _)| i),
            // Below means that it fell there: a curve that starts there has not.
            When::Below => {
                let from = finite().find(|(_, x)| *x >= level)?.0;
                finite().find(|(i, x)| *i > from && *x < level).map(|(i, _)| i)
            }
            When::Peak | When::Trough => {
                let (at, best) =
                    finite().map(|(i, x)| (i, sign * x)).fold((0, f32::MIN), |a, b| if b.1 > a.1 { b } else { a });
                let least = finite().map(|(_, x)| sign * x).fold(f32::MAX, f32::min);
                let now = sign * finite().next_back()?.1;
                (at + window <= curve.len() && best > least && best - now >= 0.1 * (best - least)).then_some(at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_found_where_it_happens() {
        let moment =
            |when, level| Moment { metric: String::new(), arm: String::new(), when, level, says: String::new() };
        let hill: Vec<f32> = (0..100).map(|i| if i < 50 { i as f32 } else { 100.0 - i as f32 }).collect();
        assert_eq!(moment(When::Peak, None).find(&hill, 100), Some(50));
        assert_eq!(moment(When::Peak, None).find(&hill[..50], 100), None, "it still rises");
        assert_eq!(moment(When::Above, Some(20.0)).find(&hill, 100), Some(20));
        assert!(moment(When::Below, Some(20.0)).find(&hill, 100).unwrap() > 75);
        assert_eq!(moment(When::Below, Some(20.0)).find(&hill[..60], 100), None);
        assert_eq!(moment(When::Above, Some(200.0)).find(&hill, 100), None);
        assert_eq!(moment(When::Peak, None).find(&[], 100), None);
        let start: Vec<f32> = (0..8).map(|i| if i % 2 == 0 { 0.5 } else { 0.4 }).collect();
        assert_eq!(moment(When::Peak, None).find(&start[..4], 100), None, "a few updates are noise");
    }
}

//! The curves that rules look at: means over the seeds of one arm, and over the last few updates.

use super::super::columns::{Column, MAX_COMPONENTS, component_mean, component_std};
use super::super::curves::Curves;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A rule looks at the mean over this many updates, the last of them the one it marks: a mark never moves later.
pub const WINDOW: usize = 9;
/// No rule but those about failures looks at fewer updates than this.
pub const WARM_UP: usize = 10;
/// The update whose window is the start of a run.
pub const START: usize = WARM_UP / 2;

/// One arm's curves.
pub struct Series<'a> {
    pub curves: &'a Curves,
    pub arm: usize,
    /// Updates that every seed has.
    pub updates: usize,
    /// Trailing means by place in a row: several rules look at the same, and all of them look again at every update.
    known: RefCell<BTreeMap<usize, Rc<[f32]>>>,
}

impl<'a> Series<'a> {
    pub fn new(curves: &'a Curves, arm: usize) -> Self {
        Self { curves, arm, updates: curves.complete(arm), known: RefCell::default() }
    }

    /// The mean over seeds.
    pub fn raw(&self, column: Column) -> Vec<f32> {
        self.place(column as usize)
    }

    fn place(&self, column: usize) -> Vec<f32> {
        let at = |update| mean((0..self.curves.seeds).map(|seed| self.curves.value(self.arm, seed, update, column)));
        (0..self.updates).map(at).collect()
    }

    /// The mean over seeds and the window.
    pub fn trailing(&self, column: Column) -> Rc<[f32]> {
        self.trailing_place(column as usize)
    }

    fn trailing_place(&self, column: usize) -> Rc<[f32]> {
        let known = self.known.borrow().get(&column).cloned();
        known.unwrap_or_else(|| {
            let new: Rc<[f32]> = trailing(&self.place(column)).into();
            self.known.borrow_mut().insert(column, Rc::clone(&new));
            new
        })
    }

    /// The same as a share of its start; nothing where the start is not above `least`.
    pub fn of_start(&self, column: Column, least: f32) -> Vec<f32> {
        let curve = self.trailing(column);
        let start = start_of(&curve);
        if start > least { curve.iter().map(|x| x / start).collect() } else { Vec::new() }
    }

    /// How far the proxy reward is from its start, in standard deviations of the first batches; nothing without any spread.
    pub fn shift(&self) -> Vec<f32> {
        in_deviations(&self.trailing(Column::ProxyReward), start_of(&self.trailing(Column::RewardStd)))
    }

    /// The same for each part of the reward that has spread at the start.
    pub fn shifts_of_parts(&self) -> Vec<Vec<f32>> {
        let part = |i| {
            let deviation = start_of(&self.trailing_place(component_std(i)));
            in_deviations(&self.trailing_place(component_mean(i)), deviation)
        };
        // Most places of a row have no part.
        let has_numbers = |i: &usize| {
            (0..=START).any(|update| self.curves.value(self.arm, 0, update, component_mean(*i)).is_finite())
        };
        (0..MAX_COMPONENTS).filter(has_numbers).map(part).filter(|shift| !shift.is_empty()).collect()
    }
}

/// Means over the last `WINDOW` values.
fn trailing(curve: &[f32]) -> Vec<f32> {
    (0..curve.len()).map(|i| mean(curve[(i + 1).saturating_sub(WINDOW)..=i].iter().copied())).collect()
}

/// Mean of the finite values; NaN if there are none.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) =
        values.filter(|x| x.is_finite()).fold((0.0, 0.0), |(sum, count), x| (sum + f64::from(x), count + 1.0));
    (sum / count) as f32
}

/// What a curve was at the start.
pub fn start_of(curve: &[f32]) -> f32 {
    curve.get(START).copied().unwrap_or(f32::NAN)
}

fn in_deviations(curve: &[f32], deviation: f32) -> Vec<f32> {
    let start = start_of(curve);
    if deviation > 0.0 { curve.iter().map(|x| (x - start) / deviation).collect() } else { Vec::new() }
}

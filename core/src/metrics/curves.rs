//! The metric rows of a run, by lane, as they arrive in any order.

use super::columns::{COLUMNS, ROW};
use std::collections::BTreeMap;

/// Rows of every lane: lane = seed * arms + arm. A row not there yet is NaN.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    pub arms: usize,
    pub seeds: usize,
    /// Numbers kept of a row: up to the last that any row has, since a row has places for more components than programs
    /// mostly have.
    width: usize,
    /// By lane: [update][width].
    lanes: Vec<Vec<f32>>,
}

impl Curves {
    /// No rows yet.
    pub fn new(arms: usize, seeds: usize) -> Self {
        Self { arms, seeds, width: COLUMNS.len(), lanes: vec![Vec::new(); arms * seeds] }
    }

    /// The curves of other arms: each those of an arm of these, or none yet.
    pub fn select(&self, from: &[Option<usize>]) -> Self {
        let lane = |seed: usize, arm: &Option<usize>| match arm {
            Some(arm) => self.lanes[seed * self.arms + arm].clone(),
            None => Vec::new(),
        };
        let lanes = (0..self.seeds).flat_map(|seed| from.iter().map(move |arm| lane(seed, arm))).collect();
        Self { arms: from.len(), seeds: self.seeds, width: self.width, lanes }
    }

    /// The curves of some of the seeds.
    pub fn of_seeds(&self, seeds: std::ops::Range<usize>) -> Self {
        let lanes = self.lanes[seeds.start * self.arms..seeds.end * self.arms].to_vec();
        Self { arms: self.arms, seeds: seeds.len(), width: self.width, lanes }
    }

    /// Puts a row [ROW] in its place. Rows of lanes outside the run are ignored.
    pub fn put(&mut self, arm: usize, seed: usize, update: usize, row: &[f32]) {
        if arm >= self.arms || seed >= self.seeds || row.len() != ROW {
            return;
        }
        self.widen(row.iter().rposition(|x| !x.is_nan()).map_or(0, |last| last + 1));
        let width = self.width;
        let lane = &mut self.lanes[seed * self.arms + arm];
        if lane.len() < (update + 1) * width {
            lane.resize((update + 1) * width, f32::NAN);
        }
        lane[update * width..(update + 1) * width].copy_from_slice(&row[..width]);
    }

    /// Puts all rows of a lane, [update][ROW], into their places.
    pub fn put_lane(&mut self, arm: usize, seed: usize, rows: &[f32]) {
        for (update, row) in rows.chunks_exact(ROW).enumerate() {
            self.put(arm, seed, update, row);
        }
    }

    /// Makes room for rows of this width.
    fn widen(&mut self, width: usize) {
        if width <= self.width {
            return;
        }
        for lane in &mut self.lanes {
            let mut wide = Vec::with_capacity(lane.len() / self.width * width);
            for row in lane.chunks_exact(self.width) {
                wide.extend_from_slice(row);
                wide.resize(wide.len() + width - self.width, f32::NAN);
            }
            *lane = wide;
        }
        self.width = width;
    }

    /// Updates that a lane has rows for.
    pub fn updates(&self, arm: usize, seed: usize) -> usize {
        self.lanes[seed * self.arms + arm].len() / self.width
    }

    /// Updates that every seed of an arm has.
    pub fn complete(&self, arm: usize) -> usize {
        (0..self.seeds).map(|seed| self.updates(arm, seed)).min().unwrap_or(0)
    }

    /// One value; NaN where there is none.
    pub fn value(&self, arm: usize, seed: usize, update: usize, column: usize) -> f32 {
        let lane = &self.lanes[seed * self.arms + arm];
        let row = lane.get(update * self.width..(update + 1) * self.width);
        row.and_then(|row| row.get(column)).copied().unwrap_or(f32::NAN)
    }

    /// One lane's curve of a column.
    pub fn curve(&self, arm: usize, seed: usize, column: usize) -> Vec<f32> {
        if column >= self.width {
            return vec![f32::NAN; self.updates(arm, seed)];
        }
        self.lanes[seed * self.arms + arm].iter().skip(column).step_by(self.width).copied().collect()
    }

    /// Drops all rows from `update` on (a run that went back to a checkpoint).
    pub fn truncate(&mut self, update: usize) {
        for lane in &mut self.lanes {
            lane.truncate(update * self.width);
        }
    }

    /// A digest of each column that has a number, by its public name; `names` are the columns' names by arm.
    /// By name, since rows grow: a column that is added leaves the digests of the others alone.
    pub fn digests(&self, names: &[Vec<String>]) -> BTreeMap<String, u64> {
        let mut digests = BTreeMap::new();
        for lane in 0..self.lanes.len() {
            let (arm, seed) = (lane % self.arms, lane / self.arms);
            for (column, name) in names[arm].iter().enumerate() {
                let curve = self.curve(arm, seed, column);
                if curve.iter().any(|x| !x.is_nan()) {
                    let digest: &mut u64 = digests.entry(name.clone()).or_default();
                    // The lane counts too: a column may be empty in one of them.
                    *digest = digest.rotate_left(5) ^ super::digest(&curve).wrapping_add(lane as u64);
                }
            }
        }
        digests
    }

    /// One digest of all columns, as `digests` names them.
    pub fn digest(&self, names: &[Vec<String>]) -> u64 {
        self.digests(names).values().fold(0, |all: u64, column| all.rotate_left(5) ^ column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::columns;

    #[test]
    fn curves_of_other_arms_are_those_of_the_arms_that_stay() {
        let mut curves = Curves::new(3, 2);
        for (arm, seed) in [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)] {
            curves.put(arm, seed, 0, &[(10 * arm + seed) as f32; ROW]);
        }
        let other = curves.select(&[Some(2), None, Some(1)]);
        assert_eq!((other.arms, other.seeds), (3, 2));
        assert_eq!([other.value(0, 1, 0, 0), other.value(2, 0, 0, 0)], [21.0, 10.0]);
        assert_eq!((other.complete(0), other.complete(1)), (1, 0));
    }

    #[test]
    fn some_seeds_are_a_run_of_their_own() {
        let mut curves = Curves::new(2, 4);
        for (arm, seed) in [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3)] {
            curves.put(arm, seed, 0, &[(10 * arm + seed) as f32; ROW]);
        }
        let some = curves.of_seeds(2..4);
        assert_eq!((some.arms, some.seeds), (2, 2));
        assert_eq!([some.value(0, 0, 0, 0), some.value(1, 1, 0, 0)], [2.0, 13.0]);
    }

    #[test]
    fn a_column_that_is_added_leaves_the_digests_of_the_others() {
        let names = [columns::names(&["goal".into()]), columns::names(&["goal".into(), "hint".into()])];
        let mut curves = Curves::new(2, 2);
        for (arm, seed, update) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1)] {
            let mut row = [f32::NAN; ROW];
            row[0] = (arm + 2 * seed + 10 * update) as f32;
            row[columns::component_mean(0)] = 0.5;
            curves.put(arm, seed, update, &row);
        }
        let before = curves.digests(&names);
        assert_eq!(before.keys().collect::<Vec<_>>(), ["rewards/goal/mean", "true_score"]);
        let mut row: Vec<f32> = (0..ROW).map(|column| curves.value(1, 0, 0, column)).collect();
        row[columns::component_mean(1)] = 1.0;
        curves.put(1, 0, 0, &row);
        let mut after = curves.digests(&names);
        assert!(after.remove("rewards/hint/mean").is_some());
        assert_eq!(after, before);
        row[0] = 7.0;
        curves.put(1, 0, 0, &row);
        let changed = curves.digests(&names);
        assert_ne!(changed["true_score"], before["true_score"]);
        assert_eq!(changed["rewards/goal/mean"], before["rewards/goal/mean"]);
    }
}

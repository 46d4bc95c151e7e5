//! The metric rows of a run, by lane, as they arrive in any order.

use super::columns::ROW;

/// Rows of every lane: lane = seed * arms + arm. A row not there yet is NaN.
#[derive(Clone, Debug, Default)]
pub struct Curves {
    pub arms: usize,
    pub seeds: usize,
    /// By lane: [update][ROW].
    lanes: Vec<Vec<f32>>,
}

impl Curves {
    /// No rows yet.
    pub fn new(arms: usize, seeds: usize) -> Self {
        Self { arms, seeds, lanes: vec![Vec::new(); arms * seeds] }
    }

    /// Puts a row [ROW] in its place. Rows of lanes outside the run are ignored.
    pub fn put(&mut self, arm: usize, seed: usize, update: usize, row: &[f32]) {
        if arm >= self.arms || seed >= self.seeds || row.len() != ROW {
            return;
        }
        let lane = &mut self.lanes[seed * self.arms + arm];
        if lane.len() < (update + 1) * ROW {
            lane.resize((update + 1) * ROW, f32::NAN);
        }
        lane[update * ROW..(update + 1) * ROW].copy_from_slice(row);
    }

    /// Updates that a lane has rows for.
    pub fn updates(&self, arm: usize, seed: usize) -> usize {
        self.lanes[seed * self.arms + arm].len() / ROW
    }

    /// Updates that every seed of an arm has.
    pub fn complete(&self, arm: usize) -> usize {
        (0..self.seeds).map(|seed| self.updates(arm, seed)).min().unwrap_or(0)
    }

    /// One value; NaN where there is none.
    pub fn value(&self, arm: usize, seed: usize, update: usize, column: usize) -> f32 {
        let lane = &self.lanes[seed * self.arms + arm];
        lane.get(update * ROW + column).copied().unwrap_or(f32::NAN)
    }

    /// One lane's curve of a column.
    pub fn curve(&self, arm: usize, seed: usize, column: usize) -> Vec<f32> {
        self.lanes[seed * self.arms + arm].iter().skip(column).step_by(ROW).copied().collect()
    }

    /// The rows of one lane, [update][ROW].
    pub fn rows(&self, arm: usize, seed: usize) -> &[f32] {
        &self.lanes[seed * self.arms + arm]
    }

    /// Drops all rows from `update` on (a run that went back to a checkpoint).
    pub fn truncate(&mut self, update: usize) {
        for lane in &mut self.lanes {
            lane.truncate(update * ROW);
        }
    }

    /// Digest of all rows, in the order of lanes.
    pub fn digest(&self) -> u64 {
        self.lanes.iter().fold(0, |h: u64, lane| h.rotate_left(5) ^ super::digest(lane))
    }
}

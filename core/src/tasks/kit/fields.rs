//! Fields that records of several tasks have: how a schema declares them, and how they are written.

use crate::reward::schema::{EpisodeSchema, Ty};

/// Ways to declare a field that many tasks have.
pub(in crate::tasks) trait Fields {
    /// Adds a whole number of at least 0.
    fn count(self, name: &str, help: &str) -> Self;
    /// Adds a list of at most `cap` whole numbers of at least 0.
    fn counts(self, name: &str, cap: usize, help: &str) -> Self;
}

impl Fields for EpisodeSchema {
    fn count(self, name: &str, help: &str) -> Self {
        self.field(name, Ty::Int, 1, help).at_least(0)
    }

    fn counts(self, name: &str, cap: usize, help: &str) -> Self {
        self.field(name, Ty::Ints, cap, help).at_least(0)
    }
}

/// Writes a list field: its length, then its elements.
pub(in crate::tasks) fn write_list(record: &mut [f32], slot: usize, list: &[u32]) {
    record[slot] = list.len() as f32;
    for (to, x) in record[slot + 1..].iter_mut().zip(list) {
        *to = *x as f32;
    }
}

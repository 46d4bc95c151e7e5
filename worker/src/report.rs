//! Collects metric rows between reports.

use goodhart_core::engine::cpu::LaneId;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::protocol::{Anatomy, Event, RowIndex};

/// Least milliseconds between two reports, and between two of them with an anatomy.
const EVERY: f64 = 60.0;
const ANATOMY_EVERY: f64 = 200.0;
/// Times as long as an anatomy took until the next one: what is exact in it may take longer than many updates.
const ANATOMY_SHARE: f64 = 10.0;

/// Rows that have not been sent.
#[derive(Default)]
pub struct Reports {
    index: Vec<RowIndex>,
    values: Vec<f32>,
    updates: u32,
    last: f64,
    last_anatomy: f64,
    /// Milliseconds that the last one took.
    anatomy_took: f64,
}

impl Reports {
    /// Takes in one update's rows, [lane][ROW].
    pub fn take(&mut self, lanes: &[LaneId], update: u32, rows: &[f32]) {
        for (lane, row) in lanes.iter().zip(rows.chunks_exact(ROW)) {
            self.index.push(RowIndex { arm: lane.arm as u32, seed: lane.seed as u32, update });
            self.values.extend_from_slice(row);
        }
        self.updates += 1;
    }

    /// Whether it is time for a report.
    pub fn due(&self, now: f64) -> bool {
        !self.index.is_empty() && now - self.last >= EVERY
    }

    /// Whether that report should hold an anatomy.
    pub fn anatomy_due(&self, now: f64) -> bool {
        now - self.last_anatomy >= ANATOMY_EVERY.max(ANATOMY_SHARE * self.anatomy_took)
    }

    /// How many milliseconds an anatomy took.
    pub fn anatomy_took(&mut self, ms: f64) {
        self.anatomy_took = ms;
    }

    /// Forgets the rows from an update on: the run goes back to it.
    pub fn forget_from(&mut self, update: u32) {
        let keeps: Vec<bool> = self.index.iter().map(|i| i.update < update).collect();
        let mut kept = keeps.iter().flat_map(|keep| std::iter::repeat_n(*keep, ROW));
        self.values.retain(|_| kept.next().unwrap_or(true));
        self.index.retain(|i| i.update < update);
    }

    /// Time does not pass while a run is paused.
    pub fn restart_clock(&mut self, now: f64) {
        self.last = now;
    }

    /// The report of everything so far; None if there is nothing to say.
    pub fn report(&mut self, run: u32, now: f64, anatomy: Option<Anatomy>) -> Option<Event> {
        if self.index.is_empty() && anatomy.is_none() {
            return None;
        }
        let elapsed = (now - self.last).max(1.0);
        let updates_per_s = (1000.0 * f64::from(self.updates) / elapsed) as f32;
        self.updates = 0;
        self.last = now;
        if anatomy.is_some() {
            self.last_anatomy = now;
        }
        Some(Event::Report {
            run,
            index: std::mem::take(&mut self.index),
            values: std::mem::take(&mut self.values),
            anatomy: anatomy.map(Box::new),
            updates_per_s,
        })
    }
}

//! Collects metric rows between reports.

use crate::edge;
use goodhart_core::engine::anatomy::Anatomy;
use goodhart_core::engine::{Host, LaneId};
use goodhart_core::metrics::columns::ROW;
use goodhart_core::protocol::{Event, RowIndex};

/// Least milliseconds between two reports, and between two of them with an anatomy.
const EVERY: f64 = 60.0;
const ANATOMY_EVERY: f64 = 200.0;
/// Times as long as an anatomy took until the next one, without what is exact in it.
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

impl Host for Reports {
    fn now(&self) -> f64 {
        edge::now()
    }

    fn rows(&mut self, lanes: &[LaneId], update: u32, rows: &[f32]) {
        for (lane, row) in lanes.iter().zip(rows.chunks_exact(ROW)) {
            self.index.push(RowIndex { arm: lane.arm as u32, seed: lane.seed as u32, update });
            self.values.extend_from_slice(row);
        }
        self.updates += 1;
    }

    /// A slow update gives signs of life.
    fn stage_is_over(&mut self, _stage: &'static str) {
        edge::beat();
    }
}

impl Reports {
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

#[cfg(test)]
mod tests {
    use super::*;

    const LANES: [LaneId; 2] = [LaneId { arm: 0, seed: 3 }, LaneId { arm: 1, seed: 3 }];

    fn with_updates(updates: std::ops::Range<u32>) -> Reports {
        let mut reports = Reports::default();
        for update in updates {
            let rows: Vec<f32> = (0..2 * ROW).map(|i| (update * 1000 + i as u32) as f32).collect();
            reports.rows(&LANES, update, &rows);
        }
        reports
    }

    #[test]
    fn a_report_has_every_row_once_in_its_order() {
        let mut reports = with_updates(0..3);
        let Some(Event::Report { run, index, values, updates_per_s, .. }) = reports.report(7, 1500.0, None) else {
            panic!("there were rows")
        };
        assert_eq!((run, index.len(), values.len()), (7, 6, 6 * ROW));
        assert_eq!(index[3], RowIndex { arm: 1, seed: 3, update: 1 });
        assert_eq!(values[3 * ROW], (1000 + ROW) as f32);
        assert_eq!(updates_per_s, 2.0);
        assert!(reports.report(7, 1600.0, None).is_none(), "nothing is said twice");
    }

    #[test]
    fn going_back_forgets_the_rows_that_will_come_again() {
        let mut reports = with_updates(0..4);
        reports.forget_from(2);
        let Some(Event::Report { index, values, .. }) = reports.report(1, 1.0, None) else { panic!("rows are left") };
        assert_eq!(index.iter().map(|i| i.update).collect::<Vec<_>>(), [0, 0, 1, 1]);
        assert_eq!((values.len(), values[2 * ROW]), (4 * ROW, 1000.0));
    }

    #[test]
    fn an_anatomy_that_took_long_comes_seldom() {
        let mut reports = with_updates(0..1);
        assert!(reports.due(EVERY) && !reports.due(EVERY - 1.0));
        assert!(reports.anatomy_due(ANATOMY_EVERY));
        reports.anatomy_took(100.0);
        assert!(!reports.anatomy_due(ANATOMY_EVERY) && reports.anatomy_due(100.0 * ANATOMY_SHARE));
    }
}

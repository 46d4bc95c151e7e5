//! What of a run is on its way to the browser's storage.

use crate::storage::runs::Change;
use goodhart_core::plan::cost::size;
use goodhart_core::protocol::{RowIndex, wire};
use std::collections::BTreeMap;

/// Most bytes of metric rows and of checkpoints of a saved run; a larger one is not saved, and the page says so.
pub const MOST_ROWS: usize = 96_000_000;
pub const MOST_STATE: usize = 64_000_000;

/// What is on its way to the browser's storage.
#[derive(Default)]
pub struct RunSaver {
    /// The run's name; empty while none is saved.
    pub id: String,
    /// Rows that came since a worker's last checkpoint.
    pub since: BTreeMap<usize, (Vec<RowIndex>, Vec<f32>)>,
    /// Lanes and bytes of the newest checkpoint of every worker, by load.
    pub states: BTreeMap<u32, BTreeMap<usize, (usize, usize)>>,
    /// The newest load that there are checkpoints of all lanes of.
    pub whole: Option<u32>,
    /// The number of the next rows.
    pub next: u32,
    pub bytes: usize,
    pub change: Change,
    pub writing: bool,
    /// Whether the run that goes on was moving; it is again as soon as it is loaded.
    pub moved: bool,
}

impl RunSaver {
    /// The rows of a worker so far are to be saved.
    pub fn take_rows(&mut self, worker: usize) {
        let Some(rows) = self.since.remove(&worker) else { return };
        let bytes = wire::encode(&rows);
        self.bytes += bytes.len();
        self.change.rows.push((self.next, bytes));
        self.next += 1;
    }

    /// A checkpoint of some of the lanes that a run has: None where none is saved, an error where it is too large.
    pub fn take_in(
        &mut self,
        load: u32,
        worker: usize,
        (lanes, of): (usize, usize),
        state: Vec<u8>,
    ) -> Option<Result<(), String>> {
        if self.id.is_empty() {
            return None;
        }
        self.take_rows(worker);
        let states = self.states.entry(load).or_default();
        states.insert(worker, (lanes, state.len()));
        let state_bytes = states.values().map(|(_, bytes)| bytes).sum();
        for (what, bytes, most) in [("metrics", self.bytes, MOST_ROWS), ("checkpoints", state_bytes, MOST_STATE)] {
            if bytes > most {
                let (bytes, most) = (size(bytes as f64), size(most as f64));
                let why =
                    format!("This run is too large to be kept: its {what} take {bytes}, at most {most} are kept.");
                return Some(Err(why));
            }
        }
        // Until all workers of a new load have sent one, those of the load before are gone on from.
        if states.values().map(|(lanes, _)| lanes).sum::<usize>() >= of {
            self.whole = Some(load);
            let others = self.states.keys().copied().filter(|l| *l != load);
            self.change.outdated.extend(others);
            self.states.retain(|l, _| *l == load);
        }
        self.change.states.retain(|(l, w, _)| (*l, *w) != (load, worker));
        self.change.states.push((load, worker, state));
        Some(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saver() -> RunSaver {
        RunSaver { id: "a".into(), ..RunSaver::default() }
    }

    #[test]
    fn rows_are_kept_with_the_checkpoint_behind_them() {
        let mut k = saver();
        k.since.insert(1, (Vec::new(), vec![1.0]));
        assert_eq!(k.take_in(3, 0, (2, 4), vec![0]), Some(Ok(())));
        assert!(k.change.rows.is_empty() && k.whole.is_none(), "another worker's rows, and half of the lanes");
        assert_eq!(k.take_in(3, 1, (2, 4), vec![0]), Some(Ok(())));
        assert_eq!((k.change.rows.len(), k.whole), (1, Some(3)));
    }

    #[test]
    fn the_load_before_is_gone_on_from_until_all_of_the_next_is_there() {
        let mut k = saver();
        k.take_in(3, 0, (4, 4), vec![0]);
        k.take_in(5, 0, (2, 4), vec![1]);
        assert_eq!((k.whole, k.change.outdated.len()), (Some(3), 0));
        k.take_in(5, 0, (2, 4), vec![2]);
        assert_eq!(k.whole, Some(3), "one worker twice");
        k.take_in(5, 1, (2, 4), vec![3]);
        assert_eq!((k.whole, &k.change.outdated[..]), (Some(5), &[3][..]));
        assert_eq!(k.change.states.len(), 3, "the newest of each worker");
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_says_how_large_it_is() {
        let why = |what: &str| Some(Err(format!("This run is too large to be kept: its {what} are kept.")));
        let mut k = saver();
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0; MOST_STATE]), Some(Ok(())));
        assert_eq!(k.take_in(1, 1, (1, 2), vec![0; 2_000_000]), why("checkpoints take 66 MB, at most 64 MB"));
        let mut k = saver();
        k.bytes = 120_000_000;
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0]), why("metrics take 120 MB, at most 96 MB"));
        let mut k = RunSaver::default();
        assert_eq!(k.take_in(1, 0, (1, 1), vec![0]), None);
    }
}

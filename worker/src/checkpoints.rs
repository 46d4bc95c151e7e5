//! The last checkpoints of the run in hand: for the message after a panic, and to go back to what the page shows when it
//! rests.

use goodhart_core::engine::Checkpoint;

/// How many checkpoints are kept: at least, and where they are small.
const KEPT: (usize, usize) = (2, 5);
/// Words that more than the least may have together.
const KEPT_WORDS: usize = 2 << 20;

/// A run's number and its last checkpoints, the newest last.
pub struct Checkpoints {
    run: u32,
    all: Vec<Checkpoint>,
}

impl Checkpoints {
    /// Of no run.
    pub const fn none() -> Self {
        Self { run: 0, all: Vec::new() }
    }

    /// Of a run that begins, from a checkpoint or anew.
    pub fn begin(run: u32, checkpoint: Option<Checkpoint>) -> Self {
        Self { run, all: checkpoint.into_iter().collect() }
    }

    pub fn run(&self) -> u32 {
        self.run
    }

    /// The run and its last checkpoint.
    pub fn last(&self) -> (u32, Option<Checkpoint>) {
        (self.run, self.all.last().cloned())
    }

    /// Keeps a checkpoint, and of those before it as many as there is room for.
    pub fn keep(&mut self, checkpoint: Checkpoint) {
        self.all.retain(|c| c.update < checkpoint.update);
        self.all.push(checkpoint);
        let words = |c: &Checkpoint| {
            c.lanes.iter().map(|l| 3 * l.params.len() + l.buffer.len() + l.visits.len()).sum::<usize>()
        };
        let (least, most) = KEPT;
        while self.all.len() > most
            || (self.all.len() > least && self.all.iter().map(words).sum::<usize>() > KEPT_WORDS)
        {
            self.all.remove(0);
        }
    }

    /// Forgets the checkpoints from after an update.
    pub fn forget_after(&mut self, update: u32) {
        self.all.retain(|c| c.update <= update);
    }

    /// A checkpoint from which `at` can be reached by training, and so be shown, or the first update after it for which
    /// there is one.
    pub fn before(&self, at: u32) -> Option<(Checkpoint, u32)> {
        let before = self.all.iter().rfind(|c| c.update < at || c.update == 0);
        before.map(|c| (c.clone(), at)).or_else(|| self.all.first().map(|c| (c.clone(), c.update + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::engine::LaneState;

    fn at(update: u32, params: usize) -> Checkpoint {
        Checkpoint { update, lanes: vec![LaneState { params: vec![0.0; params], ..LaneState::default() }] }
    }

    fn updates(checkpoints: &Checkpoints) -> Vec<u32> {
        checkpoints.all.iter().map(|c| c.update).collect()
    }

    #[test]
    fn small_checkpoints_are_kept_longer_than_large_ones() {
        for (params, kept) in [(10, vec![3, 4, 5, 6, 7]), (KEPT_WORDS / 3, vec![6, 7])] {
            let mut all = Checkpoints::begin(1, Some(at(0, params)));
            (1..8).for_each(|update| all.keep(at(update, params)));
            assert_eq!(updates(&all), kept);
        }
    }

    #[test]
    fn what_was_trained_again_takes_the_place_of_what_came_after() {
        let mut all = Checkpoints::begin(1, None);
        [2, 5, 9].into_iter().for_each(|update| all.keep(at(update, 1)));
        all.keep(at(4, 1));
        assert_eq!(updates(&all), [2, 4]);
        all.forget_after(3);
        assert_eq!(updates(&all), [2]);
        assert_eq!(all.last().1.map(|c| c.update), Some(2));
    }

    #[test]
    fn an_update_is_reached_from_the_checkpoint_before_it() {
        let mut all = Checkpoints::begin(1, None);
        assert!(all.before(3).is_none());
        [4, 8].into_iter().for_each(|update| all.keep(at(update, 1)));
        let reached = |at: u32| all.before(at).map(|(from, to)| (from.update, to));
        assert_eq!(reached(9), Some((8, 9)));
        // A checkpoint of the update itself has nothing of how it was made.
        assert_eq!(reached(8), Some((4, 8)));
        assert_eq!(reached(3), Some((4, 5)), "the first that there is");
        assert_eq!(Checkpoints::begin(1, Some(at(0, 1))).before(0).map(|(from, to)| (from.update, to)), Some((0, 0)));
    }
}

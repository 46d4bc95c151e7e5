//! What a run has produced so far: rows, and the bands of the curves that are shown, extended as rows come.

use crate::model::ArmId;
use goodhart_core::metrics::statistics::interval;
use goodhart_core::metrics::{Curves, columns};
use goodhart_core::protocol::RowIndex;
use std::collections::HashMap;

/// Most points of a drawn curve.
const MAX_POINTS: usize = 600;

/// Mean and half-width of the 95% interval over seeds, by update.
#[derive(Default)]
struct Band {
    mean: Vec<f32>,
    half: Vec<f32>,
}

/// A curve for a chart: at most MAX_POINTS points, evenly spaced, the newest among them.
pub struct Line {
    pub mean: Vec<f32>,
    pub half: Vec<f32>,
}

/// The components of a strategy's program from an update on; an edit begins a new era.
struct Era {
    from: usize,
    components: Vec<String>,
    /// It began with other settings for the same program.
    settings: bool,
}

#[derive(Default)]
pub struct RunData {
    /// Whose curves they are, by arm of `curves`.
    pub ids: Vec<ArmId>,
    pub curves: Curves,
    eras: HashMap<ArmId, Vec<Era>>,
    bands: HashMap<(ArmId, String), Band>,
    /// Most updates that are shown, while lanes that are further are called back.
    limit: Option<usize>,
}

impl RunData {
    /// An empty run of strategies with the components of their programs, in the order of the program.
    pub fn new(seeds: usize, members: Vec<(ArmId, Vec<String>)>) -> Self {
        let mut data = Self { curves: Curves::new(0, seeds), ..Self::default() };
        data.regroup(members);
        data
    }

    /// Other strategies: those that stay keep what they have.
    pub fn regroup(&mut self, members: Vec<(ArmId, Vec<String>)>) {
        let from: Vec<Option<usize>> = members.iter().map(|(id, _)| self.place(*id)).collect();
        self.curves = self.curves.select(&from);
        self.ids = members.iter().map(|(id, _)| *id).collect();
        let stays = |id: &ArmId| self.ids.contains(id);
        self.bands.retain(|(id, _), _| stays(id));
        self.eras.retain(|id, _| stays(id));
        for (id, components) in members {
            self.eras.entry(id).or_insert_with(|| vec![Era { from: 0, components, settings: false }]);
        }
    }

    fn place(&self, id: ArmId) -> Option<usize> {
        self.ids.iter().position(|other| *other == id)
    }

    /// A strategy's program, or (without components) its settings are others from an update on; a component keeps its curve
    /// by name.
    pub fn renew(&mut self, id: ArmId, from: usize, components: Option<Vec<String>>) {
        if let Some(eras) = self.eras.get_mut(&id) {
            let last = eras.iter().rfind(|era| era.from <= from).or(eras.last()).map(|era| era.components.clone());
            // What is edited twice before the same update has another reward if either edit made it one.
            let settings = components.is_none() && eras.iter().all(|era| era.from < from.max(1) || era.settings);
            let components = components.or(last).unwrap_or_default();
            eras.retain(|era| era.from < from);
            eras.push(Era { from, components, settings });
        }
    }

    /// The first update that a strategy's program and settings in use have trained, and whether only settings changed there.
    pub fn since(&self, id: ArmId) -> (usize, bool) {
        self.eras.get(&id).and_then(|eras| eras.last()).map_or((0, false), |era| (era.from, era.settings))
    }

    /// The updates at which only settings changed, by strategy.
    pub fn settings(&self) -> Vec<Vec<usize>> {
        let of = |id| self.eras.get(id).into_iter().flatten().filter(|era| era.settings).map(|era| era.from);
        self.ids.iter().map(|id| of(id).collect()).collect()
    }

    /// The updates from which on edits of a strategy have been in use.
    pub fn edits(&self, id: ArmId) -> Vec<usize> {
        self.eras.get(&id).into_iter().flatten().map(|era| era.from).filter(|from| *from > 0).collect()
    }

    /// The numbers that rows have for the strategies, in their order.
    pub fn numbers(&self) -> Vec<u32> {
        self.ids.iter().map(|id| id.number()).collect()
    }

    /// The components of each strategy's program, from an update on.
    pub fn eras(&self) -> Vec<Vec<(usize, Vec<String>)>> {
        let plain = |era: &Era| (era.from, era.components.clone());
        self.ids.iter().map(|id| self.eras.get(id).into_iter().flatten().map(plain).collect()).collect()
    }

    /// Takes in the rows and the eras of a saved run, whose strategies had these numbers.
    pub fn put_saved(
        &mut self,
        numbers: &[u32],
        all: &[Vec<(usize, Vec<String>)>],
        settings: &[Vec<usize>],
        rows: &mut [(Vec<RowIndex>, Vec<f32>)],
    ) {
        for (at, (id, eras)) in self.ids.iter().zip(all).enumerate() {
            let era = |(from, components): &(usize, Vec<String>)| Era {
                from: *from,
                components: components.clone(),
                settings: settings.get(at).is_some_and(|all| all.contains(from)),
            };
            self.eras.insert(*id, eras.iter().map(era).collect());
        }
        let ids = self.ids.clone();
        let place = |number: u32| numbers.iter().position(|n| *n == number);
        let now = |number: u32| place(number).and_then(|at| ids.get(at)).map_or(u32::MAX, |id| id.number());
        for (index, values) in rows {
            index.iter_mut().for_each(|row| row.arm = now(row.arm));
            self.put(index, values);
        }
    }

    /// Names of the components that a strategy has had in this run, the first ones first.
    pub fn components(&self, id: ArmId) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.eras.get(&id).into_iter().flatten().flat_map(|era| &era.components) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Takes in rows, [rows][columns::ROW] flat, whose `arm` is the number of an identity.
    pub fn put(&mut self, index: &[RowIndex], values: &[f32]) {
        for (i, row) in index.iter().zip(values.chunks_exact(columns::ROW)) {
            if let Some(arm) = self.place(ArmId::from_number(i.arm)) {
                self.curves.put(arm, i.seed as usize, i.update as usize, row);
            }
        }
    }

    /// Shows no more than what is on screen, until `truncate` says what there is.
    pub fn limit_to(&mut self, update: usize) {
        self.limit = Some(update);
    }

    /// Shows all there is again.
    pub fn lift_limit(&mut self) {
        self.limit = None;
    }

    pub fn truncate(&mut self, update: usize) {
        self.limit = None;
        self.curves.truncate(update);
        for band in self.bands.values_mut() {
            band.mean.truncate(update);
            band.half.truncate(update);
        }
    }

    /// Updates of the run: all lanes have them, but those of a strategy that joined later and catches up.
    pub fn complete(&self) -> usize {
        let all = (0..self.curves.arms).map(|arm| self.curves.complete(arm)).max().unwrap_or(0);
        self.limit.map_or(all, |limit| limit.min(all))
    }

    /// Updates of one strategy.
    pub fn complete_of(&self, id: ArmId) -> usize {
        self.place(id).map_or(0, |arm| self.curves.complete(arm))
    }

    /// Seed mean of a metric, by update; None where the strategy has no such metric.
    pub fn mean(&mut self, id: ArmId, metric: &str) -> Option<&[f32]> {
        let shown = self.complete();
        let band = self.band(id, metric)?;
        Some(&band.mean[..band.mean.len().min(shown)])
    }

    /// Public names of a strategy's metrics.
    pub fn metrics(&self, id: ArmId) -> Vec<String> {
        columns::names(&self.components(id))
    }

    /// Updates of the drawn points.
    pub fn points(&self) -> Vec<f64> {
        picks(self.complete()).map(|u| u as f64).collect()
    }

    /// A metric's line for a strategy at `points`, gaps (NaN) where it has no such metric, or is not there yet.
    pub fn line(&mut self, id: ArmId, metric: &str) -> Line {
        let n = self.complete();
        match self.band(id, metric) {
            Some(band) => {
                let pick = |values: &[f32]| picks(n).map(|u| values.get(u).copied().unwrap_or(f32::NAN)).collect();
                Line { mean: pick(&band.mean), half: pick(&band.half) }
            }
            None => {
                let gap = vec![f32::NAN; picks(n).count()];
                Line { mean: gap.clone(), half: gap }
            }
        }
    }

    fn band(&mut self, id: ArmId, metric: &str) -> Option<&Band> {
        let arm = self.place(id)?;
        let eras = self.eras.get(&id)?;
        let column = |era: &Era| columns::find(metric, &era.components);
        if !eras.iter().any(|era| column(era).is_some()) {
            return None;
        }
        let (curves, bands) = (&self.curves, &mut self.bands);
        let band = bands.entry((id, metric.to_string())).or_default();
        for update in band.mean.len()..curves.complete(arm) {
            let column = eras.iter().rfind(|era| era.from <= update).and_then(column);
            let values = (0..curves.seeds).filter_map(|seed| Some(curves.value(arm, seed, update, column?)));
            let i = interval(values);
            band.mean.push(i.mean);
            band.half.push(i.half_width);
        }
        Some(band)
    }
}

/// Evenly spaced updates out of `n`, counted back from the newest.
fn picks(n: usize) -> impl Iterator<Item = usize> {
    let stride = n.div_ceil(MAX_POINTS).max(1);
    let first = if n == 0 { 0 } else { (n - 1) % stride };
    (first..n).step_by(stride)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(i: usize) -> ArmId {
        ArmId::from_number(40 + i as u32)
    }

    fn run(components: &[&[&str]], seeds: usize) -> RunData {
        let names = |list: &[&str]| list.iter().map(|n| n.to_string()).collect();
        RunData::new(seeds, components.iter().enumerate().map(|(i, list)| (id(i), names(list))).collect())
    }

    fn put(data: &mut RunData, arm: usize, seed: u32, update: u32, x: f32) {
        data.put(&[RowIndex { arm: id(arm).number(), seed, update }], &vec![x; columns::ROW]);
    }

    #[test]
    fn a_point_is_drawn_when_every_seed_has_it() {
        let mut data = run(&[&["a"]], 2);
        put(&mut data, 0, 0, 0, 1.0);
        put(&mut data, 0, 0, 1, 1.0);
        assert!(data.points().is_empty());
        put(&mut data, 0, 1, 0, 3.0);
        assert_eq!(data.points(), [0.0]);
        assert_eq!(data.line(id(0), "true_score").mean, [2.0]);
        assert_eq!(data.line(id(0), "rewards/a/mean").mean, [2.0]);
        assert!(data.line(id(0), "rewards/b/mean").mean[0].is_nan());
    }

    #[test]
    fn rows_after_a_rewind_replace_the_old() {
        let mut data = run(&[&[]], 1);
        for u in 0..4 {
            put(&mut data, 0, 0, u, 1.0);
        }
        assert_eq!(data.mean(id(0), "entropy"), Some(&[1.0; 4][..]));
        data.truncate(2);
        put(&mut data, 0, 0, 2, 5.0);
        assert_eq!(data.line(id(0), "entropy").mean, [1.0, 1.0, 5.0]);
    }

    #[test]
    fn an_edit_begins_a_new_era() {
        let mut data = run(&[&["a"]], 1);
        put(&mut data, 0, 0, 0, 1.0);
        data.renew(id(0), 1, Some(vec!["b".into(), "a".into()]));
        put(&mut data, 0, 0, 1, 2.0);
        assert_eq!(data.components(id(0)), ["a", "b"]);
        assert_eq!(data.line(id(0), "rewards/a/mean").mean, [1.0, 2.0]);
        let b = data.line(id(0), "rewards/b/mean").mean;
        assert!(b[0].is_nan() && b[1] == 2.0);
        assert_eq!((data.edits(id(0)), data.since(id(0))), (vec![1], (1, false)));
        data.renew(id(0), 1, None);
        assert_eq!(data.since(id(0)), (1, false), "the reward is another one all the same");
        data.renew(id(0), 2, None);
        assert_eq!((data.since(id(0)), data.settings()), ((2, true), vec![vec![2]]));
        assert_eq!(data.components(id(0)), ["a", "b"]);
    }

    #[test]
    fn curves_stay_with_their_strategy_when_others_leave_or_join() {
        let mut data = run(&[&["a"], &["b"], &["c"]], 1);
        for arm in 0..3 {
            put(&mut data, arm, 0, 0, arm as f32);
            put(&mut data, arm, 0, 1, arm as f32);
        }
        assert_eq!(data.mean(id(1), "entropy"), Some(&[1.0; 2][..]));
        data.regroup(vec![(id(2), vec![]), (id(7), vec!["d".into()]), (id(1), vec![])]);
        assert_eq!(data.mean(id(1), "entropy"), Some(&[1.0; 2][..]));
        assert_eq!(data.line(id(2), "rewards/c/mean").mean, [2.0; 2]);
        assert_eq!(data.mean(id(0), "entropy"), None);
        // The one that joins has a line as far as it is trained; the run is as far as it was.
        put(&mut data, 7, 0, 0, 9.0);
        let line = data.line(id(7), "rewards/d/mean").mean;
        assert!(line[0] == 9.0 && line[1].is_nan() && data.complete() == 2);
        put(&mut data, 0, 0, 5, 3.0);
        assert_eq!(data.complete(), 2, "what a removed strategy still says is not heard");
    }

    #[test]
    fn what_comes_while_a_run_is_called_back_is_not_shown() {
        let mut data = run(&[&[]], 1);
        put(&mut data, 0, 0, 0, 1.0);
        data.limit_to(1);
        put(&mut data, 0, 0, 1, 2.0);
        assert_eq!((data.complete(), data.mean(id(0), "entropy")), (1, Some(&[1.0][..])));
        data.truncate(1);
        put(&mut data, 0, 0, 1, 3.0);
        assert_eq!(data.mean(id(0), "entropy"), Some(&[1.0, 3.0][..]));
    }

    #[test]
    fn long_runs_keep_the_newest_point() {
        let points: Vec<usize> = picks(1801).collect();
        assert!(points.len() <= MAX_POINTS);
        assert_eq!(points.last(), Some(&1800));
    }
}

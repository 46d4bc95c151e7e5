//! What a run has produced so far: rows, and the bands of the curves that are shown, extended as rows come.

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

/// The components of an arm's program from an update on; an edit begins a new era.
struct Era {
    from: usize,
    components: Vec<String>,
}

#[derive(Default)]
pub struct RunData {
    pub curves: Curves,
    eras: Vec<Vec<Era>>,
    bands: HashMap<(usize, String), Band>,
}

impl RunData {
    /// An empty run; `components` are the names by arm, in the order of the program.
    pub fn new(arms: usize, seeds: usize, components: Vec<Vec<String>>) -> Self {
        let eras = components.into_iter().map(|components| vec![Era { from: 0, components }]).collect();
        Self { curves: Curves::new(arms, seeds), eras, bands: HashMap::new() }
    }

    /// An arm's program has other components from an update on; a component keeps its curve by name.
    pub fn renew(&mut self, arm: usize, from: usize, components: Vec<String>) {
        if let Some(eras) = self.eras.get_mut(arm) {
            eras.retain(|era| era.from < from || from == 0);
            eras.push(Era { from, components });
        }
    }

    /// The first update that an arm's reward in use has paid for.
    pub fn since(&self, arm: usize) -> usize {
        self.eras.get(arm).and_then(|eras| eras.last()).map_or(0, |era| era.from)
    }

    /// Names of the components that an arm has had in this run, the first ones first.
    pub fn components(&self, arm: usize) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.eras.get(arm).into_iter().flatten().flat_map(|era| &era.components) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Takes in rows, [rows][columns::ROW] flat.
    pub fn put(&mut self, index: &[RowIndex], values: &[f32]) {
        for (i, row) in index.iter().zip(values.chunks_exact(columns::ROW)) {
            self.curves.put(i.arm as usize, i.seed as usize, i.update as usize, row);
        }
    }

    pub fn truncate(&mut self, update: usize) {
        self.curves.truncate(update);
        for band in self.bands.values_mut() {
            band.mean.truncate(update);
            band.half.truncate(update);
        }
    }

    /// Updates that every lane has.
    pub fn complete(&self) -> usize {
        (0..self.curves.arms).map(|arm| self.curves.complete(arm)).min().unwrap_or(0)
    }

    /// Seed mean of a metric, by update; None where the arm has no such metric.
    pub fn mean(&mut self, arm: usize, metric: &str) -> Option<&[f32]> {
        Some(&self.band(arm, metric)?.mean)
    }

    /// Public names of an arm's metrics.
    pub fn metrics(&self, arm: usize) -> Vec<String> {
        columns::names(&self.components(arm))
    }

    /// Updates of the drawn points.
    pub fn points(&self) -> Vec<f64> {
        picks(self.complete()).map(|u| u as f64).collect()
    }

    /// A metric's line for an arm at `points`, gaps (NaN) where the arm has no such metric.
    pub fn line(&mut self, arm: usize, metric: &str) -> Line {
        let n = self.complete();
        match self.band(arm, metric) {
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

    fn band(&mut self, arm: usize, metric: &str) -> Option<&Band> {
        let eras = self.eras.get(arm)?;
        let column = |era: &Era| columns::find(metric, &era.components);
        if !eras.iter().any(|era| column(era).is_some()) {
            return None;
        }
        let (curves, bands) = (&self.curves, &mut self.bands);
        let band = bands.entry((arm, metric.to_string())).or_default();
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

    fn row(x: f32) -> Vec<f32> {
        vec![x; columns::ROW]
    }

    fn put(data: &mut RunData, seed: u32, update: u32, x: f32) {
        data.put(&[RowIndex { arm: 0, seed, update }], &row(x));
    }

    #[test]
    fn a_point_is_drawn_when_every_seed_has_it() {
        let mut data = RunData::new(1, 2, vec![vec!["a".into()]]);
        put(&mut data, 0, 0, 1.0);
        put(&mut data, 0, 1, 1.0);
        assert!(data.points().is_empty());
        put(&mut data, 1, 0, 3.0);
        assert_eq!(data.points(), [0.0]);
        assert_eq!(data.line(0, "true_score").mean, [2.0]);
        assert_eq!(data.line(0, "rewards/a/mean").mean, [2.0]);
        assert!(data.line(0, "rewards/b/mean").mean[0].is_nan());
    }

    #[test]
    fn rows_after_a_rewind_replace_the_old() {
        let mut data = RunData::new(1, 1, vec![Vec::new()]);
        for u in 0..4 {
            put(&mut data, 0, u, 1.0);
        }
        assert_eq!(data.mean(0, "entropy"), Some(&[1.0; 4][..]));
        data.truncate(2);
        put(&mut data, 0, 2, 5.0);
        assert_eq!(data.line(0, "entropy").mean, [1.0, 1.0, 5.0]);
    }

    #[test]
    fn an_edit_begins_a_new_era() {
        let mut data = RunData::new(1, 1, vec![vec!["a".into()]]);
        put(&mut data, 0, 0, 1.0);
        data.renew(0, 1, vec!["b".into(), "a".into()]);
        put(&mut data, 0, 1, 2.0);
        assert_eq!(data.components(0), ["a", "b"]);
        assert_eq!(data.line(0, "rewards/a/mean").mean, [1.0, 2.0]);
        let b = data.line(0, "rewards/b/mean").mean;
        assert!(b[0].is_nan() && b[1] == 2.0);
    }

    #[test]
    fn long_runs_keep_the_newest_point() {
        let points: Vec<usize> = picks(1801).collect();
        assert!(points.len() <= MAX_POINTS);
        assert_eq!(points.last(), Some(&1800));
    }
}

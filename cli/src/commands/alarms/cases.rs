//! The labelled cases: every arm of the experiments, trained, labelled by its true score, and looked at by every rule in
//! every block of seeds.

use super::before;
use super::tuning::{Half, TRIES, half};
use crate::arguments::Alarms;
use crate::commands::check::{cases, key, known_records, together};
use crate::failure::Failure;
use crate::train::Training;
use goodhart_core::metrics::alarms::label::{Label, label};
use goodhart_core::metrics::alarms::series::Series;
use goodhart_core::metrics::alarms::{AlarmKind, RULES};

/// Seeds of every arm, where nothing else is said.
const SEEDS: u32 = 8;
/// Seeds whose mean a rule looks at.
pub const BLOCK: u32 = 4;

/// The update at which a rule rang in each block of seeds.
pub type Rings = Vec<Option<usize>>;

/// One arm.
pub struct Measured {
    pub experiment: String,
    pub arm: String,
    pub half: Half,
    pub label: Label,
    pub blocks: usize,
    /// By rule: at its threshold.
    pub now: Vec<Rings>,
    /// By rule: as it was before.
    pub before: Vec<Rings>,
    /// By rule and by threshold tried.
    pub tried: Vec<Vec<Rings>>,
}

/// Trains all experiments and looks at their arms. Runs that are too short to be labelled are left out.
pub fn measure(options: &Alarms) -> Result<Vec<Measured>, Failure> {
    let seeds = options.seeds.unwrap_or(SEEDS);
    if seeds < BLOCK || !seeds.is_multiple_of(BLOCK) {
        return Err(
            format!("--seeds is a multiple of {BLOCK}: alarms look at the mean of a block of {BLOCK} seeds").into()
        );
    }
    let all = cases(&options.files, Some(seeds), None)?;
    let known = known_records(&all)?;
    let ids: Vec<String> = all.iter().map(key).collect();
    let seconds = |case: &_| known.get(&key(case)).map_or(f64::MAX, |record| record.seconds / f64::from(record.seeds));
    let measured = together::train(&all, &seconds, &mut |case, training| Ok(arms(&key(case), &ids, training)))?;
    Ok(measured.into_iter().flatten().collect())
}

fn arms(id: &str, ids: &[String], training: &Training) -> Vec<Measured> {
    let curves = &training.curves;
    let blocks: Vec<_> = (0..curves.seeds / BLOCK as usize)
        .map(|block| curves.of_seeds(block * BLOCK as usize..(block + 1) * BLOCK as usize))
        .collect();
    let arm = |(arm, name): (usize, &String)| {
        let label = label(curves, arm)?;
        let series: Vec<Series> = blocks.iter().map(|block| Series::new(block, arm)).collect();
        let rings = |rang: &dyn Fn(&Series) -> Option<usize>| series.iter().map(rang).collect::<Rings>();
        let tried = |kind: AlarmKind, at: f32| {
            rings(&|series| goodhart_core::metrics::alarms::Rule::of(kind).rings_at(series, at, &|_| true).map(|r| r.0))
        };
        Some(Measured {
            experiment: id.into(),
            arm: name.clone(),
            half: half(id, ids),
            label,
            blocks: blocks.len(),
            now: RULES.iter().map(|rule| rings(&|series| rule.rings(series).map(|rang| rang.0))).collect(),
            before: RULES.iter().map(|rule| rings(&|series| before::rang(rule.kind, series))).collect(),
            tried: TRIES.iter().map(|(kind, tries)| tries.iter().map(|at| tried(*kind, *at)).collect()).collect(),
        })
    };
    training.arms.iter().enumerate().filter_map(arm).collect()
}

//! The experiments of a check, and what came of them.

use crate::arguments::Check;
use crate::failure::Failure;
use crate::source;
use crate::train::override_run;
use goodhart_core::experiment::record::{HELD_OUT_FROM, Record};
use goodhart_core::experiment::{Comparison, Experiment};
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::alarms::expected::{self, Held};
use goodhart_core::metrics::claims::{self, Checked as Claimed};
use goodhart_core::oracle::claims::Exact;
use goodhart_core::plan::{self, Plan};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An experiment to check.
pub struct Case {
    pub file: PathBuf,
    pub experiment: Experiment,
    pub plan: Arc<Plan>,
    /// What the oracle says for the claims.
    pub exact: Exact,
}

/// What came of it.
pub struct Checked {
    pub record: Record,
    pub claims: Vec<Claimed>,
    pub alarms: Vec<Held>,
}

impl Checked {
    pub fn passes(&self) -> bool {
        self.claims.iter().all(Claimed::passes) && self.alarms.iter().all(Held::passes)
    }
}

/// Which seeds a check runs, and so where it is recorded.
#[derive(Clone, Copy, PartialEq)]
pub enum Seeds {
    /// Those that thresholds are tuned on: the experiment's own, from 0.
    Tuned,
    /// Those that no tuning has looked at.
    HeldOut,
    /// Some in between: a try, which is not recorded.
    Other,
}

impl Seeds {
    pub fn of(options: &Check) -> Self {
        match options.seeds_from {
            None | Some(0) => Self::Tuned,
            Some(first) if first >= HELD_OUT_FROM => Self::HeldOut,
            Some(_) => Self::Other,
        }
    }
}

/// The experiments of the files, and of all files of the folders, ready: better said before the training than after it.
pub fn cases(paths: &[PathBuf], seeds: Option<u32>, seeds_from: Option<u32>) -> Result<Vec<Case>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let found = experiments_of(path)?;
            if found.is_empty() {
                return Err(format!("{} has no experiments (files ending in .toml)", path.display()).into());
            }
            files.extend(found);
        } else {
            files.push(path.clone());
        }
    }
    files
        .into_iter()
        .map(|file| {
            let mut experiment = source::open_file(&file)?;
            let fail = |message: String| Failure::Input(format!("{}: {message}", file.display()));
            if let Some(message) = expected::problem(&experiment) {
                return Err(fail(message));
            }
            override_run(&mut experiment, None, seeds, seeds_from);
            let plan = Arc::new(plan::plan(&experiment).map_err(|problems| fail(plan::join(&problems)))?);
            let no_rows = Curves::new(plan.arms.len(), 1);
            let exact = Exact::new(&experiment.claims, &plan);
            experiment
                .claims
                .iter()
                .try_for_each(|claim| {
                    claims::check(claim, &plan, &no_rows, &|claim, arm, seeds| exact.numbers(claim, arm, seeds))
                        .map(|_| ())
                })
                .map_err(fail)?;
            Ok(Case { file, experiment, plan, exact })
        })
        .collect()
}

/// The experiment files of a folder, sorted.
pub fn experiments_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{} cannot be read: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "toml"));
    files.sort();
    Ok(files)
}

/// What an experiment is recorded under: its id, or its file's name.
pub fn key(case: &Case) -> String {
    let name = || case.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if case.experiment.id.is_empty() { name() } else { case.experiment.id.clone() }
}

/// Held-out seeds are recorded beside tuned ones, which an experiment lacks.
pub fn no_record(id: &str) -> String {
    format!("{id} has no record of its own seeds yet: check it without --seeds-from first")
}

/// The folders that the experiments stand in.
pub fn folders(cases: &[Case]) -> Vec<&Path> {
    let mut folders: Vec<&Path> = cases.iter().filter_map(|case| case.file.parent()).collect();
    folders.dedup();
    folders
}

/// A comparison as it is written.
pub fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::AtLeast => ">=",
        Comparison::AtMost => "<=",
    }
}

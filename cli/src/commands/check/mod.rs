//! `goodhart check`: runs experiments and holds their claims against what was measured.

mod record;
mod results;
pub mod together;

use crate::arguments::{Check, Engine};
use crate::failure::Failure;
use crate::output::{read_file, say, write_whole};
use crate::source;
use crate::table::{interval, table};
use crate::train::{Training, override_run, train_with_bar};
use goodhart_core::experiment::file::MAX_TEXT;
use goodhart_core::experiment::record::{HELD_OUT_FROM, Record, Records, sample};
use goodhart_core::experiment::{Comparison, Experiment, MEANS};
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::alarms::Rule;
use goodhart_core::metrics::alarms::expected::{self, Held};
use goodhart_core::metrics::claims::{self, Checked as Claimed};
use goodhart_core::oracle::Answers;
use goodhart_core::plan::{self, Plan};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An experiment to check.
pub struct Case {
    pub file: PathBuf,
    pub experiment: Experiment,
    pub plan: Arc<Plan>,
    /// What the oracle says of the arms that claims about optima name.
    answers: Answers,
}

/// What came of it.
struct Checked {
    record: Record,
    claims: Vec<Claimed>,
    alarms: Vec<Held>,
}

impl Checked {
    fn passes(&self) -> bool {
        self.claims.iter().all(Claimed::passes) && self.alarms.iter().all(Held::passes)
    }
}

/// Which seeds a check runs, and so where it is recorded.
#[derive(Clone, Copy, PartialEq)]
enum Seeds {
    /// Those that thresholds are tuned on: the experiment's own, from 0.
    Tuned,
    /// Those that no tuning has looked at.
    HeldOut,
    /// Some in between: a try, which is not recorded.
    Other,
}

impl Seeds {
    fn of(options: &Check) -> Self {
        match options.seeds_from {
            None | Some(0) => Self::Tuned,
            Some(first) if first >= HELD_OUT_FROM => Self::HeldOut,
            Some(_) => Self::Other,
        }
    }
}

pub fn check(options: &Check) -> Result<(), Failure> {
    let set = Seeds::of(options);
    if set == Seeds::Other && options.write {
        return Err(format!(
            "--write records an experiment's own seeds, or held-out seeds from {HELD_OUT_FROM} on: leave --seeds-from out or give at least {HELD_OUT_FROM}"
        )
        .into());
    }
    let cases = cases(&options.files, options.seeds, options.seeds_from)?;
    if let Some(case) = cases.iter().find(|case| case.experiment.claims.is_empty()) {
        return Err(format!("{}: it makes no claims to check", case.file.display()).into());
    }
    let known = known_records(&cases)?;
    // A folder is the gallery: its check is recorded, unless it was shortened.
    let is_whole = options.seeds.is_none() && options.files.iter().any(|path| path.is_dir());
    let is_recorded = options.write || is_whole && set != Seeds::Other;
    if let Some(new) = cases.iter().find(|case| set == Seeds::HeldOut && is_recorded && !known.contains_key(&key(case)))
    {
        return Err(no_record(&key(new)).into());
    }
    let seconds = |case: &Case| known.get(&key(case)).map_or(f64::MAX, |record| record.seconds);
    let mut all = Vec::with_capacity(cases.len());
    let mut report = |case: &Case, training: &Training| -> Result<Checked, Failure> {
        let checked = hold(case, training)?;
        let first = training.first_seed;
        say(&format!(
            "{}: {} ({}; from seed {first}{}; {}, {:.0} s)\n",
            case.file.display(),
            case.experiment.title,
            sample(checked.record.seeds, checked.record.instances),
            if set == Seeds::HeldOut { ", held out" } else { "" },
            training.engine,
            training.seconds
        ))?;
        say(&outcome_table(&case.experiment, &checked.claims))?;
        say(&format!("{}\n", claims::together(&checked.claims).says()))?;
        say(&alarm_lines(&case.experiment, &checked.alarms))?;
        say(&record::digest_line(&checked.record, set, first, known.get(&key(case))))?;
        if options.write && set == Seeds::Tuned {
            let text = record::record(&read_file(&case.file, MAX_TEXT)?, &checked.claims, &checked.record.date)
                .map_err(|e| format!("{}: {e}", case.file.display()))?;
            write_whole(&case.file, text.as_bytes())?;
        }
        Ok(checked)
    };
    if options.engine == Engine::Cpu {
        all = together::train(&cases, &seconds, &mut report)?;
    } else {
        for case in &cases {
            all.push(report(case, &train_with_bar(&case.experiment, options.engine, None)?)?);
        }
    }
    if all.len() > 1 {
        say(&format!("\n{}{MEANS}\n", summary(&cases, &all)))?;
    }
    if is_recorded {
        results::write(&cases, &all, set)?;
    }
    if all.iter().all(Checked::passes) { Ok(()) } else { Err(Failure::Claims) }
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
            let answers = claims::solve(&experiment.claims, &plan);
            experiment
                .claims
                .iter()
                .try_for_each(|claim| claims::check(claim, &plan, &no_rows, &answers).map(|_| ()))
                .map_err(fail)?;
            Ok(Case { file, experiment, plan, answers })
        })
        .collect()
}

/// The experiment files of a folder, sorted.
fn experiments_of(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
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
fn no_record(id: &str) -> String {
    format!("{id} has no record of its own seeds yet: check it without --seeds-from first")
}

/// The folders that the experiments stand in.
fn folders(cases: &[Case]) -> Vec<&Path> {
    let mut folders: Vec<&Path> = cases.iter().filter_map(|case| case.file.parent()).collect();
    folders.dedup();
    folders
}

pub fn known_records(cases: &[Case]) -> Result<Records, Failure> {
    let mut known = Records::new();
    for folder in folders(cases) {
        known.extend(record::read(folder)?);
    }
    Ok(known)
}

/// Every claim of an experiment, measured.
fn hold(case: &Case, training: &Training) -> Result<Checked, Failure> {
    let claims = case
        .experiment
        .claims
        .iter()
        .map(|claim| claims::check(claim, &case.plan, &training.curves, &case.answers))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| format!("{}: {e}", case.file.display()))?;
    let record = record::of(&case.experiment, &case.plan, training, &claims);
    let alarms = expected::hold(&case.experiment, &training.curves);
    Ok(Checked { record, claims, alarms })
}

/// One line an alarm that the file speaks of.
fn alarm_lines(experiment: &Experiment, held: &[Held]) -> String {
    let line = |held: &Held| {
        let (key, arm) = (Rule::of(held.kind).key, &experiment.arms[held.arm].name);
        let fail = if held.passes() { "" } else { "FAIL: " };
        let word = if held.passes() { "holds" } else { "contradicted" };
        let must = if held.must_ring { "rings" } else { "is silent" };
        let rang = held.rang.map_or_else(|| "never".to_string(), |update| format!("at update {update}"));
        format!("{fail}{word}: {key} {must} in {arm} (rang {rang})\n")
    };
    held.iter().map(line).collect()
}

fn outcome_table(experiment: &Experiment, checked: &[Claimed]) -> String {
    let rows: Vec<Vec<String>> = experiment
        .claims
        .iter()
        .zip(checked)
        .map(|(claim, checked)| {
            let outcome = checked.outcome.against(checked.expected);
            let verdict = if checked.passes() { outcome } else { format!("FAIL: {outcome}") };
            let measured = interval(checked.measured.mean, checked.measured.half_width);
            let threshold = format!("{} {}", sign(claim.comparison), claim.threshold);
            vec![measured, threshold, verdict, claim.says.clone()]
        })
        .collect();
    table(&["measured", "threshold", "outcome", "claim"], &rows)
}

/// A comparison as it is written.
fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::AtLeast => ">=",
        Comparison::AtMost => "<=",
    }
}

/// One line an experiment.
fn summary(cases: &[Case], all: &[Checked]) -> String {
    let rows: Vec<Vec<String>> = cases
        .iter()
        .zip(all)
        .map(|(case, checked)| {
            vec![
                key(case),
                checked.record.tuned().says(),
                format!("{:.0}", checked.record.seconds),
                if checked.passes() { "pass".into() } else { "FAIL".into() },
            ]
        })
        .collect();
    table(&["experiment", "claims", "core seconds", "as the files say"], &rows)
}

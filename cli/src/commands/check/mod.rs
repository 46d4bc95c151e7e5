//! `goodhart check`: runs experiments and holds their claims against what was measured.

mod case;
mod record;
mod results;
pub mod together;

pub use case::{Case, cases, key};

use crate::arguments::{Check, Engine};
use crate::failure::Failure;
use crate::output::{read_file, say, write_whole};
use crate::table::{interval, table};
use crate::train::{Training, train_with_bar};
use case::{Checked, Seeds, folders, no_record, sign};
use goodhart_core::experiment::file::MAX_TEXT;
use goodhart_core::experiment::record::{HELD_OUT_FROM, Records, sample};
use goodhart_core::experiment::{Experiment, MEANS};
use goodhart_core::metrics::alarms::Rule;
use goodhart_core::metrics::alarms::expected::{self, Held};
use goodhart_core::metrics::claims::{self, Checked as Claimed};

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

/// Every claim of an experiment, measured.
fn hold(case: &Case, training: &Training) -> Result<Checked, Failure> {
    let exact =
        |claim: &goodhart_core::experiment::Claim, arm: usize, seeds: usize| case.exact.numbers(claim, arm, seeds);
    let claims = case
        .experiment
        .claims
        .iter()
        .map(|claim| claims::check(claim, &case.plan, &training.curves, &exact))
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

pub fn known_records(cases: &[Case]) -> Result<Records, Failure> {
    let mut known = Records::new();
    for folder in folders(cases) {
        known.extend(record::read(folder)?);
    }
    Ok(known)
}

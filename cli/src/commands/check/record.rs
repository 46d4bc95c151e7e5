//! What a check leaves behind: the measured values in the experiment's own file, and its record in `outcomes.json`.

use super::case::Seeds;
use crate::failure::Failure;
use crate::output::{MAX_INPUT, read_file, write_whole};
use crate::train::Training;
use goodhart_core::experiment::Experiment;
use goodhart_core::experiment::record::{ArmRecord, ClaimRecord, HeldOut, HeldOutRun, POINTS, Record, Records};
use goodhart_core::metrics::claims::Checked;
use goodhart_core::metrics::{columns, statistics};
use goodhart_core::plan::Plan;
use std::collections::BTreeMap;
use std::path::Path;

/// The records' file, beside the experiments.
const FILE: &str = "outcomes.json";

/// The records of a folder of experiments; none where nothing was recorded yet.
pub fn read(folder: &Path) -> Result<Records, Failure> {
    let file = folder.join(FILE);
    if !file.is_file() {
        return Ok(Records::new());
    }
    serde_json::from_str(&read_file(&file, MAX_INPUT)?).map_err(|e| format!("{}: {e}", file.display()).into())
}

/// Writes the records of a folder, one line an experiment, so that a changed one is a changed line.
pub fn write(folder: &Path, records: &Records) -> Result<(), Failure> {
    let line = |(id, record)| Ok(format!("{}: {}", serde_json::to_string(id)?, serde_json::to_string(record)?));
    let lines: Result<Vec<String>, serde_json::Error> = records.iter().map(line).collect();
    let lines = lines.map_err(|e| e.to_string())?;
    write_whole(&folder.join(FILE), format!("{{\n{}\n}}\n", lines.join(",\n")).as_bytes())
}

/// The record of one check.
pub fn of(experiment: &Experiment, plan: &Plan, training: &Training, checked: &[Checked]) -> Record {
    let curves = &training.curves;
    let arms = plan.arms.iter().enumerate().map(|(arm, planned)| {
        let column = columns::find(&experiment.outcome, &planned.components());
        let mean = column.map_or_else(Vec::new, |column| {
            let lanes: Vec<Vec<f32>> = (0..curves.seeds).map(|seed| curves.curve(arm, seed, column)).collect();
            statistics::band(&lanes).0
        });
        ArmRecord { name: planned.name.clone(), curve: stretches(&mean) }
    });
    let claims = experiment.claims.iter().zip(checked).map(|(claim, checked)| ClaimRecord {
        says: claim.says.clone(),
        outcome: checked.outcome,
        refuted: claim.refuted,
        undecided: claim.undecided,
        value: rounded(checked.measured.mean),
        half_width: rounded(checked.measured.half_width).unwrap_or(0.0),
        threshold: claim.threshold,
        comparison: claim.comparison,
        held_out: None,
    });
    Record {
        date: today(),
        engine: training.engine_kind.into(),
        seconds: (training.seconds * 10.0).round() / 10.0,
        updates: plan.run.updates,
        seeds: curves.seeds as u32,
        instances: plan.instances.len() as u32,
        digest: training.digest(),
        columns: columns_of(training),
        metric: experiment.outcome.clone(),
        arms: arms.collect(),
        claims: claims.collect(),
        held_out: None,
    }
}

/// A new check on the tuned seeds in place of the recorded one. What was measured on held-out seeds stays beside a claim
/// as long as nothing changed: the run's numbers, the claim's text, its threshold and its value.
pub fn renew(mut new: Record, old: Option<&Record>) -> Record {
    let Some(old) = old.filter(|old| (&old.digest, old.updates) == (&new.digest, new.updates)) else { return new };
    let same = |a: &ClaimRecord, b: &ClaimRecord| {
        (&a.says, a.value, a.half_width, a.threshold, a.comparison)
            == (&b.says, b.value, b.half_width, b.threshold, b.comparison)
    };
    for claim in &mut new.claims {
        claim.held_out =
            old.claims.iter().find(|before| same(before, claim)).and_then(|before| before.held_out.clone());
    }
    new.held_out = old.held_out.clone().filter(|_| new.claims.iter().any(|claim| claim.held_out.is_some()));
    new
}

/// A recorded check with what was measured on held-out seeds beside it: claims that the record does not know are not
/// added, since they were never measured on the tuned seeds.
pub fn hold_out(mut tuned: Record, first_seed: u32, measured: &Record) -> Record {
    for claim in &mut tuned.claims {
        let found = measured
            .claims
            .iter()
            .find(|m| (&m.says, m.threshold, m.comparison) == (&claim.says, claim.threshold, claim.comparison));
        claim.held_out = found.map(|m| HeldOut { outcome: m.outcome, value: m.value, half_width: m.half_width });
    }
    tuned.held_out = Some(HeldOutRun {
        date: measured.date.clone(),
        engine: measured.engine.clone(),
        first_seed,
        seeds: measured.seeds,
        seconds: measured.seconds,
        digest: measured.digest.clone(),
    });
    tuned
}

fn columns_of(training: &Training) -> BTreeMap<String, String> {
    let digests = training.curves.digests(&training.columns());
    digests.into_iter().map(|(name, digest)| (name, format!("{:08x}", digest >> 32))).collect()
}

/// Whether the numbers are the recorded ones, bit for bit, and if not, which ones changed.
pub fn digest_line(now: &Record, set: Seeds, first_seed: u32, before: Option<&Record>) -> String {
    let digest = &now.digest;
    if set != Seeds::Tuned {
        let is_same = |b: &&HeldOutRun| (b.first_seed, b.seeds, &b.engine) == (first_seed, now.seeds, &now.engine);
        let recorded = before.and_then(|b| b.held_out.as_ref()).filter(is_same);
        return match recorded {
            Some(b) if b.digest == *digest => format!("digest {digest}, as on {}\n", b.date),
            Some(b) => format!("digest {digest}, changed since {} ({})\n", b.date, b.digest),
            None => format!("digest {digest}\n"),
        };
    }
    let Some(b) = before.filter(|b| (b.updates, b.seeds, &b.engine) == (now.updates, now.seeds, &now.engine)) else {
        return format!("digest {digest}\n");
    };
    let date = &b.date;
    if b.digest == *digest {
        return format!("digest {digest}, as on {date}\n");
    }
    let shared = b.columns.iter().filter_map(|(name, old)| Some((name.as_str(), old, now.columns.get(name)?)));
    let (same, changed): (Vec<_>, Vec<_>) = shared.partition(|(_, old, new)| old == new);
    match (same.len(), changed.len()) {
        (0, _) => format!("digest {digest}, changed since {date} ({})\n", b.digest),
        (same, 0) => {
            format!("digest {digest}: the {same} metrics recorded on {date} are the same, others came or went\n")
        }
        (same, _) => {
            let names: Vec<&str> = changed.iter().map(|(name, ..)| *name).collect();
            format!("digest {digest}: since {date}, {same} metrics are the same, changed are {}\n", names.join(", "))
        }
    }
}

/// Means of `POINTS` equal stretches of a curve.
fn stretches(curve: &[f32]) -> Vec<Option<f32>> {
    let points = POINTS.min(curve.len());
    (0..points)
        .map(|i| rounded(statistics::mean(&curve[i * curve.len() / points..(i + 1) * curve.len() / points])))
        .collect()
}

/// Four digits after the point: beyond that a change says nothing.
fn four_digits(x: f32) -> f64 {
    (f64::from(x) * 1e4).round() / 1e4
}

/// The same for the records; None for what is not finite.
fn rounded(x: f32) -> Option<f32> {
    x.is_finite().then(|| four_digits(x) as f32)
}

/// The file with what was measured beside each claim; everything else in it stays as it is, comments too.
pub fn record(text: &str, checked: &[Checked], date: &str) -> Result<String, String> {
    let mut document: toml_edit::DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| e.to_string())?;
    let claims = document.get_mut("claims").and_then(|claims| claims.as_array_of_tables_mut());
    let claims = claims.ok_or("its claims are not written as [[claims]], so nothing was recorded")?;
    for (claim, checked) in claims.iter_mut().zip(checked) {
        let mut measured = toml_edit::InlineTable::new();
        measured.insert("value", decimal(checked.measured.mean));
        measured.insert("half_width", decimal(checked.measured.half_width));
        measured.insert("seeds", i64::from(checked.measured.n).into());
        measured.insert("date", date.into());
        claim.insert("measured", toml_edit::value(measured));
    }
    Ok(document.to_string())
}

fn decimal(x: f32) -> toml_edit::Value {
    four_digits(x).into()
}

/// Today's date (UTC) as year-month-day.
fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let (year, month, day) = civil(now.map_or(0, |time| time.as_secs() / 86_400) as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day counted from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use goodhart_core::experiment::Expected;
    use goodhart_core::experiment::Outcome;
    use goodhart_core::metrics::statistics::Interval;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_780), (2026, 11, 23));
    }

    #[test]
    fn a_curve_becomes_its_stretches() {
        let long: Vec<f32> = (0..48).map(|i| i as f32).collect();
        let short = stretches(&long);
        assert_eq!((short.len(), short[0], short[23]), (24, Some(0.5), Some(46.5)));
        assert_eq!(stretches(&[1.0, f32::NAN]), [Some(1.0), None]);
        assert!(stretches(&[]).is_empty());
    }

    #[test]
    fn what_was_measured_is_recorded_and_comments_stay() {
        let text = "# why\ntitle = \"t\"\n\n[[claims]]\nsays = \"a\" # because\n\n[[claims]]\nsays = \"b\"\n";
        let outcome = |mean| Checked {
            measured: Interval { mean, half_width: 0.03, n: 8 },
            outcome: Outcome::Holds,
            expected: Expected::Holds,
            p: 0.0,
        };
        let written = record(text, &[outcome(0.5), outcome(f32::NAN)], "2026-11-23").unwrap();
        assert!(written.starts_with("# why\n") && written.contains("says = \"a\" # because"));
        assert!(
            written.contains("measured = { value = 0.5, half_width = 0.03, seeds = 8, date = \"2026-11-23\" }"),
            "{written}"
        );
        assert_eq!(record(&written, &[outcome(0.5), outcome(f32::NAN)], "2026-11-23").unwrap(), written);
    }
}

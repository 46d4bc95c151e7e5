//! The alarms that ring in a person's own log, of those that a trainer can look at.

use super::columns::{self, Log, Run};
use super::read;
use crate::failure::Failure;
use crate::output::{MAX_INPUT, read_file, say};
use goodhart_core::metrics::alarms::series::{Series, WARM_UP};
use goodhart_core::metrics::alarms::{AlarmKind, RULES, Rule, Sees, record};
use goodhart_core::metrics::{COLUMNS, Column};
use std::fmt::Write;
use std::path::Path;

pub fn report(path: &Path, own: &[String]) -> Result<(), Failure> {
    let own = columns::mapping(own)?;
    let text = read_file(path, MAX_INPUT)?;
    let fail = |message: String| Failure::Input(format!("{}: {message}", path.display()));
    let log = read::read(&text).and_then(|rows| columns::log(&rows, &own)).map_err(fail)?;
    if log.runs.is_empty() {
        return Err(fail("it has no rows".into()));
    }
    say(&in_words(&log))
}

/// The rules that a trainer can look at, each with what it lacks in a log.
fn rules(log: &Log) -> impl Iterator<Item = (&'static Rule, Vec<&'static str>)> {
    let lacks = |rule: &Rule| -> Vec<&'static str> {
        let columns = rule.reads.iter().filter(|column| !log.found.contains(column));
        let mut names: Vec<&str> = columns.map(|column| log_name(*column)).collect();
        if rule.kind == AlarmKind::PartsDisagree && log.parts < 2 {
            names.push("rewards/NAME/mean and /std of two parts");
        }
        names
    };
    RULES.iter().filter(|rule| rule.sees == Sees::Trainer).map(move |rule| (rule, lacks(rule)))
}

/// A column as trainers' logs call it.
fn log_name(column: Column) -> &'static str {
    match column {
        Column::ProxyReward => "reward",
        other => COLUMNS[other as usize].name,
    }
}

fn in_words(log: &Log) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for run in &log.runs {
        let name = if run.name.is_empty() { String::new() } else { format!("{}: ", run.name) };
        let rows = run.curves.complete(0);
        let _ = writeln!(text, "{name}{rows} rows, steps {} to {}", step(run, 0), step(run, rows.saturating_sub(1)));
        if rows <= WARM_UP {
            let _ = writeln!(text, "Too short: rules look at rows from the {}th on.", WARM_UP + 1);
        }
        let series = Series::new(&run.curves, 0);
        let mut silent = 0;
        for (rule, _) in rules(log).filter(|(_, lacks)| lacks.is_empty()) {
            match rule.rings(&series) {
                Some((row, sentence)) => {
                    let record =
                        record::of(rule.kind).map_or_else(|| "It has no record.".into(), |record| record.says());
                    let _ = writeln!(text, "{} rings at step {}: {sentence}", rule.name, step(run, row));
                    let _ = writeln!(text, "    Rule: {}\n    {record}", rule.words());
                }
                None => silent += 1,
            }
        }
        let _ = writeln!(text, "{silent} other {}.", if silent == 1 { "rule is silent" } else { "rules are silent" });
    }
    let lacking: Vec<String> = rules(log)
        .filter(|(_, lacks)| !lacks.is_empty())
        .map(|(rule, lacks)| format!("{} (needs {})", rule.name, lacks.join(", ")))
        .collect();
    if !lacking.is_empty() {
        let _ = writeln!(text, "Not looked at: {}.", lacking.join("; "));
    }
    let _ = writeln!(
        text,
        "The rates are those of the gallery's small policies (docs/alarms.md); what they are in runs like yours nobody has measured."
    );
    text
}

fn step(run: &Run, row: usize) -> f64 {
    run.steps.get(row).copied().unwrap_or(row as f64)
}

//! `goodhart alarms`: how often each alarm is right, measured on experiments; and the alarms of a person's own log.

mod before;
mod cases;
mod columns;
mod log;
mod page;
mod rates;
mod read;
mod tuning;

use crate::arguments::Alarms;
use crate::failure::Failure;
use crate::output::{say, write_whole};
use crate::table::table;
use cases::Measured;
use goodhart_core::metrics::alarms::{RULES, record};
use rates::rate;
use std::path::Path;
use tuning::Half;

/// Where the record is compiled in from, beside the folder of the experiments.
const RECORD: &str = "core/src/metrics/alarms/record.txt";

pub fn alarms(options: &Alarms) -> Result<(), Failure> {
    let is_experiment = |path: &Path| path.is_dir() || path.extension().is_some_and(|e| e == "toml");
    let experiments = options.files.iter().filter(|path| is_experiment(path)).count();
    if experiments == options.files.len() && options.column.is_empty() {
        return gallery(options);
    }
    match &options.files[..] {
        [log] if experiments == 0 && !options.write && options.seeds.is_none() => log::report(log, &options.column),
        [_] if experiments == 1 => Err("--column is about a log's columns; experiments have their own".into()),
        [_] => Err("--seeds and --write are about experiments, and this is a log".into()),
        _ => Err("give experiments alone, or one log".into()),
    }
}

/// Trains the experiments and says how often each rule was right.
fn gallery(options: &Alarms) -> Result<(), Failure> {
    let root = match &options.files[..] {
        [folder] if folder.is_dir() => folder.canonicalize().ok().and_then(|f| f.parent().map(Path::to_path_buf)),
        _ => None,
    };
    let root = root.filter(|root| root.join(RECORD).is_file() && root.join("docs").is_dir());
    if options.write && root.is_none() {
        return Err(format!(
            "--write records what was measured in {RECORD}: give the one folder of experiments beside it"
        )
        .into());
    }
    let measured = cases::measure(options)?;
    say(&summary(&measured))?;
    if let Some(root) = root.filter(|_| options.write) {
        let records: Vec<_> = RULES.iter().map(|rule| rates::record(rule, &measured)).collect();
        write_whole(&root.join(RECORD), record::write(&records).as_bytes())?;
        write_whole(&root.join("docs/alarms.md"), page::page(&measured).as_bytes())?;
    }
    Ok(())
}

/// One line a rule.
fn summary(measured: &[Measured]) -> String {
    let row = |(i, rule): (usize, &goodhart_core::metrics::alarms::Rule)| {
        let [tuned, reported] = [Half::Tuning, Half::Reporting].map(|half| rate(measured, half, &|case| &case.now[i]));
        let [old_tuned, old] =
            [Half::Tuning, Half::Reporting].map(|half| rate(measured, half, &|case| &case.before[i]));
        let cells = |tally: &rates::Tally| format!("{} {}", tally.catches(), tally.false_rings());
        let tuned_at = rates::tuned(i, measured).map_or_else(String::new, |at| at.to_string());
        vec![
            rule.key.into(),
            rule.at.to_string(),
            tuned_at,
            cells(&tuned),
            cells(&reported),
            cells(&old_tuned),
            cells(&old),
        ]
    };
    let rows: Vec<Vec<String>> = RULES.iter().enumerate().map(row).collect();
    let header = [
        "rule",
        "threshold",
        "tuning sets",
        "tuning half: catches, rings for nothing",
        "reporting half",
        "tuning half, before",
        "reporting half, before",
    ];
    format!("{}\n{}", rates::counts(measured), table(&header, &rows))
}

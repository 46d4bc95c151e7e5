//! `goodhart run`: trains an experiment, writes its metrics, prints the verdict.

use crate::arguments::Run;
use crate::failure::Failure;
use crate::output::{complain, make_folder, say, write_whole};
use crate::table::{interval, table};
use crate::train::{Training, train_with_bar};
use crate::{interrupt, source};
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::alarms::Rule;
use goodhart_core::metrics::verdict::{Line, Measured, Share, verdict};
use goodhart_core::oracle::ranges::ranges;
use goodhart_core::plan::plan;
use goodhart_core::reward_models::TrainingReport;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

pub fn run(options: &Run) -> Result<(), Failure> {
    let mut experiment = source::open(&options.source)?;
    crate::train::override_run(&mut experiment, options.updates, options.seeds, None);
    if let Some(folder) = &options.out {
        make_folder(folder)?;
        interrupt::listen()?;
    }
    let training = train_with_bar(&experiment, options.engine, options.threads)?;
    let interrupted = interrupt::asked();
    // Lanes that were stopped at different updates have no verdict.
    let lines = if interrupted { Vec::new() } else { judge(&experiment, &training) };
    if let Some(folder) = &options.out {
        write_whole(&folder.join("metrics.jsonl"), metrics_jsonl(&training).as_bytes())?;
        let mut summary = summary(&experiment.id, &experiment.title, &training, &lines);
        summary["interrupted"] = interrupted.into();
        let summary = serde_json::to_vec_pretty(&summary);
        write_whole(&folder.join("summary.json"), &summary.unwrap_or_default())?;
        if interrupted {
            let _ = complain(&format!("goodhart: {}\n", kept(&training, folder)));
            return Err(Failure::Interrupted);
        }
    }
    let Training { engine, seconds, .. } = &training;
    let mut text = verdict_table(&lines);
    for report in &training.reward_models {
        let _ = writeln!(text, "{}", report_line(report, training.first_seed));
    }
    if let Some(on) = &training.reward_models_on {
        let _ = writeln!(text, "reward models {on}");
    }
    let _ = writeln!(
        text,
        "\n{engine}; {} updates of {} lanes in {seconds:.1} s\ndigest {}",
        training.curves.complete(0),
        training.curves.arms * training.curves.seeds,
        training.digest()
    );
    say(&text)
}

/// What an interrupted run leaves.
fn kept(training: &Training, folder: &Path) -> String {
    let curves = &training.curves;
    let rows: usize = lanes(curves).map(|(arm, seed)| curves.updates(arm, seed)).sum();
    let begun = lanes(curves).filter(|(arm, seed)| curves.updates(*arm, *seed) > 0).count();
    let all = lanes(curves).count();
    format!("stopped; {rows} updates of {begun} of {all} lanes are in {}", folder.join("metrics.jsonl").display())
}

/// (arm, seed) of every lane.
fn lanes(curves: &Curves) -> impl Iterator<Item = (usize, usize)> {
    (0..curves.seeds).flat_map(|seed| (0..curves.arms).map(move |arm| (arm, seed)))
}

/// The verdict, in the ranges that the oracle knows.
fn judge(experiment: &Experiment, training: &Training) -> Vec<Line> {
    // What has been trained is a plan.
    let known = plan(experiment).map(|plan| ranges(&plan)).unwrap_or_default();
    let arm = |(arm, name): (usize, &String)| {
        let range = known.rewards.get(arm).copied().flatten();
        Measured { arm: name.clone(), since: 0, settings: false, range }
    };
    let measured: Vec<Measured> = training.arms.iter().enumerate().map(arm).collect();
    verdict(&training.curves, &measured, known.task)
}

/// One object per (update, seed, arm), in that order; a value that is not a finite number is null.
fn metrics_jsonl(training: &Training) -> String {
    let curves = &training.curves;
    let columns = training.columns();
    let updates = lanes(curves).map(|(arm, seed)| curves.updates(arm, seed)).max().unwrap_or(0);
    let mut text = String::new();
    for update in 0..updates {
        for (arm, seed) in lanes(curves).filter(|(arm, seed)| update < curves.updates(*arm, *seed)) {
            let name = serde_json::Value::from(training.arms[arm].as_str());
            // Writing to a string cannot fail.
            let _ = write!(text, "{{\"arm\":{name},\"seed\":{},\"step\":{update}", training.first_seed + seed as u32);
            for (column, key) in columns[arm].iter().enumerate() {
                let x = curves.value(arm, seed, update, column);
                let key = serde_json::Value::from(key.as_str());
                let _ = if x.is_finite() { write!(text, ",{key}:{}", json!(x)) } else { write!(text, ",{key}:null") };
            }
            text.push_str("}\n");
        }
    }
    text
}

fn summary(id: &str, title: &str, training: &Training, lines: &[Line]) -> serde_json::Value {
    json!({
        "id": id,
        "title": title,
        "engine": training.engine,
        "updates": training.curves.complete(0),
        "seeds": training.curves.seeds,
        "seconds": training.seconds,
        "digest": training.digest(),
        "reward_models": training.reward_models,
        "verdict": lines,
    })
}

/// What the reward models of a seed came to before the run.
fn report_line(report: &TrainingReport, first_seed: u32) -> String {
    let each: Vec<String> = report.each.iter().map(|accuracy| format!("{accuracy:.3}")).collect();
    let (accuracy, ece) = (report.mean.accuracy(), report.mean.ece());
    let calibration = if ece.is_nan() { String::new() } else { format!(", calibration error {ece:.3}") };
    let seed = first_seed + report.seed;
    format!(
        "seed {seed}: reward models order {} of held-out pairs right, their mean {accuracy:.3}{calibration}",
        each.join(", ")
    )
}

/// A share in percent, or a dash where there is none.
fn share(share: Option<&Share>) -> String {
    share.map_or_else(|| "-".into(), |s| format!("{:.0}%", 100.0 * s.share.mean))
}

/// The verdict as text: one line an arm, then what it means and what each alarm says.
pub fn verdict_table(lines: &[Line]) -> String {
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                line.arm.clone(),
                interval(line.true_score.mean, line.true_score.half_width),
                interval(line.proxy_reward.mean, line.proxy_reward.half_width),
                share(line.wanted.as_ref()),
                share(line.paid.as_ref()),
                line.difference.map_or_else(|| "-".into(), |d| interval(d.mean, d.half_width)),
                line.alarms.len().to_string(),
            ]
        })
        .collect();
    let mut text =
        table(&["arm", "true score", "proxy reward", "wanted", "paid", "true - first arm's", "alarms"], &rows);
    for line in lines {
        let _ = writeln!(text, "{}: {}", line.arm, format!("{} {}", line.says(), line.gap.says()).trim());
        for alarm in &line.alarms {
            let sees = Rule::of(alarm.kind).sees.says();
            let _ = writeln!(text, "{}, update {}: {} {sees}", line.arm, alarm.update, alarm.sentence);
        }
    }
    text
}

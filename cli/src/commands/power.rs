//! `goodhart power`: how many seeds the differences between an experiment's arms need.

use crate::arguments::Power;
use crate::failure::Failure;
use crate::output::say;
use crate::source;
use crate::table::{interval, number, table};
use crate::train::{override_run, train_with_bar};
use goodhart_core::metrics::columns;
use goodhart_core::metrics::power::{LEAST_SEEDS, MOST_SEEDS, Need, needs};

pub fn power(options: &Power) -> Result<(), Failure> {
    let mut experiment = source::open(&options.source)?;
    if experiment.arms.len() < 2 {
        return Err("the experiment has one arm, so there is no difference to plan for".into());
    }
    if options.difference.is_some_and(|d| !(d.is_finite() && d > 0.0)) {
        return Err("--difference is the size of a difference: a number above 0".into());
    }
    let seeds = options.seeds.or(experiment.first_seeds);
    override_run(&mut experiment, options.updates, seeds, None);
    let plan = goodhart_core::plan::plan(&experiment).map_err(|problems| goodhart_core::plan::join(&problems))?;
    let metric = &options.metric;
    let columns: Vec<Option<usize>> = plan.arms.iter().map(|arm| columns::find(metric, &arm.components())).collect();
    if columns[0].is_none() || columns[1..].iter().all(Option::is_none) {
        return Err(format!("no two arms have the metric \"{metric}\", the first arm among them").into());
    }
    if plan.run.seeds < LEAST_SEEDS {
        let few = format!(
            "fewer than {LEAST_SEEDS} seeds have no deviation to plan with: give --seeds {LEAST_SEEDS} or more"
        );
        return Err(few.into());
    }
    let training = train_with_bar(&experiment, options.engine, None)?;
    let found = needs(&training.curves, &columns, options.difference);
    if found.is_empty() {
        return Err(format!("fewer than {LEAST_SEEDS} seeds gave a finite {metric} at the end of the run").into());
    }
    let planned = match options.difference {
        Some(difference) => format!("a difference of {difference}"),
        None => "the measured difference".into(),
    };
    say(&format!(
        "Seeds that a paired t-test (two-sided, level 0.05) needs to find {planned} in {metric}, at the end of the run, with a power of 0.8\n"
    ))?;
    let rows: Vec<Vec<String>> = found.iter().map(|need| row(need, &training.arms)).collect();
    say(&table(&["seeds", "careful", "detectable", "measured", "deviation", "difference of"], &rows))?;
    say(&format!(
        "careful: if the deviation is the upper limit of its one-sided 80% interval. detectable: what the {} seeds of this run find with that power.\n",
        training.curves.seeds
    ))?;
    if options.difference.is_none() {
        say(
            "The measured difference of few seeds is too large or too small by chance: with --difference you give the size that matters to you.\n",
        )?;
    }
    Ok(())
}

fn row(need: &Need, arms: &[String]) -> Vec<String> {
    let seeds = |n: Option<u32>| n.map_or_else(|| format!("over {MOST_SEEDS}"), |n| n.to_string());
    // Seeds that all say the same leave nothing to plan for.
    let is_noisy = need.deviation > 0.0;
    let known = |text: String| if is_noisy { text } else { "-".into() };
    vec![
        known(seeds(need.seeds)),
        known(seeds(need.careful)),
        number(need.detectable as f32),
        interval(need.measured.mean, need.measured.half_width),
        number(need.deviation as f32),
        format!("{} - {}", arms[need.arm], arms[need.against]),
    ]
}

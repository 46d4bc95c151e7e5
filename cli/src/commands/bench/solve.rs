//! `goodhart bench --solve`: after how many steps and how long PPO solves tasks that people know.

use crate::failure::Failure;
use crate::output::print;
use crate::table::table;
use goodhart_core::engine::{Engine, Host, LaneId};
use goodhart_core::experiment::{Moment, When, file};
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::{self, ROW};
use goodhart_core::plan::{self, Plan};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// A task that is solved at its experiment's moment.
const CASES: [(&str, &str); 5] = [
    ("cartpole", include_str!("../../../bench/solve/cartpole.toml")),
    ("mountain_car", include_str!("../../../bench/solve/mountain_car.toml")),
    ("frozen_lake", include_str!("../../../bench/solve/frozen_lake.toml")),
    ("cliff_walking", include_str!("../../../bench/solve/cliff_walking.toml")),
    ("taxi", include_str!("../../../bench/solve/taxi.toml")),
];
/// A metric is the mean of as many updates, so that one lucky batch solves nothing.
const SMOOTHED: usize = 5;

/// How one seed came to the moment.
struct Solved {
    steps: f64,
    seconds: f64,
}

/// One task: its seeds that were solved, and how many there were.
struct Row {
    case: &'static str,
    says: String,
    seeds: usize,
    solved: Vec<Solved>,
}

pub fn solve(only: Option<&str>, quick: bool, as_json: bool) -> Result<(), Failure> {
    let cases: Vec<_> = CASES.iter().filter(|(name, _)| only.is_none_or(|text| name.contains(text))).collect();
    if cases.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
        return Err(format!("no bench has such a name; there are {}", names.join(", ")).into());
    }
    let rows = cases.into_iter().map(|(name, text)| measure(name, text, quick)).collect::<Result<Vec<_>, _>>()?;
    print(&if as_json { format!("{:#}\n", told(&rows)) } else { shown(&rows) })
}

fn measure(case: &'static str, text: &str, quick: bool) -> Result<Row, Failure> {
    let wrong = |why: String| format!("the bench {case}: {why}");
    let experiment = file::parse(text).map_err(|e| wrong(e.to_string()))?;
    let moment = experiment.moment.clone().ok_or_else(|| wrong("it has no moment".into()))?;
    let plan = Arc::new(plan::plan(&experiment).map_err(|e| wrong(plan::join(&e)))?);
    let names = columns::names(&plan.arms[0].components());
    let column = names.iter().position(|name| *name == moment.metric);
    let column = column.ok_or_else(|| wrong(format!("there is no metric {}", moment.metric)))?;
    let mut solved = Vec::new();
    for seed in 0..plan.run.seeds as usize {
        solved.extend(one(&plan, seed, column, &moment, quick)?);
    }
    Ok(Row { case, says: moment.says, seeds: plan.run.seeds as usize, solved })
}

/// One seed on one thread; None where the run ends before.
fn one(plan: &Arc<Plan>, seed: usize, column: usize, moment: &Moment, quick: bool) -> Result<Option<Solved>, Failure> {
    let mut engine = Engine::cpu(plan, &[LaneId { arm: 0, seed }], None)?;
    let mut watch = Watch { begun: Instant::now(), column, values: Vec::new(), steps: 0.0 };
    let updates = if quick { 1 } else { plan.run.updates };
    for _ in 0..updates {
        pollster::block_on(engine.advance(1, &mut watch))?;
        if let Some(recent) = watch.values.last_chunk::<SMOOTHED>() {
            let mean = recent.iter().sum::<f32>() / SMOOTHED as f32;
            let level = moment.level.unwrap_or_default();
            if (moment.when == When::Above && mean > level) || (moment.when == When::Below && mean < level) {
                return Ok(Some(Solved { steps: watch.steps, seconds: watch.begun.elapsed().as_secs_f64() }));
            }
        }
    }
    Ok(None)
}

struct Watch {
    begun: Instant,
    column: usize,
    values: Vec<f32>,
    steps: f64,
}

impl Host for Watch {
    fn now(&self) -> f64 {
        1000.0 * self.begun.elapsed().as_secs_f64()
    }

    fn rows(&mut self, _lanes: &[LaneId], _update: u32, rows: &[f32]) {
        for row in rows.chunks_exact(ROW) {
            self.values.push(row[self.column]);
            self.steps = f64::from(row[Column::NumTokens as usize]);
        }
    }
}

fn shown(rows: &[Row]) -> String {
    let range = |values: Vec<f64>, digits: usize| {
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
        if values.is_empty() { "-".into() } else { format!("{low:.digits$} to {high:.digits$}") }
    };
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            vec![
                row.case.into(),
                format!("{} of {}", row.solved.len(), row.seeds),
                range(row.solved.iter().map(|s| s.steps).collect(), 0),
                range(row.solved.iter().map(|s| s.seconds).collect(), 2),
                row.says.clone(),
            ]
        })
        .collect();
    table(&["task", "seeds solved", "steps", "seconds a seed, one thread", "solved means"], &cells)
}

fn told(rows: &[Row]) -> serde_json::Value {
    rows.iter()
        .map(|row| {
            let solved: Vec<_> = row.solved.iter().map(|s| json!({ "steps": s.steps, "seconds": s.seconds })).collect();
            json!({ "bench": row.case, "seeds": row.seeds, "solved": solved, "means": row.says })
        })
        .collect()
}

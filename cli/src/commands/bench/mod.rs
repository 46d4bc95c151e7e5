//! `goodhart bench`: how fast each engine does the same work, stage by stage and against the number of lanes.

mod solve;

use crate::arguments::{Bench, Engine};
use crate::base::base_policies;
use crate::failure::Failure;
use crate::gpu;
use crate::measure::{Measured, on_cpu, on_gpu};
use crate::output::print;
use crate::table::table;
use goodhart_core::engine::gpu::GpuContext;
use goodhart_core::experiment::{Experiment, RunParams, file};
use goodhart_core::params::{Params, Value};
use goodhart_core::plan;
use indicatif::ProgressBar;
use serde_json::json;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// One bench: an experiment, with the lanes that it has when it is itself.
struct Case {
    name: &'static str,
    experiment: &'static str,
    /// None: as many as the experiment has.
    lanes: Option<usize>,
}

const CASES: &[Case] = &[
    Case { name: "landing", experiment: include_str!("../../../../experiments/grpo-lambda-length.toml"), lanes: None },
    Case { name: "gridworld", experiment: include_str!("../../../bench/gridworld.toml"), lanes: Some(1) },
    Case { name: "length-32", experiment: include_str!("../../../bench/length-32.toml"), lanes: Some(6) },
    Case { name: "length-64", experiment: include_str!("../../../bench/length-64.toml"), lanes: Some(16) },
    Case { name: "bandit", experiment: include_str!("../../../bench/bandit.toml"), lanes: Some(64) },
];

/// Every bench is also measured with as many lanes.
const SWEEP: [usize; 4] = [1, 4, 16, 64];

/// One line of the bench.
struct Row {
    case: &'static str,
    engine: String,
    lanes: usize,
    /// Or why there is nothing to measure.
    measured: Result<Measured, String>,
}

pub fn bench(options: &Bench) -> Result<(), Failure> {
    if options.solve {
        return solve::solve(options.only.as_deref(), options.quick, options.json);
    }
    let wanted = |case: &&Case| options.only.as_ref().is_none_or(|text| case.name.contains(text.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    if cases.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        return Err(format!("no bench has such a name; there are {}", names.join(", ")).into());
    }
    let gpu = if options.engine == Engine::Cpu { Err(String::new()) } else { gpu::open() };
    let mut rows = Vec::new();
    for case in cases {
        let own = case.lanes.map_or_else(|| lanes_of(case), Ok)?;
        let mut lanes: Vec<usize> = if options.quick { vec![] } else { SWEEP.to_vec() };
        lanes.push(own);
        lanes.sort_unstable();
        lanes.dedup();
        for lanes in lanes {
            for engine in [Engine::Cpu, Engine::Gpu]
                .into_iter()
                .filter(|e| options.engine == Engine::Auto || options.engine == *e)
            {
                let row = measure(case, engine, &gpu, lanes, options.quick)?;
                if !options.json {
                    print(&progress(&row))?;
                }
                rows.push(row);
            }
        }
    }
    print(&if options.json {
        format!("{:#}\n", as_json(&rows))
    } else {
        format!("\n{}\n{}", rates(&rows), stages(&rows))
    })
}

fn measure(
    case: &'static Case,
    engine: Engine,
    gpu: &Result<GpuContext, String>,
    lanes: usize,
    quick: bool,
) -> Result<Row, Failure> {
    let experiment = sized(case, lanes)?;
    let plan = plan::plan(&experiment).map_err(|e| format!("the bench {}: {}", case.name, plan::join(&e)))?;
    let plan = Arc::new(plan);
    let bases = base_policies(&experiment, &plan, &ProgressBar::hidden());
    let budget = Duration::from_millis(if quick { 100 } else { 3000 });
    let warm_up = if quick { 1 } else { 20 };
    let (engine, measured) = match (engine, gpu) {
        (Engine::Gpu, Ok(context)) => on_gpu(context, &plan, lanes, bases.as_ref(), warm_up, budget),
        (Engine::Gpu, Err(why)) => ("gpu".into(), Err(why.clone())),
        (Engine::Cpu | Engine::Auto, _) => on_cpu(&plan, lanes, bases.as_ref(), warm_up, budget),
    };
    Ok(Row { case: case.name, engine, lanes, measured })
}

/// The case's experiment with seeds enough for this many lanes.
fn sized(case: &Case, lanes: usize) -> Result<Experiment, Failure> {
    let mut experiment = parse(case)?;
    let seeds = lanes.div_ceil(experiment.arms.len());
    experiment.run.insert("seeds".into(), Value::Number(seeds as f64));
    Ok(experiment)
}

/// Lanes of a case as its file has it.
fn lanes_of(case: &Case) -> Result<usize, Failure> {
    let experiment = parse(case)?;
    let run = RunParams::resolve(&[&experiment.run]).map_err(|e| e[0].to_string())?;
    Ok(experiment.arms.len() * run.seeds as usize)
}

fn parse(case: &Case) -> Result<Experiment, Failure> {
    file::parse(case.experiment).map_err(|e| format!("the bench {}: {e}", case.name).into())
}

fn progress(row: &Row) -> String {
    let rate = match &row.measured {
        Ok(m) => format!("{:.2} updates/s", m.updates_per_s),
        Err(why) => why.clone(),
    };
    format!("{} with {} lanes, {}: {rate}\n", row.case, row.lanes, row.engine)
}

fn rates(rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let mut cells = vec![row.case.into(), row.engine.clone(), row.lanes.to_string()];
        match &row.measured {
            Ok(m) => cells.extend([
                format!("{:.2}", m.updates_per_s),
                format!("{:.0}", m.steps_per_s),
                format!("{:.3}", 1000.0 / m.updates_per_s),
                format!("{:.1}", m.gflops),
            ]),
            Err(why) => cells.push(why.clone()),
        }
        cells
    });
    table(&["bench", "engine", "lanes", "updates/s", "steps/s", "ms/update", "GFLOP/s"], &cells.collect::<Vec<_>>())
}

/// Milliseconds of every stage in one update of all lanes, summed over threads.
fn stages(rows: &[Row]) -> String {
    let mut text = String::from(
        "milliseconds a stage: on the CPU in one update of all lanes, summed over threads; on the GPU when it runs once\n",
    );
    for row in rows {
        if let Ok(m) = &row.measured {
            let _ = write!(text, "{}, {}, {} lanes:", row.case, row.engine, row.lanes);
            for (stage, ms) in &m.stages {
                let _ = write!(text, "  {stage} {ms:.3}");
            }
            text.push('\n');
        }
    }
    text
}

fn as_json(rows: &[Row]) -> serde_json::Value {
    rows.iter()
        .map(|row| match &row.measured {
            Ok(m) => json!({
                "bench": row.case, "engine": row.engine, "lanes": row.lanes,
                "updates_per_s": m.updates_per_s, "steps_per_s": m.steps_per_s, "gflops": m.gflops,
                "stages_ms": m.stages.iter().map(|(name, ms)| (name.to_string(), json!(ms))).collect::<serde_json::Map<_, _>>(),
            }),
            Err(why) => json!({ "bench": row.case, "engine": row.engine, "lanes": row.lanes, "skipped": why }),
        })
        .collect()
}

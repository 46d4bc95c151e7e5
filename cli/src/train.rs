//! Trains an experiment: lanes over threads on the CPU engine, or all lanes at once on the GPU engine.

use crate::arguments::Engine;
use crate::base::base_policy;
use crate::failure::Failure;
use goodhart_core::cpu::{CpuEngine, LaneId, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::params::Value;
use goodhart_core::plan::{self, Plan};
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A run that is over.
pub struct Training {
    pub arms: Vec<String>,
    /// Component names by arm.
    pub components: Vec<Vec<String>>,
    pub curves: Curves,
    pub first_seed: u32,
    /// The engine in words, as people are told.
    pub engine: String,
    pub seconds: f64,
}

/// Replaces the length and the repetitions that an experiment asks for.
pub fn override_run(experiment: &mut Experiment, updates: Option<u32>, seeds: Option<u32>) {
    for (name, value) in [("updates", updates), ("seeds", seeds)] {
        if let Some(value) = value {
            experiment.run.insert(name.into(), Value::Number(f64::from(value)));
        }
    }
}

/// Trains with a progress bar on standard error, if that is a terminal.
pub fn train_with_bar(experiment: &Experiment, engine: Engine, threads: Option<usize>) -> Result<Training, Failure> {
    let plan = Arc::new(plan::plan(experiment).map_err(|problems| plan::join(&problems))?);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} updates, {eta} left");
    let bar = ProgressBar::no_length().with_message(experiment.title.clone());
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let base = base_policy(experiment, &plan, &bar);
    bar.set_message(experiment.title.clone());
    let started = Instant::now();
    let (curves, engine) = match engine {
        Engine::Cpu | Engine::Auto => {
            let threads = threads.unwrap_or_else(cores).clamp(1, 256);
            (on_cpu(&plan, base.as_deref(), threads, &bar)?, format!("CPU engine, {threads} threads"))
        }
        Engine::Gpu => return Err("this build trains on the CPU engine only".into()),
    };
    bar.finish_and_clear();
    Ok(Training {
        arms: plan.arms.iter().map(|arm| arm.name.clone()).collect(),
        components: plan.arms.iter().map(|arm| arm.components()).collect(),
        curves,
        first_seed: plan.run.first_seed,
        engine,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Every lane to its end, each by the next thread that is free: lanes never talk to each other, so who trains which
/// changes nothing.
fn on_cpu(plan: &Arc<Plan>, base: Option<&[f32]>, threads: usize, bar: &ProgressBar) -> Result<Curves, String> {
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let lanes = lanes_of(plan, &seeds);
    bar.set_length(lanes.len() as u64 * u64::from(plan.run.updates));
    let next = AtomicUsize::new(0);
    let curves = Mutex::new(Curves::new(plan.arms.len(), seeds.len()));
    let work = || -> Result<(), String> {
        while let Some(lane) = lanes.get(next.fetch_add(1, Ordering::Relaxed)) {
            let rows = train_lane(plan, *lane, base, bar)?;
            let mut curves = curves.lock().unwrap_or_else(PoisonError::into_inner);
            for (update, row) in rows.chunks_exact(ROW).enumerate() {
                curves.put(lane.arm, lane.seed, update, row);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(lanes.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err("the CPU engine stopped by a fault of its own; please report it".into()))
        })
    })?;
    Ok(curves.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The metric rows of one lane, [update][ROW].
fn train_lane(plan: &Arc<Plan>, lane: LaneId, base: Option<&[f32]>, bar: &ProgressBar) -> Result<Vec<f32>, String> {
    let mut engine = CpuEngine::new(Arc::clone(plan), &[lane], base)?;
    let mut rows = Vec::with_capacity(plan.run.updates as usize * ROW);
    for _ in 0..plan.run.updates {
        rows.extend_from_slice(engine.update());
        bar.inc(1);
    }
    Ok(rows)
}

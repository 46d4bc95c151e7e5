//! Trains an experiment: lanes over threads on the CPU engine, or all lanes at once on the GPU engine.

use crate::arguments::Engine;
use crate::base::base_policies;
use crate::failure::Failure;
use crate::output::plain;
use crate::reward_models::Models;
use crate::{gpu, interrupt, measure};
use goodhart_core::engine::gpu::GpuContext;
use goodhart_core::engine::{Bases, Engine as Trained, Host, LaneId, lanes_of};
use goodhart_core::experiment::Experiment;
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::columns::{self, ROW};
use goodhart_core::params::Value;
use goodhart_core::plan::{self, Plan};
use goodhart_core::protocol::TrainedOn;
use goodhart_core::reward_models::TrainingReport;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A run that is over.
pub struct Training {
    pub arms: Vec<String>,
    /// Component names by arm.
    pub components: Vec<Vec<String>>,
    pub curves: Curves,
    pub first_seed: u32,
    /// What the learned reward models came to before the run, by seed; empty without.
    pub reward_models: Vec<TrainingReport>,
    /// Where they were trained.
    pub reward_models_on: Option<TrainedOn>,
    /// The engine in words, as people are told.
    pub engine: String,
    /// "cpu" or "gpu".
    pub engine_kind: &'static str,
    /// Time in training; on the CPU engine of a check, the sum over lanes.
    pub seconds: f64,
}

impl Training {
    /// Names of the metrics in a row, by arm.
    pub fn columns(&self) -> Vec<Vec<String>> {
        self.components.iter().map(|components| columns::names(components)).collect()
    }

    /// The digest of all metrics, as people are shown it.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.curves.digest(&self.columns()))
    }
}

/// Replaces the length, the repetitions and the first seed that an experiment asks for.
pub fn override_run(experiment: &mut Experiment, updates: Option<u32>, seeds: Option<u32>, first_seed: Option<u32>) {
    for (name, value) in [("updates", updates), ("seeds", seeds), ("first_seed", first_seed)] {
        if let Some(value) = value {
            experiment.run.insert(name.into(), Value::Number(f64::from(value)));
        }
    }
}

/// Trains with a progress bar on standard error, if that is a terminal.
pub fn train_with_bar(experiment: &Experiment, engine: Engine, threads: Option<usize>) -> Result<Training, Failure> {
    let plan = Arc::new(plan::plan(experiment).map_err(|problems| plan::join(&problems))?);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} updates, {eta} left");
    let title = plain(&experiment.title);
    let bar = ProgressBar::no_length().with_message(title.clone());
    if let Ok(style) = style {
        bar.set_style(style);
    }
    let bases = base_policies(experiment, &plan, &bar);
    bar.set_message(title.clone());
    let threads = threads.unwrap_or_else(measure::cores);
    let started = Instant::now();
    let models = Models::new(&plan, engine != Engine::Cpu);
    models.learn_all(&plan, bases.as_ref(), threads, &bar)?;
    bar.set_message(title);
    let choice = choose(engine, &plan, bases.as_ref(), threads)?;
    // Only a terminal is told.
    bar.println(plan.cost.says_in_turn(threads));
    let curves = match &choice.with {
        With::Cpu { threads } => on_cpu(&plan, bases.as_ref(), &models, *threads, &bar)?,
        With::Gpu(context) => on_gpu(context, &plan, bases.as_ref(), &models, &bar)?,
    };
    bar.finish_and_clear();
    Ok(Training {
        arms: plan.arms.iter().map(|arm| arm.name.clone()).collect(),
        components: plan.arms.iter().map(|arm| arm.components()).collect(),
        curves,
        first_seed: plan.run.first_seed,
        reward_models: models.reports(),
        reward_models_on: models.on(),
        engine: choice.name,
        engine_kind: match choice.with {
            With::Cpu { .. } => "cpu",
            With::Gpu(_) => "gpu",
        },
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// What trains, and what it is called.
struct Chosen {
    with: With,
    name: String,
}

enum With {
    Cpu { threads: usize },
    Gpu(Box<GpuContext>),
}

/// The engine that was asked for; where none was, the faster one. A software adapter shares the processor with the CPU
/// engine and is never faster, so it is not even tried.
fn choose(engine: Engine, plan: &Arc<Plan>, bases: Option<&Bases>, threads: usize) -> Result<Chosen, String> {
    let cpu = |why: &str| Chosen { with: With::Cpu { threads }, name: format!("CPU engine, {threads} threads{why}") };
    let gpu = |context: GpuContext, why: &str| {
        let name = format!("{}{why}", gpu::name(&context));
        Chosen { with: With::Gpu(Box::new(context)), name }
    };
    let context = match engine {
        Engine::Cpu => return Ok(cpu("")),
        Engine::Gpu => return gpu::open().map(|context| gpu(context, "")),
        Engine::Auto => gpu::open().ok().filter(|context| !context.adapter().software),
    };
    let Some(context) = context else { return Ok(cpu(" (there is no GPU)")) };
    let lanes = plan.arms.len() * plan.run.seeds as usize;
    let moment = Duration::from_millis(300);
    let (_, on_cpu) = measure::on_cpu(plan, lanes, bases, 1, moment);
    let (_, on_gpu) = measure::on_gpu(&context, plan, lanes, bases, 1, moment);
    let Ok(on_gpu) = on_gpu else { return Ok(cpu(" (the GPU does not take this experiment)")) };
    let (cpu_rate, gpu_rate) = (on_cpu?.updates_per_s, on_gpu.updates_per_s);
    Ok(if gpu_rate > cpu_rate {
        gpu(context, &format!(" ({gpu_rate:.0} updates/s, the CPU {cpu_rate:.0})"))
    } else {
        cpu(&format!(" ({cpu_rate:.0} updates/s, the GPU {gpu_rate:.0})"))
    })
}

/// Every lane to its end, each by the next thread that is free: lanes never talk to each other, so who trains which
/// changes nothing.
fn on_cpu(
    plan: &Arc<Plan>,
    bases: Option<&Bases>,
    models: &Models,
    threads: usize,
    bar: &ProgressBar,
) -> Result<Curves, String> {
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let lanes = lanes_of(plan, &seeds);
    bar.set_length(lanes.len() as u64 * u64::from(plan.run.updates));
    let next = AtomicUsize::new(0);
    let curves = Mutex::new(Curves::new(plan.arms.len(), seeds.len()));
    let work = || -> Result<(), String> {
        while let Some(lane) = lanes.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !interrupt::asked()) {
            let rows = train_lane(plan, *lane, bases, models, bar)?;
            curves.lock().unwrap_or_else(PoisonError::into_inner).put_lane(lane.arm, lane.seed, &rows);
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

/// All lanes at once on a GPU.
fn on_gpu(
    context: &GpuContext,
    plan: &Arc<Plan>,
    bases: Option<&Bases>,
    models: &Models,
    bar: &ProgressBar,
) -> Result<Curves, String> {
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let lanes = lanes_of(plan, &seeds);
    bar.set_length(lanes.len() as u64 * u64::from(plan.run.updates));
    let mut curves = Curves::new(plan.arms.len(), seeds.len());
    let put = |lane: LaneId, update: u32, row: &[f32]| curves.put(lane.arm, lane.seed, update as usize, row);
    pollster::block_on(async {
        let engine = Trained::gpu(context, plan, &lanes, bases, |_, _| ()).await?;
        train(engine, plan, bases, models, bar, put).await
    })?;
    Ok(curves)
}

/// The metric rows of one lane on the CPU engine, [update][ROW]; fewer where the person asked to stop.
pub fn train_lane(
    plan: &Arc<Plan>,
    lane: LaneId,
    bases: Option<&Bases>,
    models: &Models,
    bar: &ProgressBar,
) -> Result<Vec<f32>, String> {
    let mut rows = Vec::with_capacity(plan.run.updates as usize * ROW);
    let put = |_: LaneId, _: u32, row: &[f32]| rows.extend_from_slice(row);
    pollster::block_on(train(Trained::cpu(plan, &[lane], bases)?, plan, bases, models, bar, put))?;
    Ok(rows)
}

/// Trains an engine to the end of the run, or until the person asks to stop; `put` gets every row.
async fn train(
    mut engine: Trained,
    plan: &Arc<Plan>,
    bases: Option<&Bases>,
    models: &Models,
    bar: &ProgressBar,
    put: impl FnMut(LaneId, u32, &[f32]),
) -> Result<(), String> {
    for lane in engine.lanes().to_vec() {
        if let Some(trained) = models.of(plan, lane.seed, bases, &ProgressBar::hidden())? {
            engine.set_reward_models(lane, &trained.weights)?;
        }
    }
    let mut terminal = Terminal { started: Instant::now(), bar, put };
    while !interrupt::asked() && engine.advance(u32::MAX, &mut terminal).await? > 0 {
        for (lane, job) in engine.reward_model_jobs().await? {
            engine.set_reward_models(lane, &models.again(&job)?)?;
        }
    }
    engine.settle(&mut terminal).await
}

/// A terminal has the clock and the bar.
struct Terminal<'a, P> {
    started: Instant,
    bar: &'a ProgressBar,
    put: P,
}

impl<P: FnMut(LaneId, u32, &[f32])> Host for Terminal<'_, P> {
    fn now(&self) -> f64 {
        1000.0 * self.started.elapsed().as_secs_f64()
    }

    fn rows(&mut self, lanes: &[LaneId], update: u32, rows: &[f32]) {
        for (lane, row) in lanes.iter().zip(rows.chunks_exact(ROW)) {
            (self.put)(*lane, update, row);
        }
        self.bar.inc(lanes.len() as u64);
    }
}

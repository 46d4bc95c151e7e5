//! Timing an engine at work.

use crate::gpu;
use goodhart_core::engine::gpu::{GpuContext, GpuEngine, GpuError};
use goodhart_core::engine::{Bases, Engine, Host, LaneId, lanes_of};
use goodhart_core::metrics::Column;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::plan::Plan;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

/// What a bench found.
pub struct Measured {
    pub updates_per_s: f64,
    /// Steps or tokens of all lanes.
    pub steps_per_s: f64,
    /// Floating-point operations of the policy's matrix products, in thousand millions a second.
    pub gflops: f64,
    /// Milliseconds by stage of one update of all lanes, in the order of the stages.
    pub stages: Vec<(&'static str, f64)>,
}

/// Cores that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Times the CPU engine with the lanes split over all cores; gives its name, and what was measured or why nothing was.
pub fn on_cpu(
    plan: &Arc<Plan>,
    lanes: usize,
    bases: Option<&Bases>,
    warm_up: u32,
    budget: Duration,
) -> (String, Result<Measured, String>) {
    let threads = cores().min(lanes);
    let name = format!("cpu, {threads} thread{}", if threads == 1 { "" } else { "s" });
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let ids: Vec<LaneId> = lanes_of(plan, &seeds).into_iter().take(lanes).collect();
    let barrier = Barrier::new(threads);
    let part = |thread: usize| {
        let own: Vec<LaneId> = ids.iter().copied().skip(thread).step_by(threads).collect();
        time_share(plan, &own, bases, warm_up, budget, &barrier)
    };
    let parts: Result<Vec<ThreadShare>, String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        let broken = || Err("the CPU engine stopped by a fault of its own".to_string());
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| broken())).collect()
    });
    (name, parts.map(|parts| summarise(plan, &parts, lanes)))
}

/// Times the GPU engine; gives its name, and what was measured or why nothing was.
pub fn on_gpu(
    context: &GpuContext,
    plan: &Arc<Plan>,
    lanes: usize,
    bases: Option<&Bases>,
    warm_up: u32,
    budget: Duration,
) -> (String, Result<Measured, String>) {
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let ids: Vec<LaneId> = lanes_of(plan, &seeds).into_iter().take(lanes).collect();
    let measured = pollster::block_on(time_gpu(context, plan, &ids, bases, warm_up, budget));
    (gpu::name(context), measured)
}

async fn time_gpu(
    context: &GpuContext,
    plan: &Arc<Plan>,
    ids: &[LaneId],
    bases: Option<&Bases>,
    warm_up: u32,
    budget: Duration,
) -> Result<Measured, String> {
    let mut engine = Engine::gpu(context, plan, ids, bases, |_, _| ()).await?;
    let mut clock = Stopwatch::new(false);
    while clock.updates < warm_up && clock.begun.elapsed() <= budget && engine.advance(1, &mut clock).await? > 0 {
        engine.settle(&mut clock).await?;
    }
    let (warmed, steps_before) = (clock.updates, clock.steps);
    let started = Instant::now();
    while started.elapsed() < budget && engine.advance(u32::MAX, &mut clock).await? > 0 {}
    engine.settle(&mut clock).await?;
    let updates = clock.updates - warmed;
    let steps_after = clock.steps;
    let seconds = started.elapsed().as_secs_f64();
    let steps_per_s = (steps_after - steps_before) / seconds;
    let mut stages = Vec::new();
    if let Some(engine) = engine.on_device() {
        for name in engine.stage_names() {
            let seconds = time_stage(engine, name, budget / 20).await.map_err(|e| e.to_string())?;
            stages.push((name, 1000.0 * seconds));
        }
    }
    Ok(Measured {
        updates_per_s: f64::from(updates) / seconds,
        steps_per_s,
        gflops: steps_per_s * flops_of_step(plan) / 1e9,
        stages,
    })
}

/// Seconds of a stage run once: the time of several in a row, less that of waiting for the device alone.
async fn time_stage(engine: &mut GpuEngine, name: &'static str, budget: Duration) -> Result<f64, GpuError> {
    let update = engine.update_count();
    engine.read("ring", 0, 1).await?;
    let idle = Instant::now();
    engine.read("ring", 0, 1).await?;
    let idle = idle.elapsed().as_secs_f64();
    let started = Instant::now();
    let mut runs = 0;
    while runs == 0 || (runs < 16 && started.elapsed() < budget) {
        engine.run_stage(name, update)?;
        runs += 1;
    }
    engine.read("ring", 0, 1).await?;
    Ok((started.elapsed().as_secs_f64() - idle).max(0.0) / f64::from(runs))
}

/// One thread's share.
struct ThreadShare {
    lanes: usize,
    updates: u32,
    seconds: f64,
    steps: f64,
    /// Seconds by stage.
    stages: Vec<(&'static str, f64)>,
}

fn time_share(
    plan: &Arc<Plan>,
    ids: &[LaneId],
    bases: Option<&Bases>,
    warm_up: u32,
    budget: Duration,
    barrier: &Barrier,
) -> Result<ThreadShare, String> {
    let engine = Engine::cpu(plan, ids, bases);
    // Every thread comes to the barrier, also one whose engine could not be made.
    let mut engine = match engine {
        Ok(engine) => engine,
        Err(e) => {
            barrier.wait();
            return Err(e);
        }
    };
    let mut clock = Stopwatch::new(true);
    while clock.updates < warm_up && clock.begun.elapsed() <= budget {
        if pollster::block_on(engine.advance(1, &mut clock))? == 0 {
            break;
        }
    }
    barrier.wait();
    let (warmed, steps_before) = (clock.updates, clock.steps);
    clock.stages.clear();
    let started = Instant::now();
    clock.last = started;
    while clock.updates == warmed || started.elapsed() < budget {
        if pollster::block_on(engine.advance(1, &mut clock))? == 0 {
            break;
        }
    }
    Ok(ThreadShare {
        lanes: ids.len(),
        updates: clock.updates - warmed,
        seconds: started.elapsed().as_secs_f64(),
        steps: clock.steps - steps_before,
        stages: clock.stages,
    })
}

/// Counts what an engine does and how long its stages take.
struct Stopwatch {
    begun: Instant,
    updates: u32,
    /// Steps of all samples so far.
    steps: f64,
    times_stages: bool,
    /// Seconds by stage.
    stages: Vec<(&'static str, f64)>,
    last: Instant,
}

impl Stopwatch {
    fn new(times_stages: bool) -> Self {
        let begun = Instant::now();
        Self { begun, updates: 0, steps: 0.0, times_stages, stages: Vec::new(), last: begun }
    }
}

impl Host for Stopwatch {
    fn now(&self) -> f64 {
        1000.0 * self.begun.elapsed().as_secs_f64()
    }

    fn rows(&mut self, _lanes: &[LaneId], _update: u32, rows: &[f32]) {
        self.updates += 1;
        self.steps = rows.chunks_exact(ROW).map(|row| f64::from(row[Column::NumTokens as usize])).sum();
    }

    fn stage_is_over(&mut self, stage: &'static str) {
        let now = Instant::now();
        let took = (now - self.last).as_secs_f64();
        self.last = now;
        match self.stages.iter_mut().find(|(name, _)| *name == stage) {
            Some((_, sum)) => *sum += took,
            None => self.stages.push((stage, took)),
        }
    }

    fn times_stages(&self) -> bool {
        self.times_stages
    }
}

fn summarise(plan: &Plan, parts: &[ThreadShare], lanes: usize) -> Measured {
    let lane_updates: f64 = parts.iter().map(|p| p.lanes as f64 * f64::from(p.updates) / p.seconds).sum();
    let mut stages: Vec<(&'static str, f64)> = Vec::new();
    for part in parts {
        for (name, seconds) in &part.stages {
            let ms = 1000.0 * seconds / f64::from(part.updates);
            match stages.iter_mut().find(|(n, _)| n == name) {
                Some((_, sum)) => *sum += ms,
                None => stages.push((name, ms)),
            }
        }
    }
    let steps_per_s = parts.iter().map(|p| p.steps / p.seconds).sum();
    Measured {
        updates_per_s: lane_updates / lanes as f64,
        steps_per_s,
        gflops: steps_per_s * flops_of_step(plan) / 1e9,
        stages,
    }
}

/// Floating-point operations for one step of a sample in one update: 2 a weight forwards, 4 a weight backwards, for the
/// rollout, every replay and every pass back. Look-ups (embeddings, tables) and attention are not counted.
fn flops_of_step(plan: &Plan) -> f64 {
    let Ok(policy) = plan.policy.build(&plan.policy_params, &plan.interface) else { return 0.0 };
    let products =
        policy.tensors().iter().filter(|t| t.rows > 1 && !t.name.ends_with("embedding") && t.name != "logits");
    let weights: usize = products
        .map(|t| if t.name == "hidden.0.weight" { plan.interface.active * t.cols } else { t.rows * t.cols })
        .sum();
    let settings = &plan.arms[0].settings;
    let passes = f64::from(settings.num_iterations);
    let replays = if settings.num_minibatches > 1 { passes } else { passes - 1.0 };
    2.0 * weights as f64 * (1.0 + replays + 2.0 * passes)
}

//! Timing an engine at work.

use crate::train::cores;
use goodhart_core::cpu::{CpuEngine, LaneId, lanes_of};
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

/// Times the CPU engine with the lanes split over all cores; gives its name, and what was measured or why nothing was.
pub fn on_cpu(
    plan: &Arc<Plan>,
    lanes: usize,
    base: Option<&[f32]>,
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
        time_part(plan, &own, base, warm_up, budget, &barrier)
    };
    let parts: Result<Vec<Part>, String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        let broken = || Err("the CPU engine stopped by a fault of its own".to_string());
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| broken())).collect()
    });
    (name, parts.map(|parts| summarise(plan, &parts, lanes)))
}

/// One thread's share.
struct Part {
    lanes: usize,
    updates: u32,
    seconds: f64,
    steps: f64,
    /// Seconds by stage.
    stages: Vec<(&'static str, f64)>,
}

fn time_part(
    plan: &Arc<Plan>,
    ids: &[LaneId],
    base: Option<&[f32]>,
    warm_up: u32,
    budget: Duration,
    barrier: &Barrier,
) -> Result<Part, String> {
    let engine = CpuEngine::new(Arc::clone(plan), ids, base);
    // Every thread comes to the barrier, also one whose engine could not be made.
    let mut engine = match engine {
        Ok(engine) => engine,
        Err(e) => {
            barrier.wait();
            return Err(e);
        }
    };
    let begun = Instant::now();
    let mut steps_before = 0.0;
    for _ in 0..warm_up {
        steps_before = steps_taken(engine.update());
        if begun.elapsed() > budget {
            break;
        }
    }
    barrier.wait();
    let mut part = Part { lanes: ids.len(), updates: 0, seconds: 0.0, steps: 0.0, stages: Vec::new() };
    let started = Instant::now();
    let mut last = started;
    let mut steps_after = steps_before;
    while part.updates == 0 || started.elapsed() < budget {
        let stages = &mut part.stages;
        let rows = engine.update_observed(&mut |stage| {
            let now = Instant::now();
            let took = (now - last).as_secs_f64();
            last = now;
            match stages.iter_mut().find(|(name, _)| *name == stage) {
                Some((_, sum)) => *sum += took,
                None => stages.push((stage, took)),
            }
        });
        steps_after = steps_taken(rows);
        part.updates += 1;
    }
    part.seconds = started.elapsed().as_secs_f64();
    part.steps = steps_after - steps_before;
    Ok(part)
}

fn steps_taken(rows: &[f32]) -> f64 {
    rows.chunks_exact(ROW).map(|row| f64::from(row[Column::NumTokens as usize])).sum()
}

fn summarise(plan: &Plan, parts: &[Part], lanes: usize) -> Measured {
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
    let Ok(policy) = (plan.policy.build)(&plan.policy_params, &plan.interface) else { return 0.0 };
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

//! The GPU engine from a terminal: all lanes at once, updates submitted ahead of the rows that are read.

use crate::interrupt;
use crate::reward_models::Models;
use goodhart_core::engine::cpu::{LaneId, lanes_of};
use goodhart_core::engine::gpu::{GpuContext, GpuEngine, GpuError, request_device};
use goodhart_core::metrics::Curves;
use goodhart_core::metrics::columns::ROW;
use goodhart_core::plan::Plan;
use indicatif::ProgressBar;
use std::sync::Arc;

/// Updates in one submit: enough to hide its cost, few enough for the progress bar to move.
pub const SUBMIT: u32 = 4;

/// The fastest adapter, opened.
pub fn open() -> Result<GpuContext, String> {
    pollster::block_on(request_device()).map_err(|e| e.to_string())
}

/// The adapter in words.
pub fn name(context: &GpuContext) -> String {
    let adapter = context.adapter();
    format!("GPU engine, {}{}", adapter.name, if adapter.software { " (software)" } else { "" })
}

/// Trains every lane of a plan to its end.
pub fn train(
    context: &GpuContext,
    plan: &Arc<Plan>,
    base: Option<&[f32]>,
    models: &Models,
    bar: &ProgressBar,
) -> Result<Curves, String> {
    pollster::block_on(train_all(context, plan, base, models, bar))
}

async fn train_all(
    context: &GpuContext,
    plan: &Arc<Plan>,
    base: Option<&[f32]>,
    models: &Models,
    bar: &ProgressBar,
) -> Result<Curves, String> {
    let said = |e: GpuError| e.to_string();
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let lanes = lanes_of(plan, &seeds);
    bar.set_length(lanes.len() as u64 * u64::from(plan.run.updates));
    let mut curves = Curves::new(plan.arms.len(), seeds.len());
    let mut engine = GpuEngine::new(context, Arc::clone(plan), &lanes, base).await.map_err(said)?;
    for lane in &lanes {
        if let Some(trained) = models.of(plan, lane.seed, base, bar)? {
            engine.set_reward_models(*lane, &trained.weights).map_err(said)?;
        }
    }
    loop {
        while !interrupt::asked() && engine.can_submit() && engine.submit(SUBMIT).map_err(said)? > 0 {}
        let Some(rows) = engine.next_rows().await.map_err(said)? else { return Ok(curves) };
        put(&mut curves, &lanes, rows.first_update, &rows.values);
        bar.inc(u64::from(rows.updates) * lanes.len() as u64);
        if engine.in_flight() == 0 {
            for (lane, job) in engine.reward_model_jobs().await.map_err(said)? {
                engine.set_reward_models(lane, &models.again(&job)?).map_err(said)?;
            }
        }
    }
}

/// Rows [update][lane][ROW] into their places.
fn put(curves: &mut Curves, lanes: &[LaneId], first_update: u32, values: &[f32]) {
    for (i, row) in values.chunks_exact(ROW).enumerate() {
        let lane = lanes[i % lanes.len()];
        curves.put(lane.arm, lane.seed, first_update as usize + i / lanes.len(), row);
    }
}

//! The GPU engine from a terminal: all lanes at once, updates submitted ahead of the rows that are read.

use goodhart_core::cpu::{LaneId, lanes_of};
use goodhart_core::gpu::{GpuContext, GpuEngine, request_device};
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
    bar: &ProgressBar,
) -> Result<Curves, String> {
    pollster::block_on(train_all(context, plan, base, bar)).map_err(|e| e.to_string())
}

async fn train_all(
    context: &GpuContext,
    plan: &Arc<Plan>,
    base: Option<&[f32]>,
    bar: &ProgressBar,
) -> Result<Curves, goodhart_core::gpu::GpuError> {
    let seeds: Vec<u32> = (0..plan.run.seeds).collect();
    let lanes = lanes_of(plan, &seeds);
    bar.set_length(lanes.len() as u64 * u64::from(plan.run.updates));
    let mut curves = Curves::new(plan.arms.len(), seeds.len());
    let mut engine = GpuEngine::new(context, Arc::clone(plan), &lanes, base).await?;
    loop {
        while engine.can_submit() && engine.submit(SUBMIT)? > 0 {}
        let Some(rows) = engine.next_rows().await? else { return Ok(curves) };
        put(&mut curves, &lanes, rows.first_update, &rows.values);
        bar.inc(u64::from(rows.updates) * lanes.len() as u64);
    }
}

/// Rows [update][lane][ROW] into their places.
fn put(curves: &mut Curves, lanes: &[LaneId], first_update: u32, values: &[f32]) {
    for (i, row) in values.chunks_exact(ROW).enumerate() {
        let lane = lanes[i % lanes.len()];
        curves.put(lane.arm, lane.seed, first_update as usize + i / lanes.len(), row);
    }
}

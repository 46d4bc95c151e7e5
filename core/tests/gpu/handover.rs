//! Runs that go from one engine to the other: what a checkpoint holds is the same on both, and every update that starts
//! from the same checkpoint ends alike.

use crate::device::context;
use crate::experiments::{plan_of, rows_of};
use crate::runs::same_rows;
use goodhart_core::engine::gpu::GpuEngine;
use goodhart_core::engine::{CpuEngine, lanes_of};
use goodhart_core::protocol::{Checkpoint, LaneState};

/// Trains on the CPU engine; before each update the WebGPU engine takes over its checkpoint and does the same update.
/// Metric rows agree as in `runs`; weights that move, and what is kept of past samples, within 1e-3.
pub async fn follows(text: &str, updates: u32) {
    let Some(context) = context().await else { return };
    let plan = plan_of(text);
    let ids = lanes_of(&plan, &[0, 1]);
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    let mut gpu = GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    for update in 0..updates {
        gpu.restore(&cpu.checkpoint()).unwrap();
        let want = cpu.update().to_vec();
        let got = rows_of(&mut gpu, update + 1).await;
        println!("update {update}");
        for (g, w) in gpu.checkpoint().await.unwrap().lanes.iter().zip(cpu.checkpoint().lanes) {
            same_state(g, &w);
        }
        same_rows(&got, &want);
    }
}

fn same_state(got: &LaneState, want: &LaneState) {
    assert_eq!(got.weights.len(), want.weights.len());
    for (g, w) in got.weights.iter().zip(&want.weights) {
        assert!((g - w).abs() < 1e-3, "weights {:?} against {:?}", got.weights, want.weights);
    }
    assert_eq!(got.buffer.len(), want.buffer.len());
    for (i, (g, w)) in got.buffer.iter().zip(&want.buffer).enumerate() {
        // Whole numbers are smaller than the bits of any number that is rounded.
        let (a, b) = (f32::from_bits(*g), f32::from_bits(*w));
        let rounded = (*g).max(*w) >= f32::MIN_POSITIVE.to_bits() && (a - b).abs() <= 1e-3 * b.abs().max(1.0);
        assert!(g == w || rounded, "word {i} of a buffer: {a} ({g}) against {b} ({w})");
    }
}

/// Stops a run on WebGPU, takes it through the CPU engine, and goes on with it on WebGPU to the bits of the run that was
/// not stopped; gives the checkpoint. None where there is no device.
pub async fn goes_on(text: &str) -> Option<Checkpoint> {
    let context = context().await?;
    let plan = plan_of(text);
    let ids = lanes_of(&plan, &[0, 1]);
    let new = async || GpuEngine::new(&context, plan.clone(), &ids, None).await.unwrap();
    let end = plan.run.updates;
    let mut through = new().await;
    rows_of(&mut through, end / 2).await;
    let saved = through.checkpoint().await.unwrap();
    let want = rows_of(&mut through, end).await;
    let mut cpu = CpuEngine::new(plan.clone(), &ids, None).unwrap();
    cpu.restore(&saved).unwrap();
    let handed = cpu.checkpoint();
    assert_eq!(handed, saved);
    let mut resumed = new().await;
    // What it did before must not count.
    rows_of(&mut resumed, end - 1).await;
    resumed.restore(&handed).unwrap();
    let got = rows_of(&mut resumed, end).await;
    assert_eq!(got.len(), want.len());
    for (i, (g, w)) in got.iter().zip(&want).enumerate() {
        assert!(g.to_bits() == w.to_bits() || (g.is_nan() && w.is_nan()), "number {i}: {g} against {w}");
    }
    // The CPU engine goes on with it too.
    let next = cpu.update();
    same_rows(next, &want[..next.len()]);
    Some(saved)
}

//! The order of the stages in an update, and the size of each one's grid.

use super::device::GpuError;
use super::network::{Layout, Network};
use super::pipelines::Kernel;
use super::shape::Shape;
use super::sources::Source;

/// When in an update a stage runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Once, on the fresh batch.
    Sample,
    /// Once, if any arm looks at the reference policy.
    Reference,
    /// Once after the reference.
    Judge,
    /// Before and behind the gradients of the slow loop, where it is due.
    OuterHalf,
    OuterStep,
    /// Once before the optimiser steps and once behind them, where past samples stand in.
    Refill,
    Restore,
    /// In an update's first optimiser step, whose policy is still the one that sampled.
    First,
    /// In every other optimiser step.
    Again,
    /// In every optimiser step, and in every pass of the slow loop.
    Backward,
    /// In every optimiser step.
    Learn,
    /// Once at the end.
    Measure,
}

/// A compiled stage and where it stands.
pub(super) struct Stage {
    pub(super) kernel: Kernel,
    pub(super) phase: Phase,
    pub(super) grid: [u32; 3],
}

/// The grid of a stage, in workgroups; see the headers of the shaders.
pub(super) fn grid(source: &Source, shape: &Shape, layout: &Layout) -> [u32; 3] {
    let up = |n: usize, by: usize| n.div_ceil(by).max(1) as u32;
    let lanes = shape.lanes as u32;
    let (samples, rows) = (shape.samples(), shape.rows());
    let table = layout.network == Network::Table;
    if source.name == "backward_sum" {
        return [up(shape.params, 64), lanes, 1];
    }
    if let Network::Transformer { context, .. } = layout.network {
        let blocks = up(samples * context, 4);
        match source.name {
            "rollout" | "forward" | "reference" => return [up(samples, 4), lanes, 1],
            "backward_head" | "backward_feed" | "backward_heads" | "backward_queries" => return [blocks, lanes, 1],
            "backward_attention" => return [samples as u32, lanes, 1],
            "backward_weights" => return [layout.tiles_of(source.job), lanes, layout.splits as u32],
            "backward_embed" => return [(shape.actions + context + 1) as u32, lanes, 1],
            _ => {}
        }
    }
    match source.name {
        "rollout" if table => [up(samples, 64), lanes, 1],
        "rollout" => [up(samples, 4), lanes, 1],
        "forward" | "reference" if table => [up(rows, 64), lanes, 1],
        "forward" | "reference" => [(samples * shape.steps.div_ceil(4)) as u32, lanes, 1],
        "backward_table" => [up(rows, 64), lanes, 1],
        "backward_mlp" => [up(rows, 4), lanes, 1],
        "backward_dense" => [layout.tiles.len() as u32, lanes, layout.splits as u32],
        "backward_bag" => {
            let features = layout.bags.iter().map(|b| b[3]).max().unwrap_or(1);
            [features, lanes, layout.bags.len() as u32]
        }
        "infer" => [shape.groups as u32, lanes, 1],
        "explore" | "refill_exchange" | "refill_keep" => [samples as u32, lanes, 1],
        "appraise" | "score" | "combine" | "remember" | "outer_half" => [up(samples, 64), lanes, 1],
        // One workgroup a lane: advantage, outer_step, refill_draw, loss, optimize, measure, calibrate.
        _ => [lanes, 1, 1],
    }
}

/// Refuses a grid that is larger than WebGPU dispatches.
///
/// Errors: more workgroups along one axis than the device allows.
pub(super) fn check_grid(name: &str, grid: [u32; 3], limit: u32) -> Result<(), GpuError> {
    match grid.iter().max() {
        Some(most) if *most > limit => Err(GpuError::TooLarge {
            what: format!("workgroups of stage {name}"),
            needs: u64::from(*most),
            limit: u64::from(limit),
        }),
        _ => Ok(()),
    }
}

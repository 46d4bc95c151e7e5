//! Every stage of the WebGPU engine: one row says when it runs, which policies and settings have it, how large its grid is,
//! what its text is made of, and where its twin on the CPU stands.

use super::network::{Layout, Network};
use super::pieces::Piece::{self, *};
use super::sizes::Sizes;
use crate::engine::gpu::device::GpuError;

/// When in an update a stage runs; `run/submit.rs` brings them into the order of `engine::update`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
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
    Select,
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

/// The policies that have a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Any,
    Table,
    Mlp,
    Transformer,
    /// Table or MLP.
    Features,
}

impl Of {
    fn has(self, network: &Network) -> bool {
        match self {
            Self::Any => true,
            Self::Table => *network == Network::Table,
            Self::Mlp => matches!(network, Network::Mlp { .. }),
            Self::Transformer => matches!(network, Network::Transformer { .. }),
            Self::Features => !matches!(network, Network::Transformer { .. }),
        }
    }
}

/// What a run must have for a stage to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// An exploration memory.
    Exploration,
    /// Learned reward models.
    RewardModels,
    /// An arm whose slow loop moves weights.
    SlowLoop,
    /// An arm that keeps past samples.
    PastSamples,
    /// Groups too large for one workgroup to compare in passing.
    LargeGroups,
    /// Weight gradients whose rows are split.
    Splits,
}

/// Workgroups along the axes x and z; along y are the lanes, but where a workgroup has a whole lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grid {
    /// One workgroup a lane.
    Lane,
    Group,
    Sample,
    /// One workgroup for so many samples, rows (steps of samples), blocks of rows of one step, or rows of the transformer's
    /// context.
    Samples(usize),
    Rows(usize),
    StepsOfSample(usize),
    ContextRows(usize),
    Parameters(usize),
    /// A tile of weight gradients, of all layers or of the stage's job; z are the splits.
    Tiles,
    TilesOfJob,
    /// A feature; z are the looked-up tensors.
    Feature,
    /// A token of the vocabulary, a place in the context, or the value's bias.
    Embedding,
}

/// How often a stage stands in an update's order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    Once,
    /// With its neighbours that repeat too, for every layer from the last to the first; its job is this behind the layer's.
    Layers(u32),
}

/// Buffers that stand in for the ones that a text names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aliases {
    None,
    /// (name in the text, buffer).
    Of(&'static [(&'static str, &'static str)]),
    /// With one split, a weight gradient is written at once.
    PartialsAreGrads,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct StageRow {
    pub name: &'static str,
    pub when: When,
    pub of: Of,
    pub needs: Needs,
    pub grid: Grid,
    pub repeats: Repeats,
    pub aliases: Aliases,
    /// What stands before its own text.
    pub pieces: &'static [Piece],
    /// Its own file in `shaders/`, and its text.
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the table holds it against the folder"))]
    pub file: &'static str,
    pub text: &'static str,
    /// The file of `core/src/engine/cpu` that does the same; "" where the CPU's stage of the pass does it in one.
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the table holds it against the folder"))]
    pub twin: &'static str,
}

macro_rules! shader {
    ($path:expr) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shaders/", $path))
    };
}

pub(super) use shader;

macro_rules! stages {
    ($($name:literal in $file:literal: $when:ident, $of:ident, $needs:ident, $grid:expr, [$($piece:expr),*], twin $twin:literal
        $(, repeats $repeats:expr)? $(, aliases $aliases:expr)?;)+) => {
        &[$(StageRow {
            name: $name,
            when: When::$when,
            of: Of::$of,
            needs: Needs::$needs,
            grid: $grid,
            pieces: &[$($piece),*],
            file: $file,
            text: shader!($file),
            twin: $twin,
            repeats: stages!(@or Repeats::Once $(, $repeats)?),
            aliases: stages!(@or Aliases::None $(, $aliases)?),
        }),+]
    };
    (@or $usual:expr) => { $usual };
    (@or $usual:expr, $own:expr) => { $own };
}

/// The policy that a row's pass asks is the reference's; its values and keys go where nothing is kept.
const REFERENCE: Aliases =
    Aliases::Of(&[("params", "base_params"), ("policy_new", "policy_old"), ("acts_qkv", "scratch")]);
/// In the first step the policy is still the one that sampled.
const AS_SAMPLED: Aliases = Aliases::Of(&[("policy_new", "policy_old")]);

/// All stages, those of one moment in their order.
pub const STAGES: &[StageRow] = stages! {
    "rollout" in "rollout_table.wgsl": Sample, Table, Nothing, Grid::Samples(64), [Net, Rng, Slots, Task, Note, Policy], twin "rollout.rs";
    "rollout" in "rollout_mlp.wgsl": Sample, Mlp, Nothing, Grid::Samples(4), [Net, Rng, Slots, Task, Note, Policy], twin "rollout.rs";
    "rollout" in "rollout_transformer.wgsl": Sample, Transformer, Nothing, Grid::Samples(4), [Net, Rng, Slots, Task, Policy, Layers], twin "rollout.rs";
    "explore" in "explore.wgsl": Sample, Any, Exploration, Grid::Sample, [Memory], twin "explore.rs";
    "remember" in "remember.wgsl": Sample, Any, Exploration, Grid::Samples(64), [Memory], twin "remember.rs";
    "appraise" in "appraise.wgsl": Sample, Any, RewardModels, Grid::Samples(64), [Models], twin "appraise.rs";

    "reference" in "forward_table.wgsl": Reference, Table, Nothing, Grid::Rows(64), [Net, Policy], twin "forward.rs", aliases REFERENCE;
    "reference" in "forward_mlp.wgsl": Reference, Mlp, Nothing, Grid::StepsOfSample(4), [Net, Policy], twin "forward.rs", aliases REFERENCE;
    "reference" in "forward_transformer.wgsl": Reference, Transformer, Nothing, Grid::Samples(4), [Net, Policy, Layers], twin "forward.rs", aliases REFERENCE;

    "score" in "score.wgsl": Judge, Any, Nothing, Grid::Samples(64), [Programs], twin "score.rs";
    "combine" in "combine.wgsl": Judge, Any, Nothing, Grid::Samples(64), [Programs, Statistics], twin "combine.rs";
    "advantage" in "advantage.wgsl": Judge, Any, Nothing, Grid::Lane, [Rng, Algorithm], twin "advantage.rs";

    "outer_half" in "outer_half.wgsl": OuterHalf, Any, SlowLoop, Grid::Samples(64), [Rng, Algorithm], twin "outer.rs";
    "outer_step" in "outer_step.wgsl": OuterStep, Any, SlowLoop, Grid::Lane, [Rng, Algorithm], twin "outer.rs";

    "refill_draw" in "refill_draw.wgsl": Select, Any, PastSamples, Grid::Lane, [Rng, Past, Algorithm], twin "refill.rs";
    "refill_exchange" in "refill_exchange.wgsl": Select, Any, PastSamples, Grid::Sample, [Net, Past, PastInputs], twin "refill.rs";
    "refill_keep" in "refill_keep.wgsl": Restore, Any, PastSamples, Grid::Sample, [Net, Past, PastInputs], twin "refill.rs";

    "loss" in "loss.wgsl": First, Any, Nothing, Grid::Lane, [Rng, Algorithm], twin "loss.rs", aliases AS_SAMPLED;
    "forward" in "forward_table.wgsl": Again, Table, Nothing, Grid::Rows(64), [Net, Policy], twin "forward.rs";
    "forward" in "forward_mlp.wgsl": Again, Mlp, Nothing, Grid::StepsOfSample(4), [Net, Policy], twin "forward.rs";
    "forward" in "forward_transformer.wgsl": Again, Transformer, Nothing, Grid::Samples(4), [Net, Policy, Layers], twin "forward.rs";
    "loss" in "loss.wgsl": Again, Any, Nothing, Grid::Lane, [Rng, Algorithm], twin "loss.rs";

    "backward_table" in "backward_table.wgsl": Backward, Table, Nothing, Grid::Rows(64), [Net, Dlogit, Policy], twin "backward.rs";
    "backward_mlp" in "backward_mlp.wgsl": Backward, Mlp, Nothing, Grid::Rows(4), [Net, Dlogit, Policy], twin "backward.rs";
    "backward_dense" in "backward_dense.wgsl": Backward, Mlp, Nothing, Grid::Tiles, [Net], twin "", aliases Aliases::PartialsAreGrads;
    "backward_head" in "backward_head.wgsl": Backward, Transformer, Nothing, Grid::ContextRows(4), [Net, Policy, NormBackward, Dlogit], twin "backward.rs";
    "backward_weights" in "backward_weights.wgsl": Backward, Transformer, Nothing, Grid::TilesOfJob, [Net], twin "", aliases Aliases::PartialsAreGrads;
    "backward_feed" in "backward_feed.wgsl": Backward, Transformer, Nothing, Grid::ContextRows(4), [Net, Policy, NormBackward, LayerBlock], twin "", repeats Repeats::Layers(0);
    "backward_weights" in "backward_weights.wgsl": Backward, Transformer, Nothing, Grid::TilesOfJob, [Net], twin "", repeats Repeats::Layers(1), aliases Aliases::PartialsAreGrads;
    "backward_heads" in "backward_heads.wgsl": Backward, Transformer, Nothing, Grid::ContextRows(4), [Net, Policy, NormBackward, LayerBlock], twin "", repeats Repeats::Layers(0);
    "backward_attention" in "backward_attention.wgsl": Backward, Transformer, Nothing, Grid::Sample, [Net], twin "", repeats Repeats::Layers(0);
    "backward_queries" in "backward_queries.wgsl": Backward, Transformer, Nothing, Grid::ContextRows(4), [Net, Policy, NormBackward, LayerBlock], twin "", repeats Repeats::Layers(0);
    "backward_weights" in "backward_weights.wgsl": Backward, Transformer, Nothing, Grid::TilesOfJob, [Net], twin "", repeats Repeats::Layers(2), aliases Aliases::PartialsAreGrads;
    "backward_sum" in "backward_sum.wgsl": Backward, Any, Splits, Grid::Parameters(64), [Net], twin "";
    "backward_bag" in "backward_bag.wgsl": Backward, Features, Nothing, Grid::Feature, [Net], twin "";
    "backward_embed" in "backward_embed.wgsl": Backward, Transformer, Nothing, Grid::Embedding, [Net], twin "";

    "optimize" in "optimize.wgsl": Learn, Any, Nothing, Grid::Lane, [Rng, Algorithm], twin "optimize.rs";

    "infer" in "infer.wgsl": Measure, Any, LargeGroups, Grid::Group, [Settings, Reduce, Inference], twin "measure.rs";
    "measure" in "measure.wgsl": Measure, Any, Nothing, Grid::Lane, [Columns, Settings, Reduce, InferenceOfMeasure], twin "measure.rs";
    "calibrate" in "calibrate.wgsl": Measure, Any, RewardModels, Grid::Lane, [Columns, Settings, Models, Reduce], twin "calibrate.rs";
};

/// The rows of a policy that need one of these, with the job that each works on, in their order.
pub fn rows_of(network: &Network, has: impl Fn(Needs) -> bool) -> Vec<(&'static StageRow, u32)> {
    let own: Vec<&StageRow> = STAGES.iter().filter(|row| row.of.has(network) && has(row.needs)).collect();
    let layers = match network {
        Network::Transformer { layers, .. } => *layers as u32,
        _ => 0,
    };
    let mut list = Vec::with_capacity(own.len());
    for run in own.chunk_by(|a, b| (a.repeats == Repeats::Once) == (b.repeats == Repeats::Once)) {
        if run[0].repeats == Repeats::Once {
            list.extend(run.iter().map(|row| (*row, 0)));
            continue;
        }
        // Entry 0 of `jobs` is the heads'; layer l has entries 1 + 3 l (its number), 2 + 3 l and 3 + 3 l (its tiles).
        for layer in (0..layers).rev() {
            list.extend(run.iter().map(|row| match row.repeats {
                Repeats::Layers(behind) => (*row, 1 + 3 * layer + behind),
                Repeats::Once => (*row, 0),
            }));
        }
    }
    list
}

impl StageRow {
    /// The grid of this stage, in workgroups.
    pub fn grid(&self, job: u32, sizes: &Sizes, layout: &Layout) -> [u32; 3] {
        let up = |n: usize, by: usize| n.div_ceil(by).max(1) as u32;
        let (samples, rows) = (sizes.samples(), sizes.rows());
        let context = match layout.network {
            Network::Transformer { context, .. } => context,
            _ => 0,
        };
        let lanes = sizes.lanes as u32;
        match self.grid {
            Grid::Lane => [lanes, 1, 1],
            Grid::Group => [sizes.groups as u32, lanes, 1],
            Grid::Sample => [samples as u32, lanes, 1],
            Grid::Samples(by) => [up(samples, by), lanes, 1],
            Grid::Rows(by) => [up(rows, by), lanes, 1],
            Grid::StepsOfSample(by) => [(samples * sizes.steps.div_ceil(by)) as u32, lanes, 1],
            Grid::ContextRows(by) => [up(samples * context, by), lanes, 1],
            Grid::Parameters(by) => [up(sizes.params, by), lanes, 1],
            Grid::Tiles => [layout.tiles.len() as u32, lanes, layout.splits as u32],
            Grid::TilesOfJob => [layout.tiles_of(job), lanes, layout.splits as u32],
            Grid::Feature => {
                let features = layout.bags.iter().map(|bag| bag[3]).max().unwrap_or(1);
                [features, lanes, layout.bags.len() as u32]
            }
            Grid::Embedding => [(sizes.actions + context + 1) as u32, lanes, 1],
        }
    }
}

/// Refuses a grid that is larger than WebGPU dispatches.
///
/// Errors: more workgroups along one axis than the device allows.
pub fn check_grid(name: &str, grid: [u32; 3], limit: u32) -> Result<(), GpuError> {
    match grid.iter().max() {
        Some(most) if *most > limit => Err(GpuError::TooLarge {
            what: format!("workgroups of stage {name}"),
            needs: u64::from(*most),
            limit: u64::from(limit),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_shader_is_a_stage_and_every_twin_a_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(root.join("../shaders")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".wgsl") {
                assert!(STAGES.iter().any(|row| row.file == name), "no stage has {name}");
            }
        }
        for row in STAGES {
            assert!(row.file.starts_with(row.name) || row.name == "reference", "{} in {}", row.name, row.file);
            assert!(root.join("src/engine/cpu").join(row.twin).exists(), "{}: there is no {}", row.name, row.twin);
        }
    }

    #[test]
    fn what_repeats_goes_from_the_last_layer_to_the_first() {
        let network = Network::Transformer { d: 16, layers: 2, heads: 2, context: 8 };
        let rows = rows_of(&network, |needs| needs == Needs::Nothing);
        let backward: Vec<(&str, u32)> =
            rows.iter().filter(|(row, _)| row.when == When::Backward).map(|(row, job)| (row.name, *job)).collect();
        let layer = |job: u32| {
            [("feed", 0), ("weights", 1), ("heads", 0), ("attention", 0), ("queries", 0), ("weights", 2)]
                .map(|(name, behind)| (format!("backward_{name}"), job + behind))
        };
        let mut wanted = vec![("backward_head".to_string(), 0), ("backward_weights".into(), 0)];
        wanted.extend(layer(4));
        wanted.extend(layer(1));
        wanted.push(("backward_embed".into(), 0));
        assert_eq!(backward, wanted.iter().map(|(name, job)| (name.as_str(), *job)).collect::<Vec<_>>());
    }
}

//! Which buffers an engine has, and how large they are; what they hold is said in `shaders/README.md`.

mod buffers;
mod readback;

pub use buffers::Buffers;
pub use readback::{IN_FLIGHT, Readback, Rows, floats, or_nan, read_buffers};

use super::device::{GpuContext, GpuError};
use super::text::{AT_STRIDE, BAG_ENTRIES, Layout, MAX_PASSES, MAX_UPDATES, NET_ENTRIES, Network, RUN_WORDS, Sizes};
use crate::algorithm::shader::{ArmSettings, LaneStats, MAX_COMPONENTS};

/// Makes all buffers, zeroed; `words` is the size of the task's tables, `models` that of the reward models, `counters` that
/// of the exploration memory.
///
/// Errors: a buffer larger than the device binds.
pub fn make_buffers(
    context: &GpuContext,
    sizes: &Sizes,
    layout: &Layout,
    words: usize,
    models: usize,
    counters: usize,
) -> Result<Buffers, GpuError> {
    let mut buffers = Buffers::new();
    let lanes = sizes.lanes;
    let (samples, rows) = (lanes * sizes.samples(), lanes * sizes.rows());
    let at_bytes = AT_STRIDE * (MAX_UPDATES * 8).max(2 + MAX_PASSES + 2 * MAX_COMPONENTS) as u64;
    buffers.uniform(context, "at", at_bytes, AT_STRIDE)?;
    for (name, entries) in [("lanes", lanes), ("net", NET_ENTRIES), ("bags", BAG_ENTRIES)] {
        buffers.uniform(context, name, entries as u64 * 16, entries as u64 * 16)?;
    }
    let jobs = layout.jobs().len() as u64 * AT_STRIDE;
    buffers.uniform(context, "job", jobs, AT_STRIDE)?;
    let trows = match layout.network {
        Network::Transformer { context, .. } => lanes * sizes.samples() * context,
        _ => 0,
    };
    if let Network::Transformer { d, layers, .. } = layout.network {
        for (name, words) in [
            ("tokens", trows),
            ("taking", trows),
            ("acts_x", (3 * layers + 1) * trows * d),
            ("acts_qkv", layers * trows * 3 * d),
            ("dx", 2 * trows * d),
            ("dlogits", trows * layout.delta),
            ("scratch", trows * layout.scratch()),
        ] {
            buffers.storage(context, name, words)?;
        }
    } else {
        for (name, words) in [
            ("inputs", rows * sizes.active),
            ("actions", rows),
            ("acts", rows * layout.hidden),
            ("deltas", rows * layout.delta),
        ] {
            buffers.storage(context, name, words)?;
        }
    }
    for (name, words) in [
        ("params", lanes * sizes.params),
        ("base_params", lanes * sizes.params),
        ("opt_m", lanes * sizes.params),
        ("opt_v", lanes * sizes.params),
        ("grads", lanes * sizes.params),
        ("partials", if layout.splits > 1 { layout.splits * lanes * sizes.params } else { 0 }),
        ("opt_state", lanes * 4),
        ("task_words", words),
        ("reward_models", models),
        ("records", samples * sizes.record),
        ("samples", samples * 4),
        ("policy_old", (rows + if sizes.bootstraps { samples } else { 0 }) * 4),
        ("policy_new", rows * 4),
        ("components", samples * sizes.components),
        ("step_components", rows * sizes.step_components),
        ("rewards", samples * 4),
        ("step_rewards", rows),
        ("advantages", rows * 2),
        ("coefs", rows * 4),
        ("loss_sums", lanes * LaneStats::WORDS),
        ("settings", sizes.arms * ArmSettings::WORDS),
        ("errors", samples),
        ("run", lanes * RUN_WORDS),
        ("visits", counters),
        ("tiles", layout.tiles.len() * 4),
        ("ring", sizes.ring * lanes * sizes.columns),
    ] {
        buffers.storage(context, name, words)?;
    }
    Ok(buffers)
}

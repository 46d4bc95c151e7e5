//! From a plan to the texts of its stages: sizes, the tables of a policy's tensors, the table of stages, their assembly.

mod assemble;
mod network;
mod past_samples;
mod pieces;
mod programs;
mod reward_models;
mod sizes;
mod stages;

pub use assemble::{Parts, Source};
pub use network::{BAG_ENTRIES, Layout, NET_ENTRIES, Network};
pub use past_samples::Ring;
pub use programs::RUN_WORDS;
pub use sizes::{AT_STRIDE, MAX_PASSES, MAX_UPDATES, Sizes};
pub use stages::{Needs, When, check_grid};

use super::device::GpuError;
use crate::algorithm::inference::Answer;
use crate::metrics::columns;
use crate::params::{ParamError, Params};
use crate::plan::{self, Plan};
use crate::policy::{Activation, MlpParams, Policy, TransformerParams};
use crate::tasks::Play;
use network::TransformerSizes;

pub fn refused(errors: Vec<ParamError>) -> GpuError {
    GpuError::Unsupported(plan::join(&errors))
}

/// Names and texts of all stages of a plan, in their order; the reference's and later passes' among them, and those of the
/// slow loop and of past samples, which only some settings need. No device is needed.
///
/// Errors: a policy that the shaders do not hold.
pub fn stage_texts(plan: &Plan, lanes: usize) -> Result<Vec<(&'static str, String)>, GpuError> {
    let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(refused)?;
    let (sizes, layout) = resolve(plan, policy.as_ref(), lanes)?;
    let programs: Vec<_> = plan.arms.iter().map(|a| &a.program).collect();
    let parts = Parts { ring: Some(Ring::new(&sizes, &layout, 1)), ..Parts::of(plan, &sizes, &layout) };
    let mut stages = parts.stages(&programs)?;
    stages.extend(parts.stages_for(Needs::SlowLoop)?);
    stages.extend(parts.stages_for(Needs::PastSamples)?);
    Ok(stages.into_iter().map(|source| (source.row.name, source.text)).collect())
}

impl<'a> Parts<'a> {
    /// The parts of a plan's texts, without a ring of past samples.
    pub fn of(plan: &'a Plan, sizes: &'a Sizes, layout: &'a Layout) -> Self {
        Self {
            sizes,
            layout,
            task: plan.task.twin.wgsl(),
            models: plan.reward_models.as_ref(),
            exploration: plan.exploration.as_ref(),
            confidence: plan.confidence,
            answer: Answer::of(&plan.task.schema),
            ring: None,
        }
    }
}

/// Sizes and tables of a plan with some lanes.
///
/// Errors: a policy that the shaders do not hold.
pub fn resolve(plan: &Plan, policy: &dyn Policy, lanes: usize) -> Result<(Sizes, Layout), GpuError> {
    let critic = plan.interface.critic;
    let tensors = policy.tensors();
    let mut sizes = Sizes {
        arms: plan.arms.len(),
        lanes,
        groups: plan.interface.n_groups,
        group: plan.group(),
        steps: plan.task.horizon,
        actions: plan.task.n_actions,
        prompt_len: plan.interface.prompt_len,
        end_token: 0,
        params: policy.n_params(),
        record: plan.task.schema.stride,
        active: plan.interface.active,
        dense: plan.interface.dense,
        critic,
        bootstraps: plan.bootstraps(),
        components: 0,
        step_components: 0,
        columns: columns::ROW,
        ring: MAX_UPDATES,
    };
    plan.arms.iter().for_each(|arm| sizes.make_room(&arm.program));
    let mut layout = match &plan.task.play {
        Play::Tokens(play) => {
            sizes.end_token = play.end_token() as usize;
            let own = TransformerParams::resolve(&[&plan.policy_params]).map_err(refused)?;
            let network = TransformerSizes {
                d: own.d_model as usize,
                layers: own.layers as usize,
                heads: own.heads as usize,
                context: play.prompt_len() + plan.task.horizon,
            };
            network::transformer(tensors, network, critic)?
        }
        Play::Steps(play) => {
            let prior = if play.has_prior() { plan.task.n_actions } else { 0 };
            if plan.policy.name == "table" {
                sizes.active = 1;
                network::table(tensors, critic, prior)?
            } else {
                let own = MlpParams::resolve(&[&plan.policy_params]).map_err(refused)?;
                network::mlp(tensors, own.activation == Activation::Relu, critic, prior)?
            }
        }
    };
    let rows = match layout.network {
        Network::Transformer { context, .. } => sizes.samples() * context,
        _ => sizes.rows(),
    };
    layout.split(lanes, rows);
    Ok((sizes, layout))
}

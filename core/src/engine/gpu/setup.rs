//! From a plan to the sizes and tables of an engine.

use super::device::GpuError;
use super::network::{self, Layout, Network, TransformerSizes};
use super::shape::Shape;
use super::sources::Parts;
use crate::algorithm::inference::Answer;
use crate::metrics::columns;
use crate::params::{ParamError, Params};
use crate::plan::{self, Plan, RUN_FIELDS};
use crate::policy::{Activation, MlpParams, Policy, TransformerParams};
use crate::tasks::Play;

/// Most updates in one submit.
pub(super) const MAX_UPDATES: usize = 32;
/// Numbers that a lane keeps for its reward program, and the steps it has taken so far.
pub(super) const RUN_WORDS: usize = RUN_FIELDS.len() + 1;

pub(super) fn refused(errors: Vec<ParamError>) -> GpuError {
    GpuError::Unsupported(plan::join(&errors))
}

/// Names and texts of all stages of a plan, in their order; the reference's and later passes' among them, and those of the
/// slow loop and of past samples, which only some settings need. No device is needed.
///
/// Errors: a policy that the shaders do not hold.
pub fn stage_texts(plan: &Plan, lanes: usize) -> Result<Vec<(&'static str, String)>, GpuError> {
    let policy = plan.policy.build(&plan.policy_params, &plan.interface).map_err(refused)?;
    let (shape, layout) = resolve(plan, policy.as_ref(), lanes)?;
    let programs: Vec<_> = plan.arms.iter().map(|a| &a.program).collect();
    let parts = Parts {
        shape: &shape,
        layout: &layout,
        task: plan.task.wgsl,
        models: plan.reward_models.as_ref(),
        exploration: plan.exploration.as_ref(),
        confidence: plan.confidence,
        answer: Answer::of(&plan.task.schema),
    };
    let mut stages = parts.stages(&programs)?;
    stages.extend(parts.outer()?);
    stages.extend(parts.refill(parts.ring(1)));
    Ok(stages.into_iter().map(|(_, source)| (source.name, source.text)).collect())
}

/// Sizes and tables of a plan with some lanes.
///
/// Errors: a policy that the shaders do not hold.
pub(super) fn resolve(plan: &Plan, policy: &dyn Policy, lanes: usize) -> Result<(Shape, Layout), GpuError> {
    let critic = plan.interface.critic;
    let tensors = policy.tensors();
    let mut shape = Shape {
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
        critic,
        bootstraps: plan.bootstraps(),
        components: 0,
        step_components: 0,
        columns: columns::ROW,
        ring: MAX_UPDATES,
    };
    plan.arms.iter().for_each(|arm| shape.make_room(&arm.program));
    let mut layout = match &plan.task.play {
        Play::Tokens(play) => {
            shape.end_token = play.end_token() as usize;
            let own = TransformerParams::resolve(&[&plan.policy_params]).map_err(refused)?;
            let sizes = TransformerSizes {
                d: own.d_model as usize,
                layers: own.layers as usize,
                heads: own.heads as usize,
                context: play.prompt_len() + plan.task.horizon,
            };
            network::transformer(tensors, sizes, critic)?
        }
        Play::Steps(play) => {
            let prior = if play.has_prior() { plan.task.n_actions } else { 0 };
            if plan.policy.name == "table" {
                shape.active = 1;
                network::table(tensors, critic, prior)?
            } else {
                let own = MlpParams::resolve(&[&plan.policy_params]).map_err(refused)?;
                network::mlp(tensors, own.activation == Activation::Relu, critic, prior)?
            }
        }
    };
    let rows = match layout.network {
        Network::Transformer { context, .. } => shape.samples() * context,
        _ => shape.rows(),
    };
    layout.split(lanes, rows);
    Ok((shape, layout))
}

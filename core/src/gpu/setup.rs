//! What an engine is built from, and the sizes and tables that follow.

use super::device::GpuError;
use super::network::{self, Layout};
use super::shape::Shape;
use crate::algorithm::Settings;
use crate::algorithm::settings::Estimator;
use crate::metrics::columns;
use crate::params::{Overrides, Value};
use crate::policy::Tensor;
use crate::tasks::{Play, Task};

/// One policy that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    pub arm: u32,
    pub seed: u32,
}

/// Everything that stays the same during a run, and where it starts.
pub struct Setup<'a> {
    pub task: &'a Task,
    /// Kind of the policy, its parameters, and where its tensors lie.
    pub policy: &'a str,
    pub policy_params: &'a Overrides,
    pub tensors: &'a [Tensor],
    pub lanes: Vec<Lane>,
    /// One an arm.
    pub settings: Vec<Settings>,
    pub groups: usize,
    pub group: usize,
    /// Length of the run in updates.
    pub updates: u32,
    /// First parameters [lane][params].
    pub params: Vec<f32>,
    /// The reference policy [lane][params].
    pub base: Vec<f32>,
}

/// Most updates in one submit.
pub(super) const MAX_UPDATES: usize = 32;

impl Setup<'_> {
    /// Sizes and tables.
    ///
    /// Errors: a policy that does not fit the task or the shaders.
    pub(super) fn resolve(&self) -> Result<(Shape, Layout), GpuError> {
        let refuse = |what: &str| Err(GpuError::Unsupported(what.to_owned()));
        let critic = self.settings.iter().any(|s| s.estimator == Estimator::Gae);
        let params = self.tensors.iter().map(|t| t.offset + t.rows * t.cols).max().unwrap_or(0);
        if self.params.len() != params * self.lanes.len() || self.base.len() != self.params.len() {
            return refuse("parameters that do not fill every lane");
        }
        let (active, prompt_len) = match (&self.task.play, self.policy) {
            (Play::Steps(_), "table") => (1, 0),
            (Play::Steps(play), _) => (play.observation().active, 0),
            (Play::Tokens(play), _) => (1, play.prompt_len()),
        };
        let layout = match (&self.task.play, self.policy) {
            (Play::Steps(_), "table") => network::table(self.tensors, critic)?,
            (Play::Steps(_), "mlp") => {
                let relu = matches!(self.policy_params.get("activation"), Some(Value::Text(name)) if name == "relu");
                network::mlp(self.tensors, relu, critic)?
            }
            (_, other) => return refuse(&format!("policy \"{other}\" on this task")),
        };
        let shape = Shape {
            arms: self.settings.len(),
            lanes: self.lanes.len(),
            groups: self.groups,
            group: self.group,
            steps: self.task.horizon,
            actions: self.task.n_actions,
            prompt_len,
            params,
            record: self.task.schema.stride,
            active,
            critic,
            components: columns::MAX_COMPONENTS,
            step_components: columns::MAX_COMPONENTS,
            columns: columns::ROW,
            ring: MAX_UPDATES,
        };
        Ok((shape, layout))
    }
}

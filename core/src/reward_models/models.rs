//! The reward models of a plan, and the fields of an episode that they fill.

use super::params::{Encoder, RewardModelParams};
use super::shape::{Field, ModelShape};
use crate::algorithm::Settings;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::Ty;
use crate::tasks::Task;

/// Most numbers or tokens that a model reads.
pub const MAX_WIDTH: usize = 128;

/// The learned reward models of a plan: their settings, their shape, and where their scores stand in a record.
#[derive(Clone, Debug)]
pub struct RewardModels {
    pub params: RewardModelParams,
    pub shape: ModelShape,
    /// Slots of `rm`, `rms` (its length) and `correct` in a record.
    pub rm: usize,
    pub rms: usize,
    pub correct: usize,
    /// Place of the field by which answers of the first training are kept, where not all are.
    pub answered: Option<usize>,
}

/// Names of the fields that learned reward models add to an episode.
pub const FIELDS: [&str; 2] = ["rm", "rms"];

impl RewardModels {
    /// Looks up what the models read, and adds the fields of their scores to the task's episodes.
    ///
    /// Errors: values that the table refuses, fields that the task lacks or that the encoder does not read.
    pub fn attach(overrides: &Overrides, task: &mut Task) -> Result<Self, Vec<ParamError>> {
        let params = RewardModelParams::resolve(&[overrides])?;
        let refuse = |name: &str, message: String| vec![ParamError { name: name.into(), message }];
        if params.hidden.is_empty() || params.hidden.len() > 3 {
            return Err(refuse("hidden", format!("hidden must hold one to three sizes, not {}", params.hidden.len())));
        }
        let mut fields = Vec::new();
        for name in params.inputs.split(',').map(str::trim) {
            let Some(field) = task.schema.get(name) else {
                let names: Vec<&str> = task.schema.fields.iter().map(|f| f.name.as_str()).collect();
                let message = format!("inputs names \"{name}\", which an episode has not; it has {}", names.join(", "));
                return Err(refuse("inputs", message));
            };
            let tokens = field.ty == Ty::Tokens;
            let reads = field.width == 1
                && match params.encoder {
                    Encoder::Mlp => !tokens && !matches!(field.ty, Ty::Token | Ty::Optional),
                    Encoder::Sequence => tokens,
                };
            if !reads {
                let (what, label) = (params.encoder.name(), field.ty.label());
                return Err(refuse("inputs", format!("the encoder {what} does not read \"{name}\", a {label}")));
            }
            fields.push(Field { offset: field.offset, cap: field.cap, list: field.ty.is_list() });
        }
        let shape = ModelShape::new(&params, fields, task.schema.tokens.len());
        if shape.width > MAX_WIDTH {
            let width = shape.width;
            return Err(refuse(
                "inputs",
                format!("inputs hold {width} numbers; a reward model reads up to {MAX_WIDTH}"),
            ));
        }
        let answered = task.schema.get("answered").filter(|field| field.ty == Ty::Bool).map(|field| field.offset);
        if params.answered && answered.is_none() {
            return Err(refuse("answered", format!("the task {} does not say which answers come to one", task.kind)));
        }
        if params.answered && params.objective.is_pairwise() {
            let objective = params.objective.name();
            return Err(refuse(
                "answered",
                format!("{objective} compares the answers of a group, and some are left out"),
            ));
        }
        let Some(correct) = task.schema.get("correct").map(|f| f.offset) else {
            return Err(refuse("labels", format!("the task {} has no verifier", task.kind)));
        };
        if let Some(taken) = FIELDS.iter().find(|name| task.schema.get(name).is_some()) {
            return Err(refuse("inputs", format!("the task {} has a field \"{taken}\" of its own", task.kind)));
        }
        let (rm, count) = (task.schema.stride, params.count as usize);
        let schema = std::mem::replace(&mut task.schema, crate::reward::schema::EpisodeSchema::new(Vec::new(), 0));
        task.schema = schema
            .field("rm", Ty::Float, 1, "What the learned reward model says: the mean of ep.rms.")
            .field("rms", Ty::Floats, count, "What each of the learned reward models says.");
        let answered = answered.filter(|_| params.answered);
        Ok(Self { params, shape, rm, rms: rm + 1, correct, answered })
    }

    /// Number of models.
    pub fn count(&self) -> usize {
        self.params.count as usize
    }

    /// Weights of a lane: all its models.
    pub fn n_weights(&self) -> usize {
        self.count() * self.shape.n_params()
    }

    /// A lane's weights before any training: every score is 0.
    pub fn untrained(&self) -> Vec<f32> {
        let size = self.shape.n_params();
        (0..self.n_weights()).map(|i| if (i + 1).is_multiple_of(size) { 1.0 } else { 0.0 }).collect()
    }

    /// Whether an arm trains its models between update `update - 1` and `update`.
    pub fn is_due(&self, settings: &Settings, update: u32, updates: u32) -> bool {
        settings.rm_every > 0 && update > 0 && update < updates && update.is_multiple_of(settings.rm_every)
    }
}

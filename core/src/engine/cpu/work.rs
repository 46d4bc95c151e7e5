//! The buffers of one lane's update. One set serves all lanes of a thread in turn.
//!
//! n samples in groups, T steps, A actions. Per-step buffers are [n][T], sample-major. A *pass* of the policy has its own
//! order of rows: step after step, at each step the samples still alive.

use crate::algorithm::buffer::SampleBuffer;
use crate::algorithm::{BatchScratch, EntropyControl, NO_ADVANTAGE, inference, minibatch_place};
use crate::engine::lanes::LaneId;
use crate::engine::watched::WatchedBatch;
use crate::plan::Plan;
use crate::reward::{self, Program};
use crate::reward_models::{Answers, Scorer};
use crate::tasks::{Play, STATE_WORDS, State};
use std::sync::Arc;

/// One policy being trained.
pub struct Lane {
    pub id: LaneId,
    /// The run's, with the seed's instance of the task.
    pub plan: Arc<Plan>,
    pub params: Vec<f32>,
    pub m: Vec<f32>,
    pub v: Vec<f32>,
    pub opt_step: u32,
    pub entropy: EntropyControl,
    /// What its reward program sees as `run.<name>`.
    pub run: Vec<f32>,
    /// Steps taken so far.
    pub tokens: f32,
    /// Counters of the exploration memory; empty without one.
    pub visits: Vec<u32>,
    /// Parameters of the reference policy.
    pub reference: Arc<[f32]>,
    /// Weights of its learned reward models, one model after another; empty without.
    pub reward_models: Vec<f32>,
    /// Answers of the last update, where its reward models are to be trained on them before the next one.
    pub answers: Option<Answers>,
    /// The program with the weights that the slow loop moved; None until it does.
    pub program: Option<Program>,
    /// Past samples that had an advantage.
    pub buffer: SampleBuffer,
}

/// A pass of the policy: its rows in order.
#[derive(Default)]
pub struct Pass {
    /// (sample, step) of every row.
    pub rows: Vec<(u32, u32)>,
    /// Log-probabilities of all actions, [rows][A].
    pub logp: Vec<f32>,
    /// Values, [rows] with a value head.
    pub values: Vec<f32>,
}

impl Pass {
    /// No rows; the memory stays.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.logp.clear();
        self.values.clear();
    }
}

/// What an update learns from; per-step buffers are [n][T].
#[derive(Default)]
pub struct Samples {
    pub lengths: Vec<u32>,
    pub truncated: Vec<u8>,
    /// 0 for a sample on which the reward program failed: it takes no part in the update.
    pub active: Vec<u8>,
    pub actions: Vec<u32>,
    /// Inputs of every step of a step task, [n][T][width].
    pub inputs: Vec<u32>,
    /// Prior logits of every step, [n][T][A]; empty if the task has none.
    pub prior: Vec<f32>,
    pub logp_old: Vec<f32>,
    pub logp_ref: Vec<f32>,
    pub values_old: Vec<f32>,
    pub advantages: Vec<f32>,
    pub returns: Vec<f32>,
}

impl Samples {
    /// Becomes a copy of another batch; the memory stays.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.lengths.clone_from(&other.lengths);
        self.truncated.clone_from(&other.truncated);
        self.active.clone_from(&other.active);
        self.actions.clone_from(&other.actions);
        self.inputs.clone_from(&other.inputs);
        self.prior.clone_from(&other.prior);
        self.logp_old.clone_from(&other.logp_old);
        self.logp_ref.clone_from(&other.logp_ref);
        self.values_old.clone_from(&other.values_old);
        self.advantages.clone_from(&other.advantages);
        self.returns.clone_from(&other.returns);
    }
}

/// Buffers of an update.
#[derive(Default)]
pub struct Work {
    pub n: usize,
    pub steps: usize,
    /// Samples of a group, actions, tokens of a prompt and numbers of an input.
    pub group: usize,
    pub n_actions: usize,
    pub prompt_len: usize,
    pub width: usize,
    /// Episode records, [n][stride].
    pub records: Vec<f32>,
    pub true_scores: Vec<f32>,
    /// What the update learns from.
    pub batch: Samples,
    /// The batch as it was sampled, while another one is trained on.
    pub(super) sampled: Samples,
    pub(super) has_sampled: bool,
    /// Samples whose places past ones have taken, [n], and the prompts of those, [n][prompt_len].
    pub(super) stands_in: Vec<bool>,
    pub(super) past_prompts: Vec<u32>,
    /// Prompt tokens, [groups][prompt_len]; empty for step tasks.
    pub prompts: Vec<u32>,
    pub states: Vec<State>,
    /// The action that every sample of the pass takes now, and whether its episode is over with it.
    pub taken: Vec<u32>,
    pub over: Vec<bool>,
    /// Scratch of the elliptical bonus.
    pub explore_matrix: Vec<f32>,
    /// [n][T] each.
    pub logp: Vec<f32>,
    /// Entropy when sampled.
    pub entropy_old: Vec<f32>,
    pub entropy: Vec<f32>,
    pub values: Vec<f32>,
    /// Values of the states behind the last steps of samples that were cut off, 0 for the others, [n]; empty where nobody
    /// asks.
    pub end_values: Vec<f32>,
    pub dlogp: Vec<f32>,
    pub dentropy: Vec<f32>,
    pub dvalue: Vec<f32>,
    /// The batch's logp_ref belongs to this update.
    pub has_reference: bool,
    /// Scores of the reward program.
    pub scores: reward::Scores,
    pub score_scratch: reward::Scratch,
    pub group_stats: crate::algorithm::GroupStats,
    pub scratch: BatchScratch,
    /// Weights of the components.
    pub weights: Vec<f32>,
    /// What a reward model reads of a record, and its working memory.
    pub model_row: Vec<f32>,
    pub scorer: Scorer,
    /// What the program paid, before noise was put in and the KL taken out, [n]; its mean over those that have one.
    pub paid: Vec<f32>,
    pub proxy: f32,
    pub inference: inference::InferenceScratch,
    /// Share of the update's samples that have an advantage.
    pub effective: f32,
    /// Squared correlation of the reward with the true score over the samples that have an advantage.
    pub filter_r2: f32,
    /// A sample on its way into the buffer.
    pub(super) sample: Vec<u32>,
    /// Gradients of every component from the two halves of the batch, [C][parameters] each.
    pub(super) halves: [Vec<f32>; 2],

    /// The pass that will be trained on: the rollout's own, or a replay.
    pub pass: Pass,
    pub dlogits: Vec<f32>,
    pub dvalues: Vec<f32>,
    pub grads: Vec<f32>,
    /// All samples in the order of minibatches.
    pub order: Vec<u32>,
    pub alive: Vec<u32>,
    /// The reference's pass.
    pub reference_pass: Pass,
    /// Logits of one step of the rollout, or of a whole replay, [rows][A].
    pub logits: Vec<f32>,
    pub row_entropy: Vec<f32>,
    /// Values of rows behind a pass.
    pub row_values: Vec<f32>,
    pub pass_inputs: Vec<u32>,
    pub pass_groups: Vec<u32>,
    pub pass_prompts: Vec<u32>,
    pub pass_lengths: Vec<u32>,
    /// Places in the pass of the samples in `alive`.
    pub slots: Vec<u32>,
    pub(super) kept: WatchedBatch,
    pub(super) has_kept: bool,
}

impl Work {
    /// Buffers sized for a plan.
    pub fn new(plan: &Plan, n_params: usize) -> Self {
        let (n, steps) = (plan.n_samples(), plan.steps());
        let actions = plan.task.n_actions;
        let prompt_len = plan.interface.prompt_len;
        let (width, prior) = match &plan.task.play {
            Play::Steps(task) => {
                let width = if plan.policy.name == "table" { 1 } else { plan.interface.active };
                (width, if task.has_prior() { n * steps * actions } else { 0 })
            }
            Play::Tokens(_) => (0, 0),
        };
        let per_step = || vec![0.0f32; n * steps];
        Self {
            n,
            steps,
            group: plan.group(),
            n_actions: actions,
            prompt_len,
            width,
            records: vec![0.0; n * plan.task.schema.stride],
            true_scores: vec![0.0; n],
            batch: Samples {
                lengths: vec![0; n],
                truncated: vec![0; n],
                active: vec![1; n],
                actions: vec![0; n * steps],
                inputs: vec![0; n * steps * width],
                prior: vec![0.0; prior],
                logp_old: per_step(),
                logp_ref: per_step(),
                values_old: per_step(),
                advantages: per_step(),
                returns: per_step(),
            },
            stands_in: vec![false; n],
            prompts: vec![0; plan.interface.n_groups * prompt_len],
            states: vec![[0; STATE_WORDS]; n],
            taken: Vec::with_capacity(n),
            over: Vec::with_capacity(n),
            logp: per_step(),
            entropy_old: per_step(),
            entropy: per_step(),
            values: per_step(),
            end_values: vec![0.0; if plan.bootstraps() { n } else { 0 }],
            dlogp: per_step(),
            dentropy: per_step(),
            dvalue: per_step(),
            grads: vec![0.0; n_params],
            order: (0..n as u32).collect(),
            ..Self::default()
        }
    }

    /// Puts the samples in the order of an iteration's minibatches. One minibatch needs no order.
    pub fn shuffle(&mut self, seed: u32, update: u32, iteration: u32, minibatches: usize) {
        let n = self.n as u32;
        for i in 0..n {
            let place = if minibatches > 1 { minibatch_place(seed, update, iteration, n, i) } else { i };
            self.order[place as usize] = i;
        }
    }

    /// The part of `order` that is a minibatch.
    pub fn minibatch(&self, index: usize, of: usize) -> std::ops::Range<usize> {
        self.n * index / of..self.n * (index + 1) / of
    }

    /// The valid steps of a sample's advantages; none of one that takes no part.
    pub fn own_advantages(&self, i: usize) -> &[f32] {
        let length = if self.batch.active[i] == 0 { 0 } else { self.batch.lengths[i] as usize };
        &self.batch.advantages[i * self.steps..][..length]
    }

    /// Whether a sample has an advantage at some step, beyond rounding.
    pub fn has_advantage(&self, i: usize) -> bool {
        self.own_advantages(i).iter().any(|a| a.abs() > NO_ADVANTAGE)
    }

    /// Keeps the update in hand for views.
    pub fn keep(&mut self) {
        let mut kept = std::mem::take(&mut self.kept);
        self.keep_into(&mut kept);
        self.kept = kept;
        self.has_kept = true;
    }

    /// Copies what views ask of a batch.
    pub fn keep_into(&self, kept: &mut WatchedBatch) {
        kept.records.clone_from(&self.records);
        kept.lengths.clone_from(&self.batch.lengths);
        kept.truncated.clone_from(&self.batch.truncated);
        kept.true_scores.clone_from(&self.true_scores);
        kept.actions.clone_from(&self.batch.actions);
        kept.prompts.clone_from(&self.prompts);
        kept.advantages.clone_from(&self.batch.advantages);
        kept.rewards.clone_from(&self.scores.reward);
        kept.components.clone_from(&self.scores.components);
        kept.errors.clone_from(&self.scores.errors);
    }

    /// Drops what was kept.
    pub fn forget(&mut self) {
        self.has_kept = false;
    }

    /// What was kept last.
    pub fn kept(&self) -> Option<&WatchedBatch> {
        self.has_kept.then_some(&self.kept)
    }
}

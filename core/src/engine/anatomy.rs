//! The group anatomy: what every group of a lane's last update taught, ready to be drawn.

use super::watched::WatchedBatch;
use crate::metrics::statistics::differs;
use crate::plan::Plan;
use crate::reward::Program;
use crate::tasks::Play;
use serde::{Deserialize, Serialize};

/// What a group taught, decided by the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupTag {
    /// Rewards differ: it moves the policy.
    Effective,
    /// No spread and the true score is high: nothing left to learn.
    TooEasy,
    /// No spread and the true score is low: nothing to learn from.
    TooHard,
    /// Every sample was cut off at the horizon.
    Truncated,
    /// The reward program failed on every sample.
    Error,
}

/// One sample of the watched lane's last update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub advantage: f32,
    /// None: not applicable, or an error.
    pub reward: Option<f32>,
    pub true_score: f32,
    pub length: u32,
    pub truncated: bool,
    /// Component values in the program's order; None = not applicable.
    pub components: Vec<Option<f32>>,
    /// The failure of the reward program on this sample, with its line.
    pub error: Option<(String, u32)>,
    /// Actions or tokens, `length` of them.
    pub actions: Vec<u32>,
    /// The record that the program read (see the task's schema).
    pub record: Vec<f32>,
}

/// One group of the watched lane's last update.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub tag: GroupTag,
    /// Prompt tokens (token tasks); empty otherwise.
    pub prompt: Vec<u32>,
    pub samples: Vec<Sample>,
}

/// What the policy that the watched lane's last samples came from is really worth, without samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exact {
    /// Expected reward of an episode, undiscounted; None where the reward is no sum over transitions, or changes during
    /// the run.
    pub reward: Option<f32>,
    /// Expected true score.
    pub true_score: f32,
    /// Mean entropy of a step, in nats.
    pub entropy: f32,
    /// Mean KL of a step to the reference policy, in nats.
    pub kl: f32,
    /// Cosine, in the policy's parameters, between the gradient that the samples gave (the sum of their advantages times the
    /// gradients of their log-probabilities) and that of the expected reward; None where one is zero.
    pub cosine: Option<f32>,
}

/// What one strategy does: a few samples of its last update, to be played on screen beside those of the others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    pub arm: u32,
    /// Samples of a group: the first so many start alike.
    pub group: u32,
    /// Prompt tokens of the first group (token tasks); empty otherwise.
    pub prompt: Vec<u32>,
    pub samples: Vec<Sample>,
    /// As in `Anatomy`.
    pub policy: Vec<f32>,
    pub visits: Vec<f32>,
    /// Mean reward of each action in the whole batch, NaN where none was paid, and how often each was taken.
    pub paid: Vec<f32>,
    pub taken: Vec<u32>,
}

/// The last update of the watched lane, and what its policy does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anatomy {
    pub arm: u32,
    pub seed: u32,
    pub update: u32,
    pub component_names: Vec<String>,
    pub groups: Vec<Group>,
    /// Action probabilities [states][actions] of a step task (gridworld: one row a cell with no key and the coin there;
    /// bandit: one row a context); empty for tokens.
    pub policy: Vec<f32>,
    /// Visits of each cell in the last update (gridworld), else empty.
    pub visits: Vec<f32>,
    /// What all strategies of this seed did in this update.
    pub scenes: Vec<Scene>,
    /// The policy that those samples came from, without samples, where the task is small enough to be followed.
    pub exact: Option<Exact>,
    /// Why `exact`, or a part of it, is missing, or what it leaves out, in one sentence; empty where nothing is.
    pub missing: String,
}

/// The tag of a group from its samples.
pub fn tag(samples: &[Sample]) -> GroupTag {
    let rewards: Vec<f32> = samples.iter().map(|s| s.reward.unwrap_or(f32::NAN)).collect();
    let truth = samples.iter().map(|s| s.true_score).sum::<f32>() / samples.len().max(1) as f32;
    if samples.iter().all(|s| s.error.is_some()) {
        GroupTag::Error
    } else if differs(&rewards) {
        GroupTag::Effective
    } else if samples.iter().all(|s| s.truncated) {
        GroupTag::Truncated
    } else if truth > 0.5 {
        GroupTag::TooEasy
    } else {
        GroupTag::TooHard
    }
}

/// A sample of a batch that this program scored.
fn sample(plan: &Plan, program: &Program, kept: &WatchedBatch, i: usize) -> Sample {
    let (n, steps, stride) = (kept.lengths.len(), plan.steps(), plan.task.schema.stride);
    let n_components = kept.components.len() / n.max(1);
    let number = |x: f32| (!x.is_nan()).then_some(x);
    Sample {
        advantage: kept.advantages[i * steps],
        reward: number(kept.rewards[i]),
        true_score: kept.true_scores[i],
        length: kept.lengths[i],
        truncated: kept.truncated[i] != 0,
        components: (0..n_components).map(|c| number(kept.components[c * n + i])).collect(),
        error: (kept.errors[i] != 0).then(|| (program.error_text(kept.errors[i]).to_string(), kept.errors[i] & 0xffff)),
        actions: kept.actions[i * steps..][..kept.lengths[i] as usize].to_vec(),
        record: kept.records[i * stride..(i + 1) * stride].to_vec(),
    }
}

/// All groups of a batch that this program scored.
pub fn groups(plan: &Plan, program: &Program, kept: &WatchedBatch) -> Vec<Group> {
    let group = plan.group();
    let prompt_len = plan.interface.prompt_len;
    (0..kept.lengths.len() / group)
        .map(|g| {
            let samples: Vec<Sample> = (g * group..(g + 1) * group).map(|i| sample(plan, program, kept, i)).collect();
            let prompt = kept.prompts.get(g * prompt_len..(g + 1) * prompt_len).unwrap_or_default().to_vec();
            Group { tag: tag(&samples), prompt, samples }
        })
        .collect()
}

/// Numbers of records that a scene holds at most, and samples of a scene.
const SCENE_NUMBERS: usize = 8192;
const SCENE_SAMPLES: usize = 64;
/// Samples that a scene holds at least, however long their records are.
const SCENE_LEAST: usize = 6;

/// What a batch shows of its strategy; `policy` are its probabilities as in `Anatomy`.
pub fn scene(plan: &Plan, program: &Program, arm: u32, kept: &WatchedBatch, policy: Vec<f32>) -> Scene {
    let (steps, stride, group) = (plan.steps(), plan.task.schema.stride.max(1), plan.group());
    let n = kept.lengths.len();
    let few = (SCENE_NUMBERS / stride).clamp(SCENE_LEAST, SCENE_SAMPLES).min(n);
    let samples = (0..few).map(|i| sample(plan, program, kept, i)).collect();
    let (mut sums, mut taken) = (vec![0.0; plan.task.n_actions], vec![0; plan.task.n_actions]);
    for i in 0..n {
        for action in &kept.actions[i * steps..][..kept.lengths[i] as usize] {
            let at = *action as usize;
            if at < taken.len() {
                taken[at] += 1;
                sums[at] += if kept.rewards[i].is_nan() { 0.0 } else { kept.rewards[i] };
            }
        }
    }
    let paid = sums.iter().zip(&taken).map(|(sum, n): (&f32, &u32)| if *n > 0 { sum / *n as f32 } else { f32::NAN });
    let prompt = kept.prompts.get(..plan.interface.prompt_len).unwrap_or_default().to_vec();
    Scene {
        arm,
        group: group.min(few) as u32,
        prompt,
        samples,
        visits: visits(plan, kept),
        policy,
        paid: paid.collect(),
        taken,
    }
}

/// How often each shown state of a map was visited in a batch; empty where the task keeps no list of cells. Episodes on
/// another map than the one that is shown do not count.
pub fn visits(plan: &Plan, kept: &WatchedBatch) -> Vec<f32> {
    let (Play::Steps(task), Some(cells)) = (&plan.task.play, plan.task.schema.get("cells")) else { return Vec::new() };
    let mut visits = vec![0.0; task.shown_states()];
    let shared = plan.task.schema.get("shared").map(|field| field.offset);
    let here = |record: &&[f32]| shared.is_none_or(|at| record[at] != 0.0);
    for record in kept.records.chunks_exact(plan.task.schema.stride).filter(here) {
        let count = (record[cells.offset] as usize).min(cells.cap);
        for cell in &record[cells.offset + 1..][..count] {
            if let Some(v) = visits.get_mut(*cell as usize) {
                *v += 1.0;
            }
        }
    }
    visits
}

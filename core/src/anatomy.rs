//! The group anatomy: what every group of a lane's last update taught, ready to be drawn.

use crate::cpu::Kept;
use crate::plan::Plan;
use crate::protocol::{Group, GroupTag, Sample};
use crate::reward;

/// Whether the rewards of a group differ by more than rounding (NaN = no reward, which does not count).
pub fn differs(rewards: &[f32]) -> bool {
    let finite = || rewards.iter().copied().filter(|r| r.is_finite());
    let (low, high) = finite().fold((f32::MAX, f32::MIN), |(l, h), r| (l.min(r), h.max(r)));
    high > low && high - low > 1e-8
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

/// All groups of a batch.
pub fn groups(plan: &Plan, kept: &Kept) -> Vec<Group> {
    let (group, steps, stride) = (plan.group(), plan.steps(), plan.task.schema.stride);
    let n = kept.lengths.len();
    let n_components = kept.components.len() / n.max(1);
    let prompt_len = plan.interface.prompt_len;
    let number = |x: f32| (!x.is_nan()).then_some(x);
    let sample = |i: usize| Sample {
        advantage: kept.advantages[i * steps],
        reward: number(kept.rewards[i]),
        true_score: kept.true_scores[i],
        length: kept.lengths[i],
        truncated: kept.truncated[i] != 0,
        components: (0..n_components).map(|c| number(kept.components[c * n + i])).collect(),
        error: (kept.errors[i] != 0)
            .then(|| (reward::error_text(kept.errors[i] >> 16).to_string(), kept.errors[i] & 0xffff)),
        actions: kept.actions[i * steps..][..kept.lengths[i] as usize].to_vec(),
        record: kept.records[i * stride..(i + 1) * stride].to_vec(),
    };
    (0..n / group)
        .map(|g| {
            let samples: Vec<Sample> = (g * group..(g + 1) * group).map(sample).collect();
            let prompt = kept.prompts.get(g * prompt_len..(g + 1) * prompt_len).unwrap_or_default().to_vec();
            Group { tag: tag(&samples), prompt, samples }
        })
        .collect()
}

//! The group anatomy: what every group of a lane's last update taught, ready to be drawn.

use crate::engine::cpu::{Kept, Probe};
use crate::metrics::statistics::differs;
use crate::plan::Plan;
use crate::protocol::{Group, GroupTag, Sample};
use crate::reward::Program;
use crate::tasks::{MAX_ACTIVE, Play};

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

/// All groups of a batch that this program scored.
pub fn groups(plan: &Plan, program: &Program, kept: &Kept) -> Vec<Group> {
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
        error: (kept.errors[i] != 0).then(|| (program.error_text(kept.errors[i]).to_string(), kept.errors[i] & 0xffff)),
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

/// What to ask a policy for the view of a step task: every shown state once. None for tokens.
pub fn probe(plan: &Plan) -> Option<Probe> {
    let Play::Steps(task) = &plan.task.play else { return None };
    let (rows, actions) = (task.shown_states(), plan.task.n_actions);
    let mut probe = Probe { rows, critic: plan.interface.critic, ..Probe::default() };
    for i in 0..rows {
        let state = task.shown_state(i);
        if plan.policy.name == "table" {
            probe.inputs.push(task.state_index(&state));
        } else {
            let mut features = [0; MAX_ACTIVE];
            task.features(&state, &mut features);
            probe.inputs.extend_from_slice(&features[..plan.interface.active]);
        }
        if task.has_prior() {
            let at = probe.prior.len();
            probe.prior.resize(at + actions, 0.0);
            task.prior(&state, &mut probe.prior[at..]);
        }
    }
    Some(probe)
}

/// How often each shown state of a map was visited in a batch; empty where the task keeps no list of cells. Episodes on
/// another map than the one that is shown do not count.
pub fn visits(plan: &Plan, kept: &Kept) -> Vec<f32> {
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

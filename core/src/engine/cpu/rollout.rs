//! Stage `rollout`: every sample of a lane from its prompt or start state to its end, all samples side by side.

use super::work::{Samples, Work};
use crate::math;
use crate::math::rng::{self, purpose};
use crate::plan::Plan;
use crate::policy::{Inputs, Policy};
use crate::tasks::{DrawKey, Play, Samples as Played, StepTask, TokenTask, Written};

/// Fills records, lengths, truncated, true_scores, actions, logp, logp_old, entropy, values and values_old of `work`,
/// and leaves the policy with the activations of the pass.
/// `with_confidence` also fills the records' fields of the policy's confidence.
pub fn rollout(
    plan: &Plan,
    policy: &mut dyn Policy,
    params: &[f32],
    seed: u32,
    update: u32,
    with_confidence: bool,
    work: &mut Work,
) {
    work.pass.clear();
    work.alive.clear();
    work.alive.extend(0..work.n as u32);
    let group = plan.group();
    let key = |sample: usize| DrawKey { seed, update, group: (sample / group) as u32, sample: (sample % group) as u32 };
    match &plan.task.play {
        Play::Steps(task) => steps(plan, task.as_ref(), policy, params, (seed, update), &key, work),
        Play::Tokens(task) => tokens(plan, task.as_ref(), policy, params, &key, work),
    }
    if with_confidence {
        confidence(plan, work);
    }
    work.batch.logp_old.copy_from_slice(&work.logp);
    work.entropy_old.copy_from_slice(&work.entropy);
    work.batch.values_old.copy_from_slice(&work.values);
}

/// Fills the fields of the policy's confidence, step after step in the order of the pass.
fn confidence(plan: &Plan, work: &mut Work) {
    let (fields, stride, actions) = (plan.confidence, plan.task.schema.stride, plan.task.n_actions);
    work.records.chunks_exact_mut(stride).for_each(|record| record[fields.slots()].fill(0.0));
    for ((i, t), all) in work.pass.rows.iter().zip(work.pass.logp.chunks_exact(actions)) {
        let (i, at) = (*i as usize, *i as usize * work.steps + *t as usize);
        let record = &mut work.records[i * stride..(i + 1) * stride];
        fields.add(record, work.entropy[at], work.logp[at], all);
    }
    for (record, length) in work.records.chunks_exact_mut(stride).zip(&work.batch.lengths) {
        fields.finish(record, *length);
    }
}

fn steps(
    plan: &Plan,
    task: &dyn StepTask,
    policy: &mut dyn Policy,
    params: &[f32],
    (seed, update): (u32, u32),
    key: &dyn Fn(usize) -> DrawKey,
    work: &mut Work,
) {
    let (stride, actions, horizon, width) = (plan.task.schema.stride, plan.task.n_actions, work.steps, work.width);
    let is_table = plan.policy.name == "table";
    macro_rules! samples {
        () => {
            Played { seed, update, group: plan.group(), states: &mut work.states, records: &mut work.records, stride }
        };
    }
    task.begin_all(&mut samples!());
    if let Some(memory) = &plan.exploration {
        for (state, record) in work.states.iter().zip(work.records.chunks_exact_mut(stride)) {
            memory.note(task, state, 0, record);
        }
    }
    policy.reset(params, &[], &[]);
    for t in 0..horizon {
        work.pass_inputs.clear();
        task.see_all(&mut samples!(), &work.alive, is_table, width, &mut work.pass_inputs);
        for (&i, seen) in work.alive.iter().zip(work.pass_inputs.chunks_exact(width)) {
            let at = (i as usize * horizon + t) * width;
            work.batch.inputs[at..at + width].copy_from_slice(seen);
            if !work.batch.prior.is_empty() {
                let at = (i as usize * horizon + t) * actions;
                task.prior(&work.states[i as usize], &mut work.batch.prior[at..at + actions]);
            }
        }
        let base = work.pass.rows.len();
        work.slots.clone_from(&work.alive);
        work.step(policy, params, true, plan.interface.critic, actions, t as u32);
        work.note(base, actions);
        sample(work, base, actions, t, key);
        work.taken.clear();
        work.taken.extend(work.alive.iter().map(|i| work.batch.actions[*i as usize * horizon + t]));
        work.over.clear();
        task.step_all(&mut samples!(), t as u32, &work.alive, &work.taken, &mut work.over);
        let Work { alive, over, states, records, batch, .. } = work;
        let Samples { lengths, truncated, .. } = batch;
        let mut over = over.iter();
        alive.retain(|i| {
            let i = *i as usize;
            if let Some(memory) = &plan.exploration {
                memory.note(task, &states[i], t + 1, &mut records[i * stride..(i + 1) * stride]);
            }
            let done = over.next().is_none_or(|over| *over);
            lengths[i] = t as u32 + 1;
            truncated[i] = u8::from(!done);
            !done
        });
        if work.alive.is_empty() {
            break;
        }
    }
    if plan.bootstraps() {
        end_values(plan, task, policy, params, (seed, update), work);
    }
    let Work { batch, true_scores, .. } = work;
    let (lengths, truncated) = (&batch.lengths, &batch.truncated);
    let mut played =
        Played { seed, update, group: plan.group(), states: &mut work.states, records: &mut work.records, stride };
    task.finish_all(&mut played, lengths, truncated, true_scores);
}

/// Asks the value head about the states behind the last steps of the samples that were cut off, which are still alive.
/// These rows stand behind the pass's own, so that `backward` leaves them out.
fn end_values(
    plan: &Plan,
    task: &dyn StepTask,
    policy: &mut dyn Policy,
    params: &[f32],
    (seed, update): (u32, u32),
    work: &mut Work,
) {
    work.end_values.fill(0.0);
    if work.alive.is_empty() {
        return;
    }
    work.pass_inputs.clear();
    let (stride, is_table) = (plan.task.schema.stride, plan.policy.name == "table");
    let mut played =
        Played { seed, update, group: plan.group(), states: &mut work.states, records: &mut work.records, stride };
    task.see_all(&mut played, &work.alive, is_table, work.width, &mut work.pass_inputs);
    let count = work.alive.len();
    work.logits.resize(count * plan.task.n_actions, 0.0);
    work.row_values.resize(count, 0.0);
    let inputs = Inputs::Features(&work.pass_inputs);
    policy.step(params, &work.alive, inputs, &mut work.logits, &mut work.row_values);
    for (i, value) in work.alive.iter().zip(&work.row_values) {
        work.end_values[*i as usize] = *value;
    }
}

fn tokens(
    plan: &Plan,
    task: &dyn TokenTask,
    policy: &mut dyn Policy,
    params: &[f32],
    key: &dyn Fn(usize) -> DrawKey,
    work: &mut Work,
) {
    let (stride, actions, horizon, group) = (plan.task.schema.stride, plan.task.n_actions, work.steps, plan.group());
    let prompt_len = task.prompt_len();
    for (g, prompt) in work.prompts.chunks_exact_mut(prompt_len).enumerate() {
        task.prompt(key(g * group), prompt);
    }
    work.pass_groups.clear();
    work.pass_groups.extend((0..work.n).map(|i| (i / group) as u32));
    policy.reset(params, &work.prompts, &work.pass_groups);
    for t in 0..horizon {
        work.pass_inputs.clear();
        for &i in &work.alive {
            let before = if t == 0 { 0 } else { work.batch.actions[i as usize * horizon + t - 1] };
            work.pass_inputs.push(before);
        }
        let base = work.pass.rows.len();
        work.slots.clone_from(&work.alive);
        work.step(policy, params, false, plan.interface.critic, actions, t as u32);
        work.note(base, actions);
        sample(work, base, actions, t, key);
        let end = task.end_token();
        for &i in &work.alive {
            let i = i as usize;
            work.batch.lengths[i] = t as u32 + 1;
            work.batch.truncated[i] = u8::from(work.batch.actions[i * horizon + t] != end);
        }
        let written = &work.batch.truncated;
        work.alive.retain(|i| written[*i as usize] != 0);
        if work.alive.is_empty() {
            break;
        }
    }
    let first = key(0);
    task.finish_all(&mut Written {
        seed: first.seed,
        update: first.update,
        group,
        prompt_len,
        prompts: &work.prompts,
        horizon,
        tokens: &work.batch.actions,
        lengths: &work.batch.lengths[..work.n],
        truncated: &work.batch.truncated,
        records: &mut work.records,
        stride,
        scores: &mut work.true_scores,
    });
}

/// Draws an action for every row from `base` on, by inverse cumulative probability.
fn sample(work: &mut Work, base: usize, actions: usize, t: usize, key: &dyn Fn(usize) -> DrawKey) {
    for r in base..work.pass.rows.len() {
        let i = work.pass.rows[r].0 as usize;
        let k = key(i);
        let word = rng::draw(k.seed, k.update, k.group, k.sample, t as u32, purpose::ACTION)[0];
        let logp = &work.pass.logp[r * actions..(r + 1) * actions];
        let action = math::sample_row(logp, rng::uniform(word));
        work.batch.actions[i * work.steps + t] = action as u32;
        work.logp[i * work.steps + t] = logp[action];
    }
}

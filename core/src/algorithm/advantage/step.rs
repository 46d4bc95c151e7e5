//! Estimators that give every step its own advantage: GAE, REINFORCE++; and whitening over steps.

use super::Batch;
use crate::algorithm::settings::Settings;
use crate::algorithm::sum::sum_by;

/// The reward of a step; without step rewards the sample's reward stands on its last valid step.
fn reward(batch: &Batch<'_>, i: usize, t: usize) -> f32 {
    if !batch.step_rewards.is_empty() {
        batch.step_rewards[i * batch.steps + t]
    } else if t + 1 == batch.length(i) {
        batch.rewards[i]
    } else {
        0.0
    }
}

/// d_t = r_t + gamma V_{t+1} - V_t, A_t = d_t + gamma lambda A_{t+1}, return = A + V (Schulman et al. 2015), with V = 0
/// behind the last valid step, or `end_values` with bootstrap_truncated (Pardo et al. 2018). A sample without a reward has advantage 0 and its own values as returns, so that it does not move
/// the value head.
pub(super) fn gae(settings: &Settings, batch: &Batch<'_>, advantages: &mut [f32], returns: &mut [f32]) {
    let decay = settings.gamma * settings.gae_lambda;
    let value = |at: usize| batch.values.get(at).copied().unwrap_or(0.0);
    for i in 0..batch.n {
        let base = i * batch.steps;
        advantages[base..base + batch.steps].fill(0.0);
        returns[base..base + batch.steps].fill(0.0);
        let scored = batch.scored(i);
        let end = batch.end_values.get(i).copied().filter(|_| settings.bootstrap_truncated);
        let (mut advantage, mut next_value) = (0.0f32, end.unwrap_or(0.0));
        for t in (0..batch.length(i)).rev() {
            let v = value(base + t);
            if scored {
                let delta = reward(batch, i, t) + settings.gamma * next_value - v;
                advantage = delta + decay * advantage;
                advantages[base + t] = advantage;
            }
            returns[base + t] = advantage + v;
            next_value = v;
        }
    }
}

/// G_t = r_t + gamma G_{t+1} (REINFORCE++ before its whitening, Hu 2025).
pub(super) fn discounted_returns(settings: &Settings, batch: &Batch<'_>, advantages: &mut [f32]) {
    for i in 0..batch.n {
        let base = i * batch.steps;
        advantages[base..base + batch.steps].fill(0.0);
        if !batch.scored(i) {
            continue;
        }
        let mut g = 0.0f32;
        for t in (0..batch.length(i)).rev() {
            g = reward(batch, i, t) + settings.gamma * g;
            advantages[base + t] = g;
        }
    }
}

/// (A - mean) / sqrt(var + 1e-8) over the valid steps of scored samples, variance with n - 1 (verl's masked_whiten).
/// A lone step becomes 0.
pub fn whiten(batch: &Batch<'_>, advantages: &mut [f32]) {
    let rows = || (0..batch.n).filter(|i| batch.scored(*i)).map(|i| i * batch.steps..i * batch.steps + batch.length(i));
    let Some(first) = rows().find(|row| !row.is_empty()).map(|row| advantages[row.start]) else { return };
    // Around the first number, so that equal advantages become exactly 0.
    let (mut count, mut shift) = (0usize, 0.0f32);
    for row in rows() {
        count += row.len();
        shift += sum_by(&advantages[row], |a| a - first);
    }
    let mean = first + shift / count as f32;
    let squares: f32 = rows().map(|row| sum_by(&advantages[row], |a| (a - mean) * (a - mean))).fold(0.0, |a, b| a + b);
    let scale = 1.0 / (squares / (count - 1).max(1) as f32 + 1e-8).sqrt();
    for row in rows() {
        advantages[row].iter_mut().for_each(|a| *a = (*a - mean) * scale);
    }
}

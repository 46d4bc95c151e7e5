//! Estimators with a baseline from the sample's own group: GRPO, Dr. GRPO, RLOO, OPO, pass@k, GPG.

use super::{Batch, epsilon};
use crate::algorithm::settings::{Framework, ScaleRewards, Settings};

/// (R - mean_group) / (std + eps), with the group's deviation, the batch's, or no division (Shao et al. 2024; TRL's
/// scale_rewards). A group with one reward gives 0; in verl its mean counts as 0 and its deviation as 1.
pub(super) fn grpo(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) {
    let eps = epsilon(settings.framework);
    let whole = batch.moments(0..batch.n);
    for range in batch.groups() {
        let m = batch.moments(range.clone());
        let alone_in_verl = m.count == 1 && settings.framework == Framework::Verl;
        let mean = if alone_in_verl { 0.0 } else { m.mean };
        let scale = match settings.scale_rewards {
            ScaleRewards::None => 1.0,
            ScaleRewards::Group if alone_in_verl => 1.0 + eps,
            ScaleRewards::Group => m.std + eps,
            ScaleRewards::Batch => whole.std + eps,
        };
        for i in range.filter(|i| batch.scored(*i)) {
            out[i] = (batch.rewards[i] - mean) / scale;
        }
    }
}

/// R - mean_group, never divided (Dr. GRPO, Liu et al. 2025). A lone reward stays as it is in verl, else gives 0.
pub(super) fn centred(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) {
    for range in batch.groups() {
        let m = batch.moments(range.clone());
        let mean = if m.count == 1 && settings.framework == Framework::Verl { 0.0 } else { m.mean };
        for i in range.filter(|i| batch.scored(*i)) {
            out[i] = batch.rewards[i] - mean;
        }
    }
}

/// n/(n-1) (R - mean_group), which is R minus the mean of the others (Ahmadian et al. 2024). A lone reward stays as it
/// is in verl, else gives 0.
pub(super) fn rloo(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) {
    centred(settings, batch, out);
    for range in batch.groups() {
        let count = batch.moments(range.clone()).count;
        if count > 1 {
            let factor = count as f32 / (count - 1) as f32;
            out[range].iter_mut().for_each(|a| *a *= factor);
        }
    }
}

/// R - sum(len R) / sum(len) in the group (OPO, Hao et al. 2025). Samples without steps weigh nothing.
pub(super) fn opo(batch: &Batch<'_>, out: &mut [f32]) {
    for range in batch.groups() {
        let scored = range.filter(|i| batch.scored(*i));
        let Some(first) = scored.clone().next().map(|i| batch.rewards[i]) else { continue };
        let (mut weighted, mut weight) = (0.0f32, 0.0f32);
        for i in scored.clone() {
            let length = batch.length(i) as f32;
            weighted += length * (batch.rewards[i] - first);
            weight += length;
        }
        let baseline = first + weighted / weight.max(1.0);
        for i in scored {
            out[i] = batch.rewards[i] - baseline;
        }
    }
}

/// Only the best of a group counts: its lead over the second best, over the group's deviation unless scale_rewards is
/// none (verl's grpo_passk). Of several best ones the lead is 0.
pub(super) fn pass_at_k(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) {
    for range in batch.groups() {
        let m = batch.moments(range.clone());
        if m.count < 2 {
            continue;
        }
        let (mut best, mut second) = (usize::MAX, f32::MIN);
        for i in range.filter(|i| batch.scored(*i)) {
            if best == usize::MAX {
                best = i;
            } else if batch.rewards[i] > batch.rewards[best] {
                second = batch.rewards[best];
                best = i;
            } else {
                second = second.max(batch.rewards[i]);
            }
        }
        let scale =
            if settings.scale_rewards == ScaleRewards::None { 1.0 } else { m.std + epsilon(settings.framework) };
        out[best] = (batch.rewards[best] - second) / scale;
    }
}

/// alpha (R - mean_group) with alpha = samples / samples whose reward is not 0 (GPG, Chu et al. 2025; verl's gpg with
/// f_norm = 1). With no such sample every advantage is 0 anyway.
pub(super) fn gpg(settings: &Settings, batch: &Batch<'_>, out: &mut [f32]) {
    centred(settings, batch, out);
    let scored = (0..batch.n).filter(|i| batch.scored(*i));
    let nonzero = scored.clone().filter(|i| batch.rewards[*i] != 0.0).count();
    let alpha = scored.count() as f32 / nonzero.max(1) as f32;
    out.iter_mut().for_each(|a| *a *= alpha);
}

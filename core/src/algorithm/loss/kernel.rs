//! One sample's part of the loss and its exact gradient.

use super::formula::{Average, Surrogate, parts};
use super::inputs::{LossInput, by_sequence, epsilon_high};
use super::mask;
use crate::algorithm::flag;
use crate::algorithm::kl::{self, MAX_LOG_RATIO, guarded_exp};
use crate::algorithm::settings::Settings;

/// Sums over a minibatch, from which loss and metrics are made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    /// Active samples, and those of them with steps in the loss.
    pub sequences: u32,
    pub nonempty: u32,
    pub steps: u32,
    /// Steps that the top-entropy mask keeps, and their entropy.
    pub kept: u32,
    pub kept_entropy: f32,
    /// sum of weight * (policy loss + beta KL).
    pub policy_loss: f32,
    pub kl: f32,
    pub entropy: f32,
    /// sum of logp_old - logp.
    pub drift: f32,
    /// Ratios and clipped ones, a step each, or a sequence each at the sequence level.
    pub ratio: f32,
    pub ratio_max: f32,
    pub low: f32,
    pub high: f32,
    pub cispo: f32,
    pub dual: f32,
    /// Extremes over sequences of the share of clipped steps; the least is of 1 - share, so that 0 is neutral.
    pub low_unclipped_max: f32,
    pub high_max: f32,
    pub phi: f32,
}

/// What a step's loss is multiplied with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    /// Of a step, where `by_length` is false; else of a sequence's mean.
    scale: f32,
    by_length: bool,
}

impl Weights {
    pub fn of(settings: &Settings, input: &LossInput<'_>) -> Self {
        let active = |i: &&u32| flag(input.active, **i as usize, true);
        let sequences = input.samples.iter().filter(active).count().max(1) as f32;
        let steps = |i: usize| input.length(settings, i) as f32;
        let (scale, by_length) = match parts(settings.loss_type).1 {
            Average::SequenceMeans => (1.0 / sequences, true),
            Average::SequenceSums => (1.0 / sequences, false),
            Average::Constant => (1.0 / (sequences * input.max_completion_length.max(1) as f32), false),
            Average::MinibatchSteps => {
                let count: f32 = input.samples.iter().map(|i| steps(*i as usize)).sum();
                (1.0 / count.max(1.0), false)
            }
            Average::BatchSteps => {
                let count = (0..input.n).map(steps).sum::<f32>().max(1.0);
                let share = input.samples.len() as f32 / input.n.max(1) as f32;
                (1.0 / (count * share).max(f32::MIN_POSITIVE), false)
            }
        };
        Self { scale, by_length }
    }

    fn step(&self, length: usize) -> f32 {
        if self.by_length { self.scale / length as f32 } else { self.scale }
    }
}

/// A step's policy loss, its derivative by the log of the ratio, and its derivative by logp where the ratio is held.
struct Term {
    value: f32,
    by_log_ratio: f32,
    by_logp: f32,
}

/// Adds a sample's steps to `sums` and writes dL/dlogp of its first `length` (at least 1) steps.
pub(super) fn sample(
    settings: &Settings,
    input: &LossInput<'_>,
    weights: &Weights,
    threshold: f32,
    i: usize,
    length: usize,
    dlogp: &mut [f32],
    sums: &mut Sums,
) {
    let row = input.row(i, length);
    let weight = weights.step(length);
    let sequence = by_sequence(settings);
    let log_ratio_sum = mask::log_ratio_sum(input, row.clone());
    let drift = mask::drift(log_ratio_sum, length);
    let sequence_ratio = if sequence { ratio_of(settings, log_ratio_sum / length as f32) } else { (1.0, 1.0) };
    let vespo = parts(settings.loss_type).0 == Surrogate::Vespo;
    let log_w = if vespo { vespo_log_weight(input, row.clone()) } else { 0.0 };
    let kl_weight = if input.logp_ref.is_empty() { 0.0 } else { settings.beta };
    let keep_far = |a: f32| settings.off_policy_mask_threshold.is_none_or(|most| a >= 0.0 || drift <= most);

    // dL/d(log of the sequence's ratio), shared by its steps at the sequence level.
    let mut shared = 0.0f32;
    let (mut loss, mut kl_sum) = (0.0f32, 0.0f32);
    let mut clipped = Clipped::default();
    for at in row.clone() {
        let (logp, a) = (input.logp[at], input.advantages[at]);
        let ratio = if sequence { sequence_ratio } else { ratio_of(settings, logp - input.logp_old[at]) };
        let term = policy(settings, ratio, a, logp, log_w, &mut clipped);
        let kept = input.entropy[at] >= threshold;
        let gate = if kept && keep_far(a) { weight } else { 0.0 };
        let mut gradient = gate * term.by_logp;
        let mut by_log_ratio = gate * term.by_log_ratio;
        loss += gate * term.value;
        if kl_weight != 0.0 {
            let (mut k, mut slope) = kl::estimate(settings.kl_estimator, logp - input.logp_ref[at]);
            if settings.use_bias_correction_kl {
                by_log_ratio += weight * kl_weight * k * ratio.1;
                (k, slope) = (k * ratio.0, slope * ratio.0);
            }
            loss += weight * kl_weight * k;
            gradient += weight * kl_weight * slope;
            kl_sum += k;
        }
        if sequence {
            shared += by_log_ratio;
        } else {
            gradient += by_log_ratio;
            sums.ratio += ratio.0;
            sums.ratio_max = sums.ratio_max.max(ratio.0);
        }
        dlogp[at] = gradient;
        sums.entropy += input.entropy[at];
        if kept {
            sums.kept += 1;
            sums.kept_entropy += input.entropy[at];
        }
    }
    if sequence {
        let share = shared / length as f32;
        dlogp[row].iter_mut().for_each(|d| *d += share);
        sums.ratio += sequence_ratio.0;
        sums.ratio_max = sums.ratio_max.max(sequence_ratio.0);
    }
    sums.nonempty += 1;
    sums.steps += length as u32;
    sums.policy_loss += loss;
    sums.kl += kl_sum;
    sums.drift -= log_ratio_sum;
    clipped.add_to(sums, sequence, length);
    if vespo {
        sums.phi += vespo_phi(settings, log_w, input.advantages[i * input.steps]);
    }
}

/// The ratio of a log-ratio and its derivative: held, and moving nothing, beyond log_ratio_clip.
#[inline(always)]
fn ratio_of(settings: &Settings, log_ratio: f32) -> (f32, f32) {
    match settings.log_ratio_clip {
        Some(most) if log_ratio.abs() > most => (libm::expf(log_ratio.clamp(-most, most)), 0.0),
        _ => guarded_exp(log_ratio),
    }
}

/// Clipped steps of one sample.
#[derive(Default)]
struct Clipped {
    low: f32,
    high: f32,
    cispo: f32,
    dual: f32,
}

impl Clipped {
    /// TRL counts a sequence once at the sequence level, else its steps.
    fn add_to(&self, sums: &mut Sums, sequence: bool, length: usize) {
        let length = length as f32;
        let unit = if sequence { length } else { 1.0 };
        sums.low += self.low / unit;
        sums.high += self.high / unit;
        sums.cispo += self.cispo / unit;
        sums.dual += self.dual / unit;
        sums.low_unclipped_max = sums.low_unclipped_max.max(1.0 - self.low / length);
        sums.high_max = sums.high_max.max(self.high / length);
    }
}

#[inline(always)]
fn policy(settings: &Settings, (rho, slope): (f32, f32), a: f32, logp: f32, log_w: f32, clipped: &mut Clipped) -> Term {
    let (low, high) = (1.0 - settings.epsilon, epsilon_high(settings));
    let held = |c: f32| Term { value: -c * a * logp, by_log_ratio: 0.0, by_logp: -c * a };
    match parts(settings.loss_type).0 {
        Surrogate::Cispo => {
            clipped.cispo += f32::from(rho > high && a > 0.0);
            held(rho.min(high))
        }
        Surrogate::CispoVerl => {
            clipped.cispo += f32::from(rho < low || rho > 1.0 + high);
            held(rho.max(low).min(1.0 + high))
        }
        Surrogate::Vespo => held(vespo_phi(settings, log_w, a)),
        Surrogate::Sapo => {
            let tau = if a > 0.0 { settings.sapo_temperature_pos } else { settings.sapo_temperature_neg };
            let gate = 1.0 / (1.0 + guarded_exp(-tau * (rho - 1.0)).0);
            Term { value: -4.0 / tau * gate * a, by_log_ratio: -4.0 * gate * (1.0 - gate) * slope * a, by_logp: 0.0 }
        }
        Surrogate::Clip => clip(settings, (rho, slope), (low, 1.0 + high), a, clipped),
    }
}

/// -min(min(rho, delta) A, clip(rho) A), and at most dual_clip |A| for A < 0.
#[inline(always)]
fn clip(settings: &Settings, (rho, slope): (f32, f32), (low, high): (f32, f32), a: f32, clipped: &mut Clipped) -> Term {
    let capped = settings.delta.map_or(rho, |delta| rho.min(delta));
    clipped.low += f32::from(capped < low && a < 0.0);
    clipped.high += f32::from(capped > high && a > 0.0);
    let inside = rho.max(low).min(high);
    let free = capped * a <= inside * a;
    let moves = if free { capped == rho } else { inside == rho };
    let value = -(capped * a).min(inside * a);
    if let Some(c) = settings.dual_clip
        && a < 0.0
        && value > -c * a
    {
        clipped.dual += 1.0;
        return Term { value: -c * a, by_log_ratio: 0.0, by_logp: 0.0 };
    }
    Term { value, by_log_ratio: if moves { -a * slope } else { 0.0 }, by_logp: 0.0 }
}

/// log of the product of a sequence's ratios, each clamped to +-20 and the sum to [log 1e-8, 20] (TRL).
fn vespo_log_weight(input: &LossInput<'_>, row: std::ops::Range<usize>) -> f32 {
    let mut sum = 0.0f32;
    for at in row {
        sum += (input.logp[at] - input.logp_old[at]).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO);
    }
    sum.clamp(-18.420_681, MAX_LOG_RATIO)
}

/// phi(W) = exp(lambda + k log W - lambda W), with (k, lambda) by the sign of A.
fn vespo_phi(settings: &Settings, log_w: f32, a: f32) -> f32 {
    let (k, lambda) = if a >= 0.0 {
        (settings.vespo_k_pos, settings.vespo_lambda_pos)
    } else {
        (settings.vespo_k_neg, settings.vespo_lambda_neg)
    };
    let lambda = lambda.max(1e-4);
    let phi = libm::expf(lambda + k * log_w - lambda * libm::expf(log_w));
    if phi.is_finite() { phi } else { 0.0 }
}

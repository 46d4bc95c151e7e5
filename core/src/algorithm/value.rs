//! The value loss of PPO, as CleanRL and TRL's PPOTrainer have it.

use super::loss::LossInput;
use super::settings::Settings;

/// What the value loss reads beside the policy loss of the same minibatch; all are [n][T].
#[derive(Clone, Copy, Debug)]
pub struct ValueInput<'a> {
    /// Which samples there are, and which of their steps count.
    pub batch: &'a LossInput<'a>,
    pub values: &'a [f32],
    /// The values at the time of the rollout.
    pub values_old: &'a [f32],
    pub returns: &'a [f32],
}

/// Writes dL/dV of L = vf_coef * mean over valid steps of 0.5 max((V-R)^2, (V_clip-R)^2), with V_clip = V_old +
/// clip(V - V_old, -cliprange_value, cliprange_value). Rows of other samples are left as they are; steps that are not
/// valid get 0. Returns L.
pub fn value_coefficients(settings: &Settings, input: &ValueInput<'_>, dvalue: &mut [f32]) -> f32 {
    let LossInput { samples, steps, .. } = *input.batch;
    let length = |i: usize| input.batch.length(settings, i);
    let count: usize = samples.iter().map(|i| length(*i as usize)).sum();
    let scale = settings.vf_coef / count.max(1) as f32;
    let range = settings.cliprange_value.unwrap_or(f32::MAX);
    let mut loss = 0.0f32;
    for sample in samples {
        let (i, base) = (*sample as usize, *sample as usize * steps);
        let length = length(i);
        dvalue[base + length..base + steps].fill(0.0);
        for at in base..base + length {
            let (v, old, target) = (input.values[at], input.values_old[at], input.returns[at]);
            let change = v - old;
            let clipped = old + change.clamp(-range, range);
            let (plain, capped) = ((v - target) * (v - target), (clipped - target) * (clipped - target));
            loss += 0.5 * plain.max(capped);
            // Where the clipped branch is the greater one it is constant in V outside the range.
            let slope = if plain >= capped {
                v - target
            } else if change.abs() <= range {
                clipped - target
            } else {
                0.0
            };
            dvalue[at] = scale * slope;
        }
    }
    scale * loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let s = Settings { vf_coef: 0.7, ..Settings::default() };
        let old = [0.0f32, 0.5, -0.3, 1.0, 2.0, 0.0];
        let returns = [1.0f32, 0.4, -1.0, 0.9, -2.0, 0.0];
        let values = [0.1f32, 0.9, 0.1, 0.7, 2.05, 7.0];
        let eval = |values: &[f32; 6]| {
            let mut d = [9.0f32; 6];
            let batch = LossInput { n: 2, steps: 3, samples: &[1, 0], lengths: &[3, 2], ..LossInput::default() };
            let input = ValueInput { batch: &batch, values, values_old: &old, returns: &returns };
            (value_coefficients(&s, &input, &mut d), d)
        };
        let (_, d) = eval(&values);
        for at in 0..6 {
            let shifted = |h: f32| {
                let mut v = values;
                v[at] += h;
                eval(&v).0
            };
            let slope = (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            assert!((d[at] - slope).abs() < 1e-3, "{at}: {} {slope}", d[at]);
        }
        assert_eq!(d[5], 0.0);
    }
}

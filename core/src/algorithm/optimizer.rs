//! Gradient clipping and the optimisers: SGD, Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), with the
//! arithmetic of torch.optim. The loops have no branches, so that they become vector instructions.

use super::settings::{Optim, Settings};
use super::sum::sum_by;

/// Length of the gradient, before it is shortened in place to `max_norm` where it is longer (0 = never), as
/// torch.nn.utils.clip_grad_norm_ does: g *= min(1, max_norm / (norm + 1e-6)).
pub fn clip_gradients(grads: &mut [f32], max_norm: f32) -> f32 {
    let norm = sum_by(grads, |g| g * g).sqrt();
    let scale = max_norm / (norm + 1e-6);
    if max_norm > 0.0 && scale < 1.0 {
        for g in grads.iter_mut() {
            *g *= scale;
        }
    }
    norm
}

/// One optimiser step, in place. `opt_step` counts from 1; `m` and `v` are the moments, zero before the first step, and
/// are read by adam and adamw only. All slices have the length of `params`.
///
/// adam: p -= lr m^ / (sqrt(v^) + eps), with weight_decay added to the gradient as torch.optim.Adam does; adamw decays
/// p by lr weight_decay first; sgd: p -= lr (g + weight_decay p).
pub fn optimize(
    settings: &Settings,
    lr: f32,
    opt_step: u32,
    params: &mut [f32],
    grads: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let decay = settings.weight_decay;
    match settings.optim {
        Optim::Sgd => {
            for (p, g) in params.iter_mut().zip(grads) {
                *p -= lr * (*g + decay * *p);
            }
        }
        Optim::Adam => adam(settings, lr, decay, 1.0, opt_step, params, grads, m, v),
        Optim::AdamW => adam(settings, lr, 0.0, 1.0 - lr * decay, opt_step, params, grads, m, v),
    }
}

fn adam(
    settings: &Settings,
    lr: f32,
    coupled_decay: f32,
    keep: f32,
    opt_step: u32,
    params: &mut [f32],
    grads: &[f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let (b1, b2) = (settings.adam_beta1, settings.adam_beta2);
    let (c1, c2, eps) = (1.0 - b1, 1.0 - b2, settings.adam_epsilon);
    let step = lr / bias_correction(b1, opt_step);
    let root = 1.0 / bias_correction(b2, opt_step).sqrt();
    let n = params.len();
    let (grads, m, v) = (&grads[..n], &mut m[..n], &mut v[..n]);
    for i in 0..n {
        let p = params[i] * keep;
        let g = grads[i] + coupled_decay * p;
        m[i] = b1 * m[i] + c1 * g;
        v[i] = b2 * v[i] + c2 * (g * g);
        params[i] = p - step * m[i] / (v[i].sqrt() * root + eps);
    }
}

/// 1 - beta^step, by expm1 so that a beta near 1 keeps its digits at the first steps.
pub fn bias_correction(beta: f32, step: u32) -> f32 {
    if beta == 0.0 { 1.0 } else { -libm::expm1f(step as f32 * libm::logf(beta)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(settings: &Settings, grads: &[f32]) -> f32 {
        let (mut p, mut m, mut v) = ([1.0f32], [0.0], [0.0]);
        for (i, g) in grads.iter().enumerate() {
            optimize(settings, 0.1, i as u32 + 1, &mut p, &[*g], &mut m, &mut v);
        }
        p[0]
    }

    #[test]
    fn the_first_steps_have_their_closed_forms() {
        let with = |optim, weight_decay| Settings { optim, weight_decay, ..Settings::default() };
        assert!((run(&with(Optim::Sgd, 0.0), &[0.5, -2.0]) - 1.15).abs() < 1e-6);
        assert!((run(&with(Optim::Sgd, 0.5), &[0.5]) - 0.9).abs() < 1e-6);
        // Bias correction makes the first step lr * sign(g), whatever the gradient's size.
        assert!((run(&with(Optim::Adam, 0.0), &[1e-3]) - 0.9).abs() < 1e-5);
        assert!((run(&with(Optim::AdamW, 0.5), &[-7.0]) - (0.95 + 0.1)).abs() < 1e-6);
        // torch.optim.Adam adds the decay to the gradient, so the first step keeps its size.
        assert!((run(&with(Optim::Adam, 0.5), &[7.0]) - 0.9).abs() < 1e-6);
        // Second step, by hand: m^ = (0.09 + 0.2) / 0.19, v^ = (0.000999 + 0.004) / 0.001999 for g = 1, 2.
        let second = 0.9 - 0.1 * (0.29 / 0.19) / (0.004_999_f64 / 0.001_999).sqrt();
        assert!((f64::from(run(&with(Optim::Adam, 0.0), &[1.0, 2.0])) - second).abs() < 1e-5);
    }

    #[test]
    fn clipping_keeps_the_direction_and_reports_the_length_before() {
        let mut g: Vec<f32> = (0..37).map(|i| (i as f32 - 18.0) * 0.5).collect();
        let before = g.clone();
        let norm = clip_gradients(&mut g, 1.0);
        let expected = before.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        assert!((f64::from(norm) - expected).abs() < 1e-4);
        assert!((g.iter().map(|x| x * x).sum::<f32>().sqrt() - 1.0).abs() < 1e-5);
        assert!((g[36] / g[0] - before[36] / before[0]).abs() < 1e-5);
        let mut short = [0.1f32, -0.2];
        clip_gradients(&mut short, 1.0);
        clip_gradients(&mut short, 0.0);
        assert_eq!(short, [0.1, -0.2]);
    }
}

//! The slow loop over the weights of a reward's components (BARFI): every few updates each weight follows the gradient
//! of the primary objective through one step of the policy.
//!
//! With the reward sum_i phi_i r_i and the step theta' = theta + alpha sum_i phi_i g_i, g_i being the policy gradient
//! with component i alone as the reward, dJ/dphi_i = alpha <g_i, grad J(theta')>. J is the return of the first component,
//! the primary one; its gradient is taken at theta and from the other half of the batch, so that the product of two
//! noisy gradients stays unbiased. The step uses the cosine of the two instead of their product: how fast a weight moves
//! does then not depend on the scale of a reward or the size of the policy.

use super::settings::Settings;

/// Policy gradients of every component from the two halves of a batch, each [C][parameters].
#[derive(Clone, Copy, Debug)]
pub struct Halves<'a> {
    pub first: &'a [f32],
    pub second: &'a [f32],
}

/// One outer step: phi_i += outer_lr (cos(g_i of one half, g_primary of the other) + the same with the halves
/// exchanged) / 2, held within 0 ..= outer_max. `weights` are the components', the primary one first.
pub fn outer_step(settings: &Settings, gradients: Halves<'_>, n_params: usize, weights: &mut [f32]) {
    let of = |half: &'_ [f32], c: usize| -> std::ops::Range<usize> {
        debug_assert!(half.len() >= (c + 1) * n_params);
        c * n_params..(c + 1) * n_params
    };
    let Halves { first, second } = gradients;
    for (c, weight) in weights.iter_mut().enumerate() {
        let one = cosine(&first[of(first, c)], &second[of(second, 0)]);
        let other = cosine(&second[of(second, c)], &first[of(first, 0)]);
        *weight = (*weight + settings.outer_lr * 0.5 * (one + other)).clamp(0.0, settings.outer_max);
    }
}

/// <a, b> / (|a| |b|); 0 where one of them is 0.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let norms = dot(a, a) * dot(b, b);
    if norms > 0.0 && norms.is_finite() { dot(a, b) / norms.sqrt() } else { 0.0 }
}

/// Eight sums, joined in a fixed tree.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (x, y) in a.chunks(8).zip(b.chunks(8)) {
        for (k, (x, y)) in x.iter().zip(y).enumerate() {
            sums[k] += x * y;
        }
    }
    ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]))
}

/// Coefficients of the policy gradient with one component alone as the reward, of one half of the batch: every valid
/// step of a sample of every second group (`half` 0: the even ones) gets dL/dlogp = -(r - mean of its group), divided by
/// the samples of a batch; all other steps get 0.
///
/// `component` [n] (NaN = does not apply: no part), `lengths` [n], `active` [n], `dlogp` [n][T] with T = `steps`.
pub fn half_coefficients(
    half: usize,
    group: usize,
    steps: usize,
    component: &[f32],
    lengths: &[u32],
    active: &[u8],
    dlogp: &mut [f32],
) {
    dlogp.fill(0.0);
    let n = component.len();
    let takes_part = |i: &usize| active[*i] != 0 && component[*i].is_finite();
    for start in (0..n).step_by(group.max(1)).skip(half).step_by(2) {
        let samples = (start..(start + group).min(n)).filter(takes_part);
        let (count, sum) = samples.clone().fold((0u32, 0.0f32), |(k, s), i| (k + 1, s + component[i]));
        let mean = sum / count.max(1) as f32;
        for i in samples {
            let row = &mut dlogp[i * steps..][..(lengths[i] as usize).min(steps)];
            row.fill((mean - component[i]) / n as f32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: usize = 4;
    /// The primary reward of each action, one that helps it, one that lures away from it.
    const REWARDS: [[f64; ACTIONS]; 3] = [[1.0, 0.0, 0.0, 0.2], [0.8, 0.1, 0.0, 0.1], [0.0, 1.0, 0.5, 0.0]];

    fn softmax(theta: [f64; ACTIONS]) -> [f64; ACTIONS] {
        let sum: f64 = theta.iter().map(|x| x.exp()).sum();
        theta.map(|x| x.exp() / sum)
    }

    /// dJ/dtheta of a reward, exactly: p_a (r_a - J).
    fn gradient(theta: [f64; ACTIONS], reward: &[f64; ACTIONS]) -> [f64; ACTIONS] {
        let p = softmax(theta);
        let mean: f64 = p.iter().zip(reward).map(|(p, r)| p * r).sum();
        std::array::from_fn(|a| p[a] * (reward[a] - mean))
    }

    fn primary_after(theta: [f64; ACTIONS], phi: [f64; 3], alpha: f64) -> f64 {
        let mut moved = theta;
        for (phi, reward) in phi.iter().zip(&REWARDS) {
            let g = gradient(theta, reward);
            moved.iter_mut().zip(g).for_each(|(x, g)| *x += alpha * phi * g);
        }
        softmax(moved).iter().zip(REWARDS[0]).map(|(p, r)| p * r).sum()
    }

    /// The unrolled derivative of the primary return by each weight is alpha <g_i, grad J>, and the step goes its way.
    #[test]
    fn a_weight_follows_the_derivative_of_the_primary_return() {
        let (theta, phi, alpha) = ([0.1, -0.3, 0.4, 0.0], [1.0, 1.0, 1.0], 1e-3);
        let gradients: Vec<f32> = REWARDS.iter().flat_map(|r| gradient(theta, r)).map(|x| x as f32).collect();
        let mut weights = [0.5f32; 3];
        let settings = Settings { outer_lr: 0.1, outer_max: 1.0, ..Settings::default() };
        outer_step(&settings, Halves { first: &gradients, second: &gradients }, ACTIONS, &mut weights);
        for i in 0..3 {
            let h = 1e-3;
            let shifted = |by: f64| {
                let mut phi = phi;
                phi[i] += by;
                primary_after(theta, phi, alpha)
            };
            let slope = (shifted(h) - shifted(-h)) / (2.0 * h);
            let product: f64 =
                (0..ACTIONS).map(|a| f64::from(gradients[i * ACTIONS + a]) * f64::from(gradients[a])).sum();
            assert!((slope - alpha * product).abs() < 1e-3 * slope.abs() + 1e-8, "{i}: {slope} {}", alpha * product);
            let norm = |c: usize| dot(&gradients[c * 4..][..4], &gradients[c * 4..][..4]).sqrt();
            let cosine = product as f32 / (norm(i) * norm(0));
            assert!((weights[i] - (0.5 + 0.1 * cosine)).abs() < 1e-5);
        }
        assert!(weights[0] > 0.59 && weights[1] > 0.5 && weights[2] < 0.5, "{weights:?}");
    }

    #[test]
    fn weights_stay_within_their_range_and_no_gradient_moves_none() {
        let settings = Settings { outer_lr: 10.0, outer_max: 2.0, ..Settings::default() };
        let mut weights = [1.0, 1.0];
        let both = [1.0, 0.0, -1.0, 0.5];
        outer_step(&settings, Halves { first: &both, second: &both }, 2, &mut weights);
        assert_eq!(weights, [2.0, 0.0]);
        outer_step(&settings, Halves { first: &[0.0; 4], second: &both }, 2, &mut weights);
        assert_eq!(weights, [2.0, 0.0]);
    }

    #[test]
    fn a_half_has_every_second_group_and_sums_to_zero_in_each() {
        let component = [1.0, 0.0, 5.0, 7.0, 2.0, f32::NAN, 4.0, 4.0];
        let mut dlogp = [9.0; 16];
        half_coefficients(0, 2, 2, &component, &[2, 1, 2, 2, 2, 2, 1, 1], &[1; 8], &mut dlogp);
        let expected = [-0.5, -0.5, 0.5, 0.0].map(|x: f32| x / 8.0);
        assert_eq!(dlogp[..4], expected);
        assert!(dlogp[4..].iter().all(|d| *d == 0.0), "the third group has one sample left: {dlogp:?}");
        half_coefficients(1, 2, 2, &component, &[2; 8], &[1; 8], &mut dlogp);
        assert_eq!(dlogp[4..8], [1.0, 1.0, -1.0, -1.0].map(|x: f32| x / 8.0));
        assert!(dlogp[..4].iter().all(|d| *d == 0.0));
    }
}

//! STARC: how far two rewards are from ordering policies alike ("STARC: A General Framework For Quantifying Differences
//! Between Reward Functions", Skalse et al.), with Value-Adjusted Levelling under the uniform policy and the L2 norm.
//!
//! Rewards are compared on the model with its clock, so that every (step, state) that an episode can be in counts.

use super::model::Model;
use super::solve::evaluate;

/// The canonical form of a reward [H][E], by Value-Adjusted Levelling: c(s, a) = E[R(s, a, S') - V(s) + gamma V(S')],
/// with V the values of the uniform policy; [H][nodes x actions]. It forgets what is paid for where a step leads
/// beyond its mean, and differences of potentials.
pub fn canonical(model: &Model, r: &[f64], gamma: f64) -> Vec<f64> {
    let values = evaluate(model, &model.uniform(), r, gamma);
    let (n, a) = (model.nodes(), model.actions);
    let mut c = values.q;
    for t in 0..model.horizon {
        for &node in &model.layers[t] {
            let at = t * n + node as usize;
            c[at * a..(at + 1) * a].iter_mut().for_each(|q| *q -= values.v[at]);
        }
    }
    let size = norm(r);
    // What is left of a pure potential is rounding.
    if norm(&c) <= 1e-6 * size {
        c.fill(0.0);
    }
    c
}

/// The L2 norm.
pub fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Half the L2 distance of two vectors, each divided by its norm (a zero stays): 0 to 1.
pub fn distance(x: &[f64], y: &[f64]) -> f64 {
    let scale = |n: f64| if n > 0.0 { 1.0 / n } else { 0.0 };
    let (sx, sy) = (scale(norm(x)), scale(norm(y)));
    0.5 * x.iter().zip(y).map(|(x, y)| (x * sx - y * sy) * (x * sx - y * sy)).sum::<f64>().sqrt()
}

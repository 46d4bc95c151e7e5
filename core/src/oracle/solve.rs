//! Exact solution of a model: evaluation of a policy, the optimum with a clock by backward induction, and the best policy
//! that sees no clock, as the run's policies do.
//!
//! Tables of rewards are [H][E], what edge e is paid at step t. Policies are [observations][actions].

use super::model::Model;

/// Sweeps of policy iteration, at most.
const SWEEPS: usize = 60;
/// Observations that a sweep changes one after another, at most.
const ALONE: usize = 200;

/// Values of a policy, or of the best one, at every step.
pub struct Values {
    /// [H + 1][nodes]; 0 where the episode is over.
    pub v: Vec<f64>,
    /// [H][nodes x actions].
    pub q: Vec<f64>,
}

/// Expected discounted payment of an action: Bellman's backup.
#[inline(always)]
fn backup(model: &Model, r: &[f64], gamma: f64, next: &[f64], node: u32, action: usize) -> f64 {
    let at = model.choices(node, action);
    let mut sum = 0.0;
    for (edge, r) in model.edges[at.clone()].iter().zip(&r[at]) {
        sum += edge.p * (r + if edge.over { 0.0 } else { gamma * next[edge.to as usize] });
    }
    sum
}

/// Backward induction; `pick` makes a state's value of its actions' values.
fn induce(model: &Model, r: &[f64], gamma: f64, pick: impl Fn(u32, &[f64]) -> f64) -> Values {
    let (n, a, e) = (model.nodes(), model.actions, model.edges.len());
    let mut v = vec![0.0; (model.horizon + 1) * n];
    let mut q = vec![0.0; model.horizon * n * a];
    for t in (0..model.horizon).rev() {
        let (now, next) = v[t * n..(t + 2) * n].split_at_mut(n);
        for &node in &model.layers[t] {
            let at = (t * n + node as usize) * a;
            for action in 0..a {
                q[at + action] = backup(model, &r[t * e..(t + 1) * e], gamma, next, node, action);
            }
            now[node as usize] = pick(node, &q[at..at + a]);
        }
    }
    Values { v, q }
}

/// Values of a policy.
pub fn evaluate(model: &Model, policy: &[f64], r: &[f64], gamma: f64) -> Values {
    let a = model.actions;
    induce(model, r, gamma, |node, q| {
        let row = &policy[model.seen[node as usize] as usize * a..][..a];
        row.iter().zip(q).map(|(p, q)| p * q).sum()
    })
}

/// Values of the best policy that sees node and clock.
pub fn with_clock(model: &Model, r: &[f64], gamma: f64) -> Values {
    induce(model, r, gamma, |_, q| q.iter().copied().fold(f64::MIN, f64::max))
}

/// Expected value of an episode.
pub fn expected(model: &Model, values: &Values) -> f64 {
    model.starts.iter().map(|(node, p)| p * values.v[*node as usize]).sum()
}

/// Expected discounted sum of a policy's payments.
pub fn worth(model: &Model, policy: &[f64], r: &[f64], gamma: f64) -> f64 {
    expected(model, &evaluate(model, policy, r, gamma))
}

/// How likely each node is before each step, [H][nodes].
pub fn visits(model: &Model, policy: &[f64]) -> Vec<f64> {
    let (n, a) = (model.nodes(), model.actions);
    let mut d = vec![0.0; (model.horizon + 1) * n];
    for (node, p) in &model.starts {
        d[*node as usize] += p;
    }
    for t in 0..model.horizon {
        let (now, next) = d[t * n..(t + 2) * n].split_at_mut(n);
        for &node in &model.layers[t] {
            let here = now[node as usize];
            if here == 0.0 {
                continue;
            }
            let row = &policy[model.seen[node as usize] as usize * a..][..a];
            for (action, p) in row.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                for edge in model.edges[model.choices(node, action)].iter().filter(|edge| !edge.over) {
                    next[edge.to as usize] += here * p * edge.p;
                }
            }
        }
    }
    d.truncate(model.horizon * n);
    d
}

/// Mean length of an episode of a policy.
pub fn mean_length(model: &Model, policy: &[f64]) -> f64 {
    visits(model, policy).iter().sum()
}

/// Values of actions as a policy without a clock sees them: the mean of Q over the steps and nodes that look alike,
/// weighted by discounted visits (the policy gradient theorem), [observations][actions]. Where the policy never comes,
/// the first steps at which it could be there count.
pub fn advantage_of(model: &Model, policy: &[f64], q: &[f64], gamma: f64) -> Vec<f64> {
    let (n, a) = (model.nodes(), model.actions);
    let d = visits(model, policy);
    let mut sums = vec![0.0; model.rows.len() * a];
    let mut weights = vec![0.0; model.rows.len()];
    let (mut discount, mut early) = (1.0, 1e-9);
    for t in 0..model.horizon {
        for &node in &model.layers[t] {
            let seen = model.seen[node as usize] as usize;
            let weight = discount * d[t * n + node as usize] + early;
            weights[seen] += weight;
            for action in 0..a {
                sums[seen * a + action] += weight * q[(t * n + node as usize) * a + action];
            }
        }
        discount *= gamma;
        early *= 0.25;
    }
    for (row, weight) in sums.chunks_exact_mut(a).zip(weights) {
        row.iter_mut().for_each(|x| *x /= weight.max(1e-300));
    }
    sums
}

/// A policy that always takes one action.
fn decided(model: &Model, actions: &[usize]) -> Vec<f64> {
    let mut policy = vec![0.0; actions.len() * model.actions];
    for (seen, action) in actions.iter().enumerate() {
        policy[seen * model.actions + action] = 1.0;
    }
    policy
}

/// What may be chosen from: all actions, or a set of them in every observation, [observations][actions].
type Allowed<'a> = Option<&'a [bool]>;

/// The greatest of a row among what is allowed, the present one while it is as good.
fn greatest(row: &[f64], allowed: Option<&[bool]>, present: usize, tolerance: f64) -> usize {
    let is_allowed = |i: usize| allowed.is_none_or(|a| a[i]);
    let mut best = if is_allowed(present) { present } else { (0..row.len()).find(|i| is_allowed(*i)).unwrap_or(0) };
    for (i, x) in row.iter().enumerate() {
        if is_allowed(i) && *x > row[best] + tolerance {
            best = i;
        }
    }
    best
}

/// Policy iteration without a clock from some actions; gives the best policy met and its worth. All observations change
/// at once while that helps, then one at a time.
fn improve(
    model: &Model,
    r: &[f64],
    gamma: f64,
    start: Vec<usize>,
    allowed: Allowed<'_>,
    tolerance: f64,
) -> (Vec<usize>, f64) {
    let a = model.actions;
    let mut actions = start;
    let mut values = evaluate(model, &decided(model, &actions), r, gamma);
    let mut best = expected(model, &values);
    let mut alone = 0;
    for _ in 0..SWEEPS {
        let table = advantage_of(model, &decided(model, &actions), &values.q, gamma);
        let pick = |seen: usize| {
            let allowed = allowed.map(|all| &all[seen * a..(seen + 1) * a]);
            greatest(&table[seen * a..(seen + 1) * a], allowed, actions[seen], tolerance)
        };
        let wanted: Vec<usize> = (0..actions.len()).map(pick).collect();
        let changed: Vec<usize> = (0..actions.len()).filter(|i| wanted[*i] != actions[*i]).collect();
        if changed.is_empty() {
            break;
        }
        let tried = evaluate(model, &decided(model, &wanted), r, gamma);
        let worth = expected(model, &tried);
        if worth >= best - 0.1 * tolerance {
            let is_better = worth > best + tolerance;
            (actions, values, best) = (wanted, tried, worth.max(best));
            alone = if is_better { 0 } else { alone + 1 };
        } else {
            // Together they are worse: one after another, each where it does no harm.
            let before = best;
            let mut kept = 0;
            for i in changed.into_iter().take(ALONE) {
                let was = std::mem::replace(&mut actions[i], wanted[i]);
                let tried = evaluate(model, &decided(model, &actions), r, gamma);
                let worth = expected(model, &tried);
                if worth >= best - 0.1 * tolerance {
                    (values, best, kept) = (tried, worth.max(best), kept + 1);
                } else {
                    actions[i] = was;
                }
            }
            if kept == 0 {
                break;
            }
            alone = if best > before + tolerance { 0 } else { alone + 1 };
        }
        if alone > 4 {
            break;
        }
    }
    (actions, best)
}

/// The greatest of each row of a table [observations][actions], the first of equals.
fn argmax(table: &[f64], actions: usize) -> Vec<usize> {
    table.chunks_exact(actions).map(|row| greatest(row, None, 0, 0.0)).collect()
}

/// Q with a clock as policies without one could first read it: at the earliest step that a node can be reached.
pub fn earliest(model: &Model, q: &[f64]) -> Vec<f64> {
    let (n, a) = (model.nodes(), model.actions);
    let mut table = vec![0.0; model.rows.len() * a];
    let mut is_set = vec![false; model.rows.len()];
    for t in 0..model.horizon {
        for &node in &model.layers[t] {
            let seen = model.seen[node as usize] as usize;
            if !std::mem::replace(&mut is_set[seen], true) {
                let at = (t * n + node as usize) * a;
                table[seen * a..(seen + 1) * a].copy_from_slice(&q[at..at + a]);
            }
        }
    }
    table
}

/// The best policies without a clock.
pub struct Best {
    /// The optimum, ties broken evenly where that is as good; else one that is optimal.
    pub policy: Vec<f64>,
    pub value: f64,
    /// Optimal policies that differ in how ties are broken, the first one included.
    pub ties: Vec<Vec<f64>>,
    /// Actions that are as good as the best, [observations][actions].
    pub tied: Vec<bool>,
}

/// Scale of a table's numbers, for tolerances: f32 rewards know seven digits.
pub fn tolerance(r: &[f64]) -> f64 {
    2e-6 * r.iter().fold(0.0f64, |m, x| m.max(x.abs())).max(1e-6)
}

/// The optimum without a clock, by policy iteration from several starts (what a clock would do, its mean over the run,
/// every action, and `hints`).
pub fn best(model: &Model, r: &[f64], gamma: f64, hints: &[&[f64]]) -> Best {
    let a = model.actions;
    let tolerance = tolerance(r);
    let clock = with_clock(model, r, gamma);
    let uniform = model.uniform();
    let mut starts = vec![
        argmax(&earliest(model, &clock.q), a),
        argmax(&advantage_of(model, &uniform, &clock.q, gamma), a),
        argmax(&advantage_of(model, &uniform, &evaluate(model, &uniform, r, gamma).q, gamma), a),
    ];
    starts.extend(hints.iter().map(|hint| argmax(hint, a)));
    let mut found: Vec<(Vec<usize>, f64)> =
        starts.into_iter().map(|start| improve(model, r, gamma, start, None, tolerance)).collect();
    found.sort_by(|x, y| y.1.total_cmp(&x.1));
    let value = found[0].1;
    let one = decided(model, &found[0].0);
    let table = advantage_of(model, &one, &evaluate(model, &one, r, gamma).q, gamma);
    let mut tied = vec![false; table.len()];
    let mut even = vec![0.0; table.len()];
    for (seen, row) in table.chunks_exact(a).enumerate() {
        let top = row.iter().copied().fold(f64::MIN, f64::max);
        let count = row.iter().filter(|x| **x >= top - tolerance).count() as f64;
        for (i, _) in row.iter().enumerate().filter(|(_, x)| **x >= top - tolerance) {
            tied[seen * a + i] = true;
            even[seen * a + i] = 1.0 / count;
        }
    }
    let slack = tolerance * model.horizon as f64;
    let mut ties: Vec<Vec<f64>> = found.iter().filter(|f| f.1 >= value - slack).map(|f| decided(model, &f.0)).collect();
    let is_even = worth(model, &even, r, gamma) >= value - slack;
    if is_even {
        ties.insert(0, even);
    }
    Best { policy: ties.first().cloned().unwrap_or(one), value, ties, tied }
}

/// Least and greatest worth under `other` of policies that are optimal under `r`: policy iteration on `other` among the
/// tied actions, kept only where it stays optimal.
pub fn range(model: &Model, r: &[f64], gamma: f64, best: &Best, other: &[f64]) -> (f64, f64) {
    let slack = tolerance(r) * model.horizon as f64;
    let worths: Vec<f64> = best.ties.iter().map(|policy| worth(model, policy, other, 1.0)).collect();
    let mut low = worths.iter().copied().fold(f64::MAX, f64::min);
    let mut high = worths.iter().copied().fold(f64::MIN, f64::max);
    let against: Vec<f64> = other.iter().map(|x| -x).collect();
    let start = argmax(&best.policy, model.actions);
    for (objective, sign) in [(other, 1.0), (&against[..], -1.0)] {
        let small = tolerance(objective);
        let (actions, found) = improve(model, objective, 1.0, start.clone(), Some(&best.tied), small);
        if worth(model, &decided(model, &actions), r, gamma) >= best.value - slack {
            low = low.min(sign * found);
            high = high.max(sign * found);
        }
    }
    (low, high)
}

/// The optimum with a clock of expected payment + alpha entropy - beta KL(policy, base), [H][nodes x actions]:
/// pi = base^(beta / tau) exp(Q / tau) / Z with tau = alpha + beta, and soft values V = tau log Z (Haarnoja et al.,
/// "Reinforcement Learning with Deep Energy-Based Policies"; with KL: Rawlik et al., "On Stochastic Optimal Control and
/// Reinforcement Learning by Approximate Inference"). `base` is [observations][actions].
pub fn tempered(model: &Model, r: &[f64], gamma: f64, alpha: f64, beta: f64, base: &[f64]) -> Vec<f64> {
    let (a, tau) = (model.actions, alpha + beta);
    let prior = |node: u32| &base[model.seen[node as usize] as usize * a..][..a];
    let weights = |node: u32, q: &[f64]| -> (f64, Vec<f64>) {
        let logits = q.iter().zip(prior(node)).map(|(q, b)| (q + beta * libm::log(b.max(1e-300))) / tau);
        let logits: Vec<f64> = logits.collect();
        let top = logits.iter().copied().fold(f64::MIN, f64::max);
        (top, logits.iter().map(|x| libm::exp(x - top)).collect())
    };
    let values = induce(model, r, gamma, |node, q| {
        let (top, weights) = weights(node, q);
        tau * (top + libm::log(weights.iter().sum()))
    });
    let mut policy = values.q;
    for (i, row) in policy.chunks_exact_mut(a).enumerate() {
        let (_, weights) = weights((i % model.nodes()) as u32, row);
        let sum: f64 = weights.iter().sum();
        row.iter_mut().zip(weights).for_each(|(x, w)| *x = w / sum);
    }
    policy
}

/// Expected discounted sum of the payments of a policy with a clock, [H][nodes x actions].
pub fn worth_with_clock(model: &Model, policy: &[f64], r: &[f64], gamma: f64) -> f64 {
    let (n, a, e) = (model.nodes(), model.actions, model.edges.len());
    let mut next = vec![0.0; n];
    for t in (0..model.horizon).rev() {
        let mut now = vec![0.0; n];
        for &node in &model.layers[t] {
            let row = &policy[(t * n + node as usize) * a..][..a];
            let value = |x: usize| row[x] * backup(model, &r[t * e..(t + 1) * e], gamma, &next, node, x);
            now[node as usize] = (0..a).map(value).sum();
        }
        next = now;
    }
    model.starts.iter().map(|(node, p)| p * next[*node as usize]).sum()
}

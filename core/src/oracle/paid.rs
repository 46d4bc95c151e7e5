//! What a reward program pays for each transition, found by asking it about real episodes, and whether that is all that
//! it looks at.

use super::model::Model;
use super::plays::Plays;
use crate::plan::{Plan, RUN_FIELDS};
use crate::reward::{Program, Scores, Scratch};

/// Payments of some episodes, one number a step.
#[derive(Clone, Debug, Default)]
pub struct Payments {
    /// The reward, [n][T].
    pub total: Vec<f64>,
    /// Every component, [C][n][T], without its weight.
    pub components: Vec<Vec<f64>>,
    /// Episodes on which the program fails, and those that it gives no reward.
    pub failed: usize,
    pub without: usize,
}

/// Where the run stands, as reward programs see it: `update` of the run's updates, nothing measured.
pub fn run_values(plan: &Plan, update: u32) -> Vec<f32> {
    let mut run = vec![0.0; RUN_FIELDS.len()];
    run[0] = update as f32;
    run[1] = plan.run.updates as f32;
    run[2] = update as f32 / plan.run.updates as f32;
    run
}

/// Scores episodes ([n][stride], of `lengths` steps) one by one, or each with companions: `others(i)` gives the records of
/// the rest of episode i's group.
pub fn pay(
    plan: &Plan,
    program: &Program,
    records: &[f32],
    lengths: &[u32],
    run: &[f32],
    others: Option<&dyn Fn(usize) -> Vec<f32>>,
) -> Payments {
    let (stride, horizon, n) = (plan.task.schema.stride, plan.task.horizon, lengths.len());
    let count = program.components.len();
    let mut out = Payments {
        total: vec![0.0; n * horizon],
        components: vec![vec![0.0; n * horizon]; count],
        ..Payments::default()
    };
    let (mut scores, mut scratch) = (Scores::default(), Scratch::default());
    let (size, at_once) = if others.is_some() { (plan.group(), plan.interface.n_groups) } else { (1, 256) };
    let mut batch = Vec::new();
    for chunk in (0..n).collect::<Vec<_>>().chunks(at_once.max(1)) {
        batch.clear();
        for &i in chunk {
            batch.extend_from_slice(&records[i * stride..(i + 1) * stride]);
            if let Some(others) = others {
                batch.extend_from_slice(&others(i));
            }
        }
        let m = chunk.len() * size;
        program.score(&batch, m, size, run, &mut scores, &mut scratch);
        for (g, &i) in chunk.iter().enumerate() {
            let (sample, length) = (g * size, lengths[i] as usize);
            out.failed += usize::from(scores.errors[sample] != 0);
            if scores.reward[sample].is_nan() {
                out.without += usize::from(scores.errors[sample] == 0);
            } else {
                let paid = &scores.step_reward[sample * horizon..][..length];
                out.total[i * horizon..][..length].iter_mut().zip(paid).for_each(|(x, p)| *x = f64::from(*p));
            }
            let mut step_index = 0;
            for (c, component) in program.components.iter().enumerate() {
                let own = &mut out.components[c][i * horizon..][..length];
                if component.is_step {
                    let values = &scores.steps[(step_index * m + sample) * horizon..][..length];
                    step_index += 1;
                    own.iter_mut().zip(values).for_each(|(x, v)| *x = if v.is_nan() { 0.0 } else { f64::from(*v) });
                } else if let (Some(last), value) = (own.last_mut(), scores.components[c * m + sample])
                    && !value.is_nan()
                {
                    *last = f64::from(value);
                }
            }
        }
    }
    out
}

/// Rewards of a batch of whole groups; NaN where there is none.
pub fn rewards(plan: &Plan, program: &Program, records: &[f32], run: &[f32], group: usize) -> (Vec<f32>, Scores) {
    let (mut scores, mut scratch) = (Scores::default(), Scratch::default());
    program.score(records, records.len() / plan.task.schema.stride, group, run, &mut scores, &mut scratch);
    (scores.reward.clone(), scores)
}

/// A table of payments [H][E] and how well it explains the episodes that it was made of.
pub struct Table {
    pub r: Vec<f64>,
    /// Greatest difference between two payments of the same transition.
    pub spread: f64,
}

/// The mean payment of every transition: of every (step, transition) where `timed`, else of a transition on the way, and
/// of one on the last step.
pub fn tabulate(model: &Model, plays: &Plays, paid: &[f64], timed: bool) -> Table {
    let (edges, horizon) = (model.edges.len(), model.horizon);
    let size = if timed { horizon } else { 2 } * edges;
    let slot = |t: usize, e: usize| if timed { t * edges + e } else { usize::from(t + 1 == horizon) * edges + e };
    let (mut sum, mut count) = (vec![0.0; size], vec![0u32; size]);
    let (mut low, mut high) = (vec![f64::MAX; size], vec![f64::MIN; size]);
    for (i, taken) in plays.edges.iter().enumerate() {
        for (t, &e) in taken.iter().enumerate() {
            let (at, x) = (slot(t, e as usize), paid[i * horizon + t]);
            sum[at] += x;
            count[at] += 1;
            low[at] = low[at].min(x);
            high[at] = high[at].max(x);
        }
    }
    let spread = (0..size).filter(|i| count[*i] > 0).map(|i| high[i] - low[i]).fold(0.0, f64::max);
    let mut r = vec![0.0; horizon * edges];
    for t in 0..horizon {
        for e in 0..edges {
            let at = slot(t, e);
            // On the way and on the last step it may be worth the same; what was never seen counts as nothing.
            r[t * edges + e] = if count[at] > 0 { sum[at] / f64::from(count[at]) } else { 0.0 };
        }
    }
    Table { r, spread }
}

/// Rewards that are paid for whole episodes, spread over the steps by which they grew: with discount 1 the sum is the
/// same. `totals` are of every prefix, one after another.
pub fn differences(plays: &Plays, totals: &[f64], horizon: usize) -> Vec<f64> {
    let mut paid = vec![0.0; plays.len() * horizon];
    let mut at = 0;
    for (i, edges) in plays.edges.iter().enumerate() {
        let mut before = 0.0;
        for t in 0..edges.len() {
            paid[i * horizon + t] = totals[at] - before;
            before = totals[at];
            at += 1;
        }
    }
    paid
}

/// Root mean square of what a table leaves unexplained of episodes' sums, and of those sums about their mean.
pub fn unexplained(model: &Model, plays: &Plays, paid: &[f64], r: &[f64]) -> (f64, f64) {
    let (edges, horizon) = (model.edges.len(), model.horizon);
    let n = plays.len().max(1) as f64;
    let (mut wrong, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (i, taken) in plays.edges.iter().enumerate() {
        let real: f64 = paid[i * horizon..][..taken.len()].iter().sum();
        let told: f64 = taken.iter().enumerate().map(|(t, e)| r[t * edges + *e as usize]).sum();
        wrong += (real - told) * (real - told);
        sum += real;
        squares += real * real;
    }
    ((wrong / n).sqrt(), (squares / n - (sum / n) * (sum / n)).max(0.0).sqrt())
}

/// Whether two lists of payments differ by more than rounding.
pub fn differ(x: &[f64], y: &[f64]) -> bool {
    let scale = x.iter().chain(y).fold(0.0f64, |m, x| m.max(x.abs()));
    x.iter().zip(y).any(|(x, y)| (x - y).abs() > 1e-5 * scale)
}

/// A table of payments, and how far it can be trusted.
pub struct Found {
    pub r: Vec<f64>,
    pub is_exact: bool,
    /// Worlds differ in what they pay, so that the mean over them is an estimate.
    pub is_noisy: bool,
    /// Root mean square of what it does not explain of an episode's sum, and the deviation of those sums.
    pub left: f64,
    pub deviation: f64,
}

/// The mean over worlds of what transitions are paid; exact where in each world the same transition is always paid the
/// same and the sums of `checks` (episodes of world 0) come out.
pub fn mean_table(
    model: &Model,
    worlds: &[Plays],
    paid: &[Vec<f64>],
    checks: &Plays,
    checked: &[f64],
    timed: bool,
) -> Found {
    let scale = paid.iter().flatten().chain(checked).fold(0.0f64, |m, x| m.max(x.abs()));
    let mut last = None;
    for timed in [false, true].into_iter().take(1 + usize::from(timed && model.horizon > 1)) {
        let tables: Vec<_> = worlds.iter().zip(paid).map(|(plays, paid)| tabulate(model, plays, paid, timed)).collect();
        let (left, deviation) = unexplained(model, checks, checked, &tables[0].r);
        let spread = tables.iter().map(|t| t.spread).fold(0.0, f64::max);
        let is_exact = spread <= 2e-5 * scale && left <= 2e-5 * scale * model.horizon as f64;
        let mut r = vec![0.0; model.horizon * model.edges.len()];
        for table in &tables {
            r.iter_mut().zip(&table.r).for_each(|(sum, x)| *sum += x / tables.len() as f64);
        }
        let apart = |(i, mean): (usize, &f64)| tables.iter().any(|t| (t.r[i] - mean).abs() > 2e-5 * scale);
        let is_noisy = r.iter().enumerate().any(apart);
        let found = Found { r, is_exact, is_noisy, left, deviation };
        if is_exact {
            return found;
        }
        last = Some(found);
    }
    last.unwrap_or(Found { r: Vec::new(), is_exact: false, is_noisy: false, left: 0.0, deviation: 0.0 })
}

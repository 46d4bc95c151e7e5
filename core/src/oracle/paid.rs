//! What a reward program pays for each transition, found by asking it about real episodes, and whether that is all that
//! it looks at.

use super::model::Model;
use super::plays::Plays;
use crate::plan::{Plan, RUN_FIELDS};
use crate::reward::{Program, Reads, Scores, Scratch};
use std::collections::BTreeMap;

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

/// Pays the episodes of several worlds, each record that the program sees another of once.
pub fn pay_worlds(plan: &Plan, program: &Program, worlds: &[&Plays], run: &[f32]) -> Vec<Payments> {
    let horizon = plan.task.horizon;
    let (once, same) = pay_once(plan, program, worlds, run);
    let mut same = same.into_iter();
    let mut spread = |plays: &Plays| {
        let own: Vec<usize> = same.by_ref().take(plays.len()).collect();
        let of = |from: &[f64]| own.iter().flat_map(|at| &from[at * horizon..(at + 1) * horizon]).copied().collect();
        Payments {
            total: of(&once.total),
            components: once.components.iter().map(|c| of(c)).collect(),
            failed: once.failed,
            without: once.without,
        }
    };
    worlds.iter().map(|plays| spread(plays)).collect()
}

/// What whole episodes of several worlds are paid, [worlds][n].
pub fn pay_sums(plan: &Plan, program: &Program, worlds: &[&Plays], run: &[f32]) -> Vec<Vec<f64>> {
    let (once, same) = pay_once(plan, program, worlds, run);
    let sums: Vec<f64> = once.total.chunks_exact(plan.task.horizon).map(|steps| steps.iter().sum()).collect();
    let mut all = same.into_iter().map(|at| sums[at]);
    worlds.iter().map(|plays| all.by_ref().take(plays.len()).collect()).collect()
}

/// Payments of the records of several worlds that the program can tell apart, and which of them each record is.
fn pay_once(plan: &Plan, program: &Program, worlds: &[&Plays], run: &[f32]) -> (Payments, Vec<usize>) {
    let schema = &plan.task.schema;
    let slots = Reads::of(program, schema).slots(schema);
    let record = |(w, i): (usize, usize)| &worlds[w].records[i * schema.stride..(i + 1) * schema.stride];
    let mut known = BTreeMap::<u64, usize>::new();
    let (mut first, mut same): (Vec<(usize, usize)>, Vec<usize>) = (Vec::new(), Vec::new());
    for (w, plays) in worlds.iter().enumerate() {
        for i in 0..plays.len() {
            let own = record((w, i));
            // FNV-1a over the words that are read.
            let hash = slots.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, slot| {
                (hash ^ u64::from(own[*slot].to_bits())).wrapping_mul(0x0100_0000_01b3)
            });
            let next = first.len();
            let at = *known.entry(hash).or_insert(next);
            let is_same = at < next && {
                let other = record(first[at]);
                slots.iter().all(|slot| own[*slot].to_bits() == other[*slot].to_bits())
            };
            same.push(if is_same { at } else { next });
            if !is_same {
                first.push((w, i));
            }
        }
    }
    let mut records = Vec::with_capacity(first.len() * schema.stride);
    first.iter().for_each(|at| records.extend_from_slice(record(*at)));
    let lengths: Vec<u32> = first.iter().map(|(w, i)| worlds[*w].edges[*i].len() as u32).collect();
    (pay(plan, program, &records, &lengths, run, None), same)
}

/// Mean payments of transitions: of every (step, transition) where `timed`, else of a transition on the way, and of one on
/// the last step.
struct Table {
    /// [H or 2][E]; 0 for what was never seen.
    mean: Vec<f64>,
    /// Greatest difference between two payments of the same transition.
    spread: f64,
}

/// The place of a transition in such a table.
#[inline(always)]
fn slot(edges: usize, horizon: usize, timed: bool, t: usize, e: usize) -> usize {
    let row = if timed { t } else { usize::from(t + 1 == horizon) };
    row * edges + e
}

fn tabulate(model: &Model, plays: &Plays, paid: &[f64], timed: bool) -> Table {
    let (edges, horizon) = (model.edges.len(), model.horizon);
    let size = if timed { horizon } else { 2 } * edges;
    let (mut mean, mut count) = (vec![0.0; size], vec![0u32; size]);
    let (mut low, mut high) = (vec![f64::MAX; size], vec![f64::MIN; size]);
    for (taken, paid) in plays.edges.iter().zip(paid.chunks_exact(horizon)) {
        for (t, (e, x)) in taken.iter().zip(paid).enumerate() {
            let at = slot(edges, horizon, timed, t, *e as usize);
            mean[at] += x;
            count[at] += 1;
            if *x < low[at] {
                low[at] = *x;
            }
            if *x > high[at] {
                high[at] = *x;
            }
        }
    }
    let mut spread = 0.0;
    for at in (0..size).filter(|at| count[*at] > 0) {
        mean[at] /= f64::from(count[at]);
        if high[at] - low[at] > spread {
            spread = high[at] - low[at];
        }
    }
    Table { mean, spread }
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

/// Root mean square of what a table [H][E] leaves unexplained of episodes' sums, and of those sums about their mean.
pub fn unexplained(model: &Model, plays: &Plays, paid: &[f64], r: &[f64]) -> (f64, f64) {
    left_by(model, plays, paid, r, true)
}

fn left_by(model: &Model, plays: &Plays, paid: &[f64], r: &[f64], timed: bool) -> (f64, f64) {
    let (edges, horizon) = (model.edges.len(), model.horizon);
    let n = plays.len().max(1) as f64;
    let (mut wrong, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (taken, paid) in plays.edges.iter().zip(paid.chunks_exact(horizon)) {
        let (mut real, mut told) = (0.0, 0.0);
        for (t, (e, x)) in taken.iter().zip(paid).enumerate() {
            real += x;
            told += r[slot(edges, horizon, timed, t, *e as usize)];
        }
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

/// The mean over worlds of what transitions are paid (`timed`: at every step apart); exact where in each world the same
/// transition is always paid the same and the sums of `checks` (episodes of world 0) come out.
pub fn mean_table(
    model: &Model,
    worlds: &[&Plays],
    paid: &[&[f64]],
    checks: &Plays,
    checked: &[f64],
    timed: bool,
) -> Found {
    let mut scale = 0.0f64;
    for x in paid.iter().flat_map(|p| p.iter()).chain(checked) {
        if x.abs() > scale {
            scale = x.abs();
        }
    }
    let (horizon, edges) = (model.horizon, model.edges.len());
    let mut mean = vec![0.0; if timed { horizon } else { 2 } * edges];
    let mut tables = Vec::with_capacity(worlds.len());
    let mut spread = 0.0f64;
    for (plays, paid) in worlds.iter().zip(paid) {
        let table = tabulate(model, plays, paid, timed);
        spread = spread.max(table.spread);
        mean.iter_mut().zip(&table.mean).for_each(|(sum, x)| *sum += x / worlds.len() as f64);
        tables.push(table.mean);
    }
    let (left, deviation) = tables.first().map_or((0.0, 0.0), |t| left_by(model, checks, checked, t, timed));
    let is_exact = spread <= 2e-5 * scale && left <= 2e-5 * scale * horizon as f64;
    let apart = |table: &Vec<f64>| table.iter().zip(&mean).any(|(x, mean)| (x - mean).abs() > 2e-5 * scale);
    let is_noisy = tables.iter().any(apart);
    let mut r = mean;
    if !timed {
        let (on_the_way, last) = r.split_at(edges);
        let mut all = Vec::with_capacity(horizon * edges);
        (1..horizon).for_each(|_| all.extend_from_slice(on_the_way));
        all.extend_from_slice(last);
        r = all;
    }
    Found { r, is_exact, is_noisy, left, deviation }
}

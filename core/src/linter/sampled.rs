//! Checks on episodes of the base policy: components that say nothing, drown the others or point the wrong way, rewards
//! that an estimator cannot tell apart, and pay for doing nothing.

use super::{Covered, finding};
use crate::algorithm::advantage::epsilon;
use crate::algorithm::settings::{Aggregation, Estimator, ScaleRewards};
use crate::math::rng::{draw, purpose, uniform};
use crate::oracle::model::SEED_SPACE;
use crate::oracle::paid::{rewards, run_values};
use crate::oracle::plays::pick;
use crate::oracle::report::{Check, ComponentFacts, Finding, Report};
use crate::plan::Plan;
use crate::reward::{ComponentInfo, Scores};
use crate::tasks::{DrawKey, Play, STATE_WORDS, State, StepTask, TokenTask};

/// Episodes, about.
const EPISODES: usize = 512;
/// Share of the variance from which a component drowns the others.
const DROWNS: f64 = 0.9;
/// Correlation with the true score from which a component may.
const FOLLOWS: f64 = 0.25;
/// Correlation with the true score below which a component points the wrong way.
const WRONG: f64 = -0.1;
/// Deviations of chance that it must be away from 0.
const SIGMAS: f64 = 4.0;

/// Episodes of the base policy in groups that start alike. Completions are demonstrations, which the base policy
/// learns from.
struct Episodes {
    n: usize,
    records: Vec<f32>,
    truth: Vec<f64>,
    lengths: Vec<f64>,
    /// Tokens: the records with the first sample of every group answering nothing, and the mean true score of that.
    empty: Option<(Vec<f32>, f64)>,
}

fn key(i: usize, group: usize) -> DrawKey {
    DrawKey { seed: SEED_SPACE + 2, update: 0, group: (i / group) as u32, sample: (i % group) as u32 }
}

fn sample(plan: &Plan) -> Episodes {
    let group = plan.group();
    let n = EPISODES.div_ceil(group).max(4) * group;
    let mut all = Episodes {
        n,
        records: vec![0.0; n * plan.task.schema.stride],
        truth: Vec::with_capacity(n),
        lengths: Vec::with_capacity(n),
        empty: None,
    };
    match &plan.task.play {
        Play::Steps(task) => steps(plan, task.as_ref(), &mut all),
        Play::Tokens(task) => tokens(plan, task.as_ref(), &mut all),
    }
    all
}

fn steps(plan: &Plan, task: &dyn StepTask, all: &mut Episodes) {
    let (stride, group, actions) = (plan.task.schema.stride, plan.group(), plan.task.n_actions);
    let mut prior = vec![0.0; actions];
    for (i, record) in all.records.chunks_exact_mut(stride).enumerate() {
        let key = key(i, group);
        let mut state: State = [0; STATE_WORDS];
        task.begin(key, &mut state, record);
        let (mut t, mut over) = (0, false);
        while !over && t < plan.task.horizon as u32 {
            if task.has_prior() {
                task.prior(&state, &mut prior);
            }
            let weights: Vec<f64> = prior.iter().map(|x| libm::exp(f64::from(*x))).collect();
            let sum: f64 = weights.iter().sum();
            let u = f64::from(uniform(draw(key.seed, 0, key.group, key.sample, t, purpose::ACTION)[0]));
            let action = pick(&weights, u * sum) as u32;
            over = task.step(key, t, action, &mut state, record);
            t += 1;
        }
        all.truth.push(f64::from(task.finish(key, &state, t, !over, record)));
        all.lengths.push(f64::from(t));
    }
}

fn tokens(plan: &Plan, task: &dyn TokenTask, all: &mut Episodes) {
    let (stride, group) = (plan.task.schema.stride, plan.group());
    let mut prompt = vec![0; task.prompt_len()];
    let mut out = vec![0; plan.task.horizon];
    let mut empty = Vec::with_capacity(all.records.len());
    let (mut worth, mut empties) = (0.0, 0.0);
    for (i, record) in all.records.chunks_exact_mut(stride).enumerate() {
        let key = key(i, group);
        task.prompt(key, &mut prompt);
        let length = task.demonstration(key, &prompt, &mut out);
        let truncated = out[..length].last() != Some(&task.end_token());
        all.truth.push(f64::from(task.finish(key, &prompt, &out[..length], truncated, record)));
        all.lengths.push(length as f64);
        empty.extend_from_slice(record);
        if i % group == 0 {
            worth += f64::from(task.finish(key, &prompt, &[task.end_token()], false, &mut empty[i * stride..]));
            empties += 1.0;
        }
    }
    all.empty = Some((empty, worth / empties));
}

/// Mean and deviation of the numbers that are there.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let n = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, (values.map(|x| (x - mean) * (x - mean)).sum::<f64>() / n).sqrt())
}

/// Pearson's correlation over the pairs that are there; None where one of the two never differs.
fn correlation(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = x.iter().copied().zip(y.iter().copied()).filter(|(x, _)| !x.is_nan()).collect();
    let (mx, sx) = moments(pairs.iter().map(|p| p.0));
    let (my, sy) = moments(pairs.iter().map(|p| p.1));
    let n = pairs.len() as f64;
    let both = pairs.iter().map(|(x, y)| (x - mx) * (y - my)).sum::<f64>() / n.max(1.0);
    (sx > 1e-7 * mx.abs().max(1e-30) && sy > 0.0).then(|| both / (sx * sy))
}

/// Adds facts of components and findings to a report.
pub fn check(plan: &Plan, arm: usize, solution: Option<(Covered<'_>, f64)>, report: &mut Report) {
    let program = &plan.arms[arm].program;
    let run = run_values(plan, 0);
    let all = sample(plan);
    let (paid, scores) = rewards(plan, program, &all.records, &run, plan.group());
    let covered = solution.as_ref().map(|(all, _)| (rewards(plan, program, all.records, &run, 1).1, all.what));
    if report.components.is_empty() {
        report.components = program.components.iter().map(|c| facts(&c.name)).collect();
    }
    silent(plan, arm, &scores, covered.as_ref(), report);
    if !program.has_combine() {
        shares(plan, arm, &all, &scores, report);
    }
    let paid: Vec<f64> = paid.iter().map(|x| f64::from(*x)).collect();
    below_epsilon(plan, arm, &paid, report);
    let best = solution.map_or(0.0, |(_, best)| best);
    for_nothing(plan, arm, &all, &paid, best, report);
}

fn facts(name: &str) -> ComponentFacts {
    let name = name.to_string();
    ComponentFacts { name, potential_based: None, true_without: None, variance_share: None, correlation: None }
}

/// The values of one component, and of its steps, that are there.
fn values(scores: &Scores, plan: &Plan, arm: usize, c: usize) -> (Vec<f32>, Vec<f32>) {
    let components = &plan.arms[arm].program.components;
    let n = scores.reward.len();
    let there = |x: &[f32]| x.iter().copied().filter(|x| !x.is_nan()).collect::<Vec<f32>>();
    let own = there(&scores.components[c * n..(c + 1) * n]);
    if !components[c].is_step {
        return (own, Vec::new());
    }
    let s = components[..c].iter().filter(|c| c.is_step).count();
    let size = n * plan.task.horizon;
    (own, there(&scores.steps[s * size..(s + 1) * size]))
}

/// Components that never apply, and those that are always the same.
fn silent(plan: &Plan, arm: usize, scores: &Scores, covered: Option<&(Scores, &'static str)>, report: &mut Report) {
    let program = &plan.arms[arm].program;
    let over = match covered {
        Some((_, what)) => (*what).to_string(),
        None => format!("in {} episodes of the base policy", scores.reward.len()),
    };
    for (c, component) in program.components.iter().enumerate() {
        let name = &component.name;
        let (mut own, mut steps) = values(scores, plan, arm, c);
        if let Some((covered, _)) = covered {
            let more = values(covered, plan, arm, c);
            own.extend(more.0);
            steps.extend(more.1);
        }
        let failed = |s: &Scores| s.errors.iter().any(|e| *e != 0);
        if own.is_empty() && !failed(scores) && !covered.is_some_and(|c| failed(&c.0)) {
            let message = format!("`{name}` never applies: it gave None {over}");
            let suggestion = "look at its conditions, or leave it out".to_string();
            report.findings.push(finding(Check::NeverApplies, program, Some(c), message, suggestion));
        }
        let same = |x: &[f32]| x.windows(2).all(|w| w[0] == w[1]);
        // The base policy may never have come to what pays; demonstrations do.
        let is_rare = covered.is_none() && own.first() == Some(&0.0) && matches!(plan.task.play, Play::Steps(_));
        if own.len() > 1 && same(&own) && same(&steps) && !is_rare {
            let message = format!("`{name}` is always {}, {over}: what all samples are paid moves no policy", own[0]);
            let suggestion = "look at its conditions, or leave it out".to_string();
            report.findings.push(finding(Check::Constant, program, Some(c), message, suggestion));
        }
    }
}

/// Shares of the variance and correlations with the true score; components that drown the others without following the
/// true score, and those that fall where it rises.
fn shares(plan: &Plan, arm: usize, all: &Episodes, scores: &Scores, report: &mut Report) {
    let (program, settings) = (&plan.arms[arm].program, &plan.arms[arm].settings);
    let n = all.n;
    let columns: Vec<Vec<f64>> = (0..program.components.len())
        .map(|c| {
            let weight = f64::from(program.components[c].weight);
            scores.components[c * n..(c + 1) * n].iter().map(|x| weight * f64::from(*x)).collect()
        })
        .collect();
    let counts = |(f, c): (&ComponentFacts, &ComponentInfo)| f.potential_based != Some(true) && c.weight != 0.0;
    let changes: Vec<bool> = report.components.iter().zip(&program.components).map(counts).collect();
    let there = |c: usize| columns[c].iter().copied().filter(|x| !x.is_nan());
    let variances: Vec<f64> = (0..columns.len()).map(|c| moments(there(c)).1).map(|s| s * s).collect();
    let total: f64 = (0..columns.len()).filter(|c| changes[*c]).map(|c| variances[c]).sum();
    let silent = |c: usize| {
        let own = |f: &&Finding| f.component.as_deref() == Some(&program.components[c].name);
        report.findings.iter().filter(own).any(|f| matches!(f.check, Check::NeverApplies | Check::Constant))
    };
    let heard = (0..columns.len()).filter(|c| changes[*c] && !silent(*c)).count();
    let normalised =
        settings.multi_objective_aggregation == Aggregation::NormalizeThenSum || settings.estimator == Estimator::Gdpo;
    for c in 0..columns.len() {
        let name = &program.components[c].name;
        let follows = correlation(&columns[c], &all.truth);
        report.components[c].correlation = follows.map(|x| x as f32);
        if total <= 0.0 || !changes[c] {
            continue;
        }
        let share = variances[c] / total;
        report.components[c].variance_share = Some(share as f32);
        let percent = 100.0 * share;
        if share > DROWNS && heard > 1 && !normalised && follows.is_none_or(|x| x < FOLLOWS) {
            let message = format!(
                "`{name}` has {percent:.0}% of the variance of the reward over the base policy's episodes: the other components hardly count"
            );
            let factor = (total / (heard as f64) / variances[c]).sqrt();
            let suggestion = format!(
                "give it about {factor:.2} of its weight, or normalise each component first (multi_objective_aggregation = \"normalize_then_sum\")"
            );
            report.findings.push(finding(Check::Dominates, program, Some(c), message, suggestion));
        }
        if let Some(x) = follows.filter(|x| *x < WRONG && *x * (n as f64).sqrt() < -SIGMAS) {
            let message = format!(
                "`{name}` falls where the true score rises: their correlation over the base policy's episodes is {x:.2}"
            );
            let suggestion = "turn its sign, or pay it only where the answer is right".to_string();
            report.findings.push(finding(Check::WrongSign, program, Some(c), message, suggestion));
        }
    }
}

/// Deviations within groups that drown in the epsilon that is added to them.
fn below_epsilon(plan: &Plan, arm: usize, paid: &[f64], report: &mut Report) {
    let settings = &plan.arms[arm].settings;
    if settings.estimator != Estimator::Grpo || settings.scale_rewards == ScaleRewards::None {
        return;
    }
    let epsilon = f64::from(epsilon(settings.framework));
    let deviation = |group: &[f64]| {
        let there = || group.iter().copied().filter(|x| !x.is_nan());
        let n = there().count() as f64;
        if n < 2.0 { 0.0 } else { moments(there()).1 * (n / (n - 1.0)).sqrt() }
    };
    let size = paid.iter().filter(|x| !x.is_nan()).fold(0.0f64, |m, x| m.max(x.abs()));
    // Rounding is no spread.
    let mut spread: Vec<f64> = paid.chunks(plan.group()).map(deviation).filter(|s| *s > 1e-6 * size).collect();
    spread.sort_by(f64::total_cmp);
    let Some(&middle) = spread.get(spread.len() / 2) else { return };
    if middle < epsilon {
        let message = format!(
            "rewards of a group differ by {middle:.1e} (deviation), less than the {epsilon:.0e} that is added to the deviation they are divided by: advantages shrink to nothing"
        );
        let suggestion = format!("multiply the reward by {:.0} or more", (100.0 * epsilon / middle).ceil());
        let program = &plan.arms[arm].program;
        report.findings.push(finding(Check::BelowEpsilon, program, None, message, suggestion));
    }
}

/// Pay above the mean for the empty answer, or for the shortest episodes, where these are worse than the mean, or no
/// better and far from the best possible true score.
fn for_nothing(plan: &Plan, arm: usize, all: &Episodes, paid: &[f64], best: f64, report: &mut Report) {
    let program = &plan.arms[arm].program;
    let there = |x: Vec<f64>| moments(x.into_iter().filter(|x| !x.is_nan()).collect::<Vec<_>>().into_iter());
    let (mean, deviation) = there(paid.to_vec());
    let worth = moments(all.truth.iter().copied()).0;
    let (what, pays, is_worth) = if let Some((records, is_worth)) = &all.empty {
        let (empty, _) = rewards(plan, program, records, &run_values(plan, 0), plan.group());
        let first = empty.iter().step_by(plan.group()).map(|x| f64::from(*x)).collect();
        ("an empty answer", there(first).0, *is_worth)
    } else {
        let least = all.lengths.iter().copied().fold(f64::MAX, f64::min);
        if all.lengths.iter().all(|l| *l == least) {
            return;
        }
        let of =
            |x: &[f64]| x.iter().zip(&all.lengths).filter(|(_, l)| **l == least).map(|(x, _)| *x).collect::<Vec<f64>>();
        ("the shortest episodes", there(of(paid)).0, there(of(&all.truth)).0)
    };
    let is_worse = is_worth < worth - 1e-6 || is_worth <= worth + 1e-6 && is_worth < 0.5 * best;
    if pays > mean + 0.1 * deviation && is_worse {
        let message = format!(
            "{what} would be paid {pays:.2} on average, more than the base policy's {mean:.2}, with a true score of {is_worth:.2} against {worth:.2}"
        );
        let suggestion = "pay for brevity only where the answer is right, or less than being right pays".to_string();
        report.findings.push(finding(Check::PaysForNothing, program, None, message, suggestion));
    }
}

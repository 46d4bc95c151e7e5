//! Checks on episodes of the base policy: components that say nothing, drown the others or point the wrong way, rewards
//! that an estimator cannot tell apart, pay for doing nothing, and pay for what is worth less.

use super::episodes::{Episodes, correlation, moments};
use super::findings::{Covered, finding};
use super::search::Found;
use crate::algorithm::advantage::epsilon;
use crate::algorithm::settings::{Estimator, ScaleRewards};
use crate::algorithm::{is_group_relative, normalises_components};
use crate::oracle::paid::{rewards, run_values};
use crate::oracle::report::{ArmReport, Check, ComponentFacts, Finding};
use crate::plan::{Plan, PlannedArm};
use crate::reward::{ComponentInfo, Scores};
use crate::tasks::Play;

/// Share of the variance from which a component drowns the others.
const DROWNS: f64 = 0.9;
/// Correlation with the true score from which a component may.
const FOLLOWS: f64 = 0.25;
/// Correlation with the true score below which a component points the wrong way.
const WRONG: f64 = -0.1;
/// Deviations of chance that it must be away from 0.
const SIGMAS: f64 = 4.0;

/// Adds facts of components and findings to a report.
pub fn check(
    plan: &Plan,
    arm: &PlannedArm,
    all: &Episodes,
    solution: Option<(Covered<'_>, f64)>,
    report: &mut ArmReport,
) {
    let program = &arm.program;
    let run = run_values(plan, 0);
    let (paid, scores) = rewards(plan, program, &all.records, &run, plan.group());
    let covered = solution.as_ref().map(|(all, _)| (rewards(plan, program, all.records, &run, 1).1, all.what));
    if report.components.is_empty() {
        report.components = program.components.iter().map(|c| facts(&c.name)).collect();
    }
    silent(plan, arm, &scores, covered.as_ref(), report);
    if !program.has_combine() {
        if is_compared_in_groups(plan, arm) {
            same_in_groups(plan, arm, all, &scores, &run, report);
        }
        shares(plan, arm, all, &scores, report);
    }
    super::digits::check(plan, arm, &all.records, report);
    let paid: Vec<f64> = paid.iter().map(|x| f64::from(*x)).collect();
    below_epsilon(plan, arm, &paid, report);
    let best = solution.map_or(0.0, |(_, best)| best);
    for_nothing(plan, arm, all, &paid, best, report);
}

fn facts(name: &str) -> ComponentFacts {
    let name = name.to_string();
    ComponentFacts { name, potential_based: None, true_without: None, variance_share: None, correlation: None }
}

/// What an arm makes of a component that does not apply.
#[derive(Clone, Copy, PartialEq)]
enum Absent {
    /// It adds nothing to the sum: as good as 0, where another component gives the sample a reward.
    Nothing,
    /// It is left out where each component is normalised.
    LeftOut,
    /// `combine` sees it.
    Seen,
}

impl Absent {
    fn of(arm: &PlannedArm) -> Self {
        if arm.program.has_combine() {
            Self::Seen
        } else if normalises_components(&arm.settings) {
            Self::LeftOut
        } else {
            Self::Nothing
        }
    }
}

/// What a component adds to the rewards of the samples that have one, and to their steps; NaN where `combine` sees that it
/// does not apply.
fn added(scores: &Scores, plan: &Plan, arm: &PlannedArm, c: usize) -> (Vec<f32>, Vec<f32>) {
    let components = &arm.program.components;
    let (n, absent) = (scores.reward.len(), Absent::of(arm));
    let counts = |x: &f32| absent != Absent::LeftOut || !x.is_nan();
    let as_added = |x: f32| if x.is_nan() && absent == Absent::Nothing { 0.0 } else { x };
    let has_reward = |i: &usize| !scores.reward[*i].is_nan();
    let own = &scores.components[c * n..(c + 1) * n];
    let samples = || (0..n).filter(has_reward).filter(|i| counts(&own[*i]));
    let totals = samples().map(|i| as_added(own[i])).collect();
    if !components[c].is_step {
        return (totals, Vec::new());
    }
    let s = components[..c].iter().filter(|c| c.is_step).count();
    let horizon = plan.task.horizon;
    // Beyond the end of an episode there is no step, and a step that is paid nothing says as little.
    let steps = samples().flat_map(|i| &scores.steps[(s * n + i) * horizon..][..horizon]).copied();
    (totals, steps.filter(|x| !x.is_nan()).collect())
}

/// Whether a component applies nowhere.
fn is_absent(scores: &Scores, c: usize) -> bool {
    let n = scores.reward.len();
    scores.components[c * n..(c + 1) * n].iter().all(|x| x.is_nan())
}

/// Components that never apply, and those that are always the same.
fn silent(
    plan: &Plan,
    arm: &PlannedArm,
    scores: &Scores,
    covered: Option<&(Scores, &'static str)>,
    report: &mut ArmReport,
) {
    let program = &arm.program;
    let over = match covered {
        Some((_, what)) => (*what).to_string(),
        None => format!("in {} episodes of the base policy", scores.reward.len()),
    };
    let all = || [Some(scores), covered.map(|c| &c.0)].into_iter().flatten();
    let failed = all().any(|s| s.errors.iter().any(|e| *e != 0));
    for (c, component) in program.components.iter().enumerate() {
        let name = &component.name;
        if all().all(|s| is_absent(s, c)) {
            if !failed {
                let message = format!("`{name}` never applies: it gave None {over}");
                report.findings.push(finding(Check::NeverApplies, program, Some(c), message, "look at its conditions"));
            }
            continue;
        }
        let (mut own, mut steps) = (Vec::new(), Vec::new());
        for scores in all() {
            let more = added(scores, plan, arm, c);
            own.extend(more.0);
            steps.extend(more.1);
        }
        let is_partial = all().any(|s| {
            let n = s.reward.len();
            s.components[c * n..(c + 1) * n].iter().any(|x| x.is_nan())
        });
        let same = |x: &[f32]| x.windows(2).all(|w| w[0] == w[1]);
        // The base policy may never have come to what pays; demonstrations do.
        let is_rare = covered.is_none() && own.first() == Some(&0.0) && matches!(plan.task.play, Play::Steps(_));
        if own.len() > 1 && same(&own) && same(&steps) && !is_rare {
            let message = match Absent::of(arm) {
                Absent::LeftOut if is_partial => format!(
                    "`{name}` is always {} where it applies, {over}, and each component is normalised over the samples where it applies: it moves no policy",
                    own[0]
                ),
                _ if is_partial => format!(
                    "`{name}` is always {} where it applies, {over}, and a sample to which no component applies has no reward and takes no part: it moves no policy",
                    own[0]
                ),
                _ => format!("`{name}` is always {}, {over}: what all samples are paid moves no policy", own[0]),
            };
            report.findings.push(finding(Check::Constant, program, Some(c), message, "look at its conditions"));
        }
    }
}

/// Whether the estimator sees only what differs within a group.
fn is_compared_in_groups(plan: &Plan, arm: &PlannedArm) -> bool {
    plan.group() > 1 && is_group_relative(&arm.settings)
}

/// What a component adds to the reward of a sample; None where the sample has none, or the component is left out of it.
fn added_to(scores: &Scores, arm: &PlannedArm, c: usize, i: usize) -> Option<f32> {
    let own = scores.components[c * scores.reward.len() + i];
    let is_out = scores.reward[i].is_nan() || Absent::of(arm) == Absent::LeftOut && own.is_nan();
    (!is_out).then_some(if own.is_nan() { 0.0 } else { own })
}

/// Whether a component differs between two samples of some group.
fn differs_in_a_group(plan: &Plan, arm: &PlannedArm, scores: &Scores, c: usize) -> bool {
    let samples: Vec<usize> = (0..scores.reward.len()).collect();
    samples.chunks(plan.group()).any(|group| {
        let mut values = group.iter().filter_map(|i| added_to(scores, arm, c, *i));
        let first = values.next();
        values.any(|x| Some(x) != first)
    })
}

/// Components that differ between prompts and never between the samples of one, under an estimator that compares samples
/// with their group only. Demonstrations of one prompt may be alike, so an empty answer beside them must change nothing
/// either.
fn same_in_groups(plan: &Plan, arm: &PlannedArm, all: &Episodes, scores: &Scores, run: &[f32], report: &mut ArmReport) {
    let program = &arm.program;
    let group = plan.group() * plan.task.schema.stride;
    let is_alike = |records: &[f32]| {
        let mut samples =
            records.chunks_exact(plan.task.schema.stride).map(|sample| sample.iter().map(|x| x.to_bits()));
        let first = samples.next();
        first.is_none_or(|first| samples.all(|sample| sample.eq(first.clone())))
    };
    let with_empty = all.empty.as_ref().map(|(records, _)| rewards(plan, program, records, run, plan.group()).1);
    if with_empty.is_none() && all.records.chunks_exact(group).all(is_alike) {
        return;
    }
    for (c, component) in program.components.iter().enumerate() {
        let mut values = (0..all.n).filter_map(|i| added_to(scores, arm, c, i));
        let first = values.next();
        let differs = values.any(|x| Some(x) != first);
        let moves =
            || [Some(scores), with_empty.as_ref()].into_iter().flatten().any(|s| differs_in_a_group(plan, arm, s, c));
        if component.weight != 0.0 && differs && !moves() {
            let message = format!(
                "`{}` differs between prompts and never between the samples of one, in {} episodes of the base policy, and {} compares samples of one prompt only: it moves no policy",
                component.name,
                all.n,
                arm.settings.estimator.name()
            );
            report.findings.push(finding(Check::Constant, program, Some(c), message, "look at what it reads"));
        }
    }
}

/// Shares of the variance and correlations with the true score; components that drown the others without following the
/// true score, and those that fall where it rises. Where the estimator compares samples with their group only, both
/// numbers are centred by group first: what differs between prompts cancels, and a correlation between prompts may even
/// have the other sign.
fn shares(plan: &Plan, arm: &PlannedArm, all: &Episodes, scores: &Scores, report: &mut ArmReport) {
    let program = &arm.program;
    let by_group = is_compared_in_groups(plan, arm);
    let size = if by_group { plan.group() } else { all.n };
    let samples: Vec<usize> = (0..all.n).collect();
    let within = if by_group { "within groups of" } else { "over" };
    // What each adds to the reward, beside the true score, over the samples that it counts in, and the numbers that are
    // free to differ.
    let columns: Vec<(Vec<(f64, f64)>, usize)> = (0..program.components.len())
        .map(|c| {
            let weight = f64::from(program.components[c].weight);
            let (mut column, mut free) = (Vec::with_capacity(all.n), 0);
            for group in samples.chunks(size) {
                let pair = |i: &usize| Some((weight * f64::from(added_to(scores, arm, c, *i)?), all.truth[*i]));
                let mut pairs: Vec<(f64, f64)> = group.iter().filter_map(pair).collect();
                if by_group {
                    centre(&mut pairs);
                }
                free += pairs.len().saturating_sub(1);
                column.extend(pairs);
            }
            (column, free)
        })
        .collect();
    let counts = |(f, c): (&ComponentFacts, &ComponentInfo)| f.potential_based != Some(true) && c.weight != 0.0;
    let changes: Vec<bool> = report.components.iter().zip(&program.components).map(counts).collect();
    let variance = |(column, _): &(Vec<(f64, f64)>, usize)| moments(column.iter().map(|x| x.0)).1.powi(2);
    let variances: Vec<f64> = columns.iter().map(variance).collect();
    let total: f64 = (0..columns.len()).filter(|c| changes[*c]).map(|c| variances[c]).sum();
    // A component that the base policy's episodes never show another value of is not drowned: it is not there yet.
    let heard = (0..columns.len()).filter(|c| changes[*c] && variances[*c] > 1e-12 * total).count();
    let normalised = normalises_components(&arm.settings);
    for c in 0..columns.len() {
        let name = &program.components[c].name;
        let (column, free) = &columns[c];
        let follows = correlation(column);
        report.components[c].correlation = follows.map(|x| x as f32);
        if total <= 0.0 || !changes[c] {
            continue;
        }
        let share = variances[c] / total;
        report.components[c].variance_share = Some(share as f32);
        let percent = 100.0 * share;
        if share > DROWNS && heard > 1 && !normalised && follows.is_none_or(|x| x < FOLLOWS) {
            let message = format!(
                "`{name}` has {percent:.0}% of the variance of the reward {within} the base policy's episodes: what the other components pay is hardly heard at first"
            );
            report.findings.push(finding(Check::Dominates, program, Some(c), message, ""));
        }
        if let Some(x) = follows.filter(|x| *x < WRONG && *x * (*free as f64).sqrt() < -SIGMAS) {
            let message = format!(
                "`{name}` falls where the true score rises: their correlation {within} the base policy's episodes is {x:.2}"
            );
            report.findings.push(finding(Check::WrongSign, program, Some(c), message, ""));
        }
    }
}

/// Pairs less their means.
fn centre(pairs: &mut [(f64, f64)]) {
    let means = (moments(pairs.iter().map(|p| p.0)).0, moments(pairs.iter().map(|p| p.1)).0);
    for (x, y) in pairs {
        // What is alike is exactly 0: rounding is no variance.
        let less = |x: f64, mean: f64| if (x - mean).abs() > 1e-12 * mean.abs() { x - mean } else { 0.0 };
        (*x, *y) = (less(*x, means.0), less(*y, means.1));
    }
}

/// The factor of a component's weight with which its variance is the mean of the others'; None where they have none.
pub(super) fn quieter(report: &ArmReport, c: usize) -> Option<f64> {
    let share = f64::from(report.components[c].variance_share?);
    let others =
        report.components.iter().enumerate().filter(|(i, f)| *i != c && f.variance_share.is_some_and(|s| s > 0.0));
    let rest = (1.0 - share) / others.count().max(1) as f64;
    (rest > 0.0).then(|| (rest / share).sqrt())
}

/// Deviations within groups that drown in the epsilon that is added to them.
fn below_epsilon(plan: &Plan, arm: &PlannedArm, paid: &[f64], report: &mut ArmReport) {
    let settings = &arm.settings;
    if settings.estimator != Estimator::Grpo || settings.scale_rewards == ScaleRewards::None {
        return;
    }
    let epsilon = f64::from(epsilon(settings.framework));
    if let Some(middle) = spread(plan, paid).filter(|middle| *middle < epsilon) {
        let message = format!(
            "rewards of a group differ by {middle:.1e} (deviation), less than the {epsilon:.0e} that is added to the deviation they are divided by: advantages shrink to nothing"
        );
        report.findings.push(finding(Check::BelowEpsilon, &arm.program, None, message, ""));
    }
}

/// The median deviation of a group's rewards, of those that have one.
pub(super) fn spread(plan: &Plan, paid: &[f64]) -> Option<f64> {
    let deviation = |group: &[f64]| {
        let there = || group.iter().copied().filter(|x| !x.is_nan());
        let n = there().count() as f64;
        if n < 2.0 { 0.0 } else { moments(there()).1 * (n / (n - 1.0)).sqrt() }
    };
    let size = paid.iter().filter(|x| !x.is_nan()).fold(0.0f64, |m, x| m.max(x.abs()));
    // Rounding is no spread.
    let mut spread: Vec<f64> = paid.chunks(plan.group()).map(deviation).filter(|s| *s > 1e-6 * size).collect();
    spread.sort_by(f64::total_cmp);
    spread.get(spread.len() / 2).copied()
}

/// Pay above the mean for the empty answer, or for the shortest episodes, where these are worse than the mean, or no
/// better and far from the best possible true score.
fn for_nothing(plan: &Plan, arm: &PlannedArm, all: &Episodes, paid: &[f64], best: f64, report: &mut ArmReport) {
    let program = &arm.program;
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
        report.findings.push(finding(Check::PaysForNothing, program, None, message, ""));
    }
}

/// What a search has found: pay for what is worth less.
pub fn misled(arm: &PlannedArm, found: &Found) -> Finding {
    let (paid, worth) = (found.paid, found.worth);
    let (who, than) = match &found.does {
        Some(does) => (format!("a policy that {does}"), "the demonstrations"),
        None => {
            ("what a short training on this reward finds".to_string(), "what a short training on the true score finds")
        }
    };
    let message = format!(
        "{who} is paid {:.2} and has a true score of {:.2}; {than} {} paid {:.2} and {} a true score of {:.2}",
        paid.paid.0,
        paid.truth.0,
        if found.does.is_some() { "are" } else { "is" },
        worth.paid.0,
        if found.does.is_some() { "have" } else { "has" },
        worth.truth.0,
    );
    finding(Check::PaysMoreForLess, &arm.program, None, message, "")
}

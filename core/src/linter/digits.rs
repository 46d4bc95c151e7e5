//! Digits that 32 bits lose: the program's numbers on sampled episodes against the same in 64 bits.

use super::findings::finding;
use crate::oracle::paid::run_values;
use crate::oracle::report::{ArmReport, Check};
use crate::plan::{Plan, PlannedArm};
use crate::reward::{Scores, Scratch, Wide};

/// What ends it; no edit is offered, since only the program's writer knows what its numbers have in common.
const HINT: &str =
    "subtract what the numbers have in common before they are squared or added up, as `std(..)` and `mean(..)` do";
/// Operations that may be spent on it.
const BUDGET: f64 = 4.0e6;
/// A subtraction that leaves less of its operands than this takes so many digits that rounding shows.
const LEAVES: f64 = 1e-3;
/// Share of a number's own size, and of the spread over the episodes, that an error has to be.
const ERROR: f64 = 0.01;
/// Share of the episodes that an error has to be found in.
const SHARE: f64 = 0.02;

/// Warns of components (and of `combine`) whose numbers differ from those of 64 bits where a subtraction cancels; `records`
/// [n][stride] are episodes in groups.
pub fn check(plan: &Plan, arm: &PlannedArm, records: &[f32], report: &mut ArmReport) {
    let program = &arm.program;
    let (stride, group, run) = (plan.task.schema.stride, plan.group(), run_values(plan, 0));
    let most = (BUDGET / program.cost().max(1.0)) as usize / group * group;
    let n = (records.len() / stride).min(most);
    if n == 0 {
        return;
    }
    let records = &records[..n * stride];
    let (mut scores, components) = (Scores::default(), program.components.len());
    program.score(records, n, group, &run, &mut scores, &mut Scratch::default());
    let is_valid = |i: usize| (0..components).all(|c| scores.component_errors[c * n + i] == 0);
    let exact = program.in_64_bits(records, n, group, &run, &is_valid);
    let narrow = scores.components.chunks_exact(n).chain(program.has_combine().then_some(&scores.reward[..]));
    for (c, (exact, narrow)) in exact.chunks_exact(n).zip(narrow).enumerate() {
        let Some((worst, value)) = worst(exact, narrow) else { continue };
        let (name, component) = match program.components.get(c) {
            Some(component) => (component.name.as_str(), Some(c)),
            None => ("combine", None),
        };
        let message = format!(
            "`{name}` is {value:.4} in 32 bits where its exact value is {:.4}: the subtraction on line {} leaves {:.0e} of its numbers, and with them few of their digits",
            worst.value, worst.line, worst.left
        );
        report.findings.push(finding(Check::Cancellation, program, component, message, HINT));
    }
}

/// The sample with the greatest error, and its value in 32 bits, where enough of them have one.
fn worst(exact: &[Wide], narrow: &[f32]) -> Option<(Wide, f32)> {
    let pairs: Vec<(Wide, f32)> =
        exact.iter().copied().zip(narrow.iter().copied()).filter(|(w, x)| !w.value.is_nan() && !x.is_nan()).collect();
    let n = pairs.len() as f64;
    let mean = pairs.iter().map(|(w, _)| w.value).sum::<f64>() / n;
    let spread = (pairs.iter().map(|(w, _)| (w.value - mean).powi(2)).sum::<f64>() / n).sqrt();
    let error = |(w, x): &(Wide, f32)| (w.value - f64::from(*x)).abs();
    let is_lost = |pair: &&(Wide, f32)| {
        pair.0.left < LEAVES && error(pair) > ERROR * pair.0.value.abs().max(spread).max(f64::MIN_POSITIVE)
    };
    let lost: Vec<&(Wide, f32)> = pairs.iter().filter(is_lost).collect();
    if (lost.len() as f64) < SHARE * n {
        return None;
    }
    lost.into_iter().max_by(|a, b| error(a).total_cmp(&error(b))).copied()
}

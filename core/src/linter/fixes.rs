//! Fixes of findings. Each is tried before it is offered: the program is changed, compiled and looked at again, and only
//! what ends its finding without bringing another stays.

use super::bench::Bench;
use super::edits::{Edit, apply, leave_out, literal, none_as_zero, set_weight, where_right};
use super::sampled;
use crate::algorithm::advantage::epsilon;
use crate::algorithm::conflict;
use crate::algorithm::settings::{Aggregation, Estimator};
use crate::oracle::paid::{rewards, run_values};
use crate::oracle::report::{ArmReport, Check, Finding, Fix};
use crate::params::{Overrides, Params, Value};
use crate::plan::{Plan, PlannedArm};
use std::ops::Deref;

/// Shares of a weight that are tried, the greatest that is enough first.
const SHARES: [f64; 6] = [0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
/// Loss of the optimum's share of the true score that a fix may not bring.
const WORSE: f32 = 0.005;

/// Tries fixes of a report's findings, and offers the first of each that works.
pub(super) fn offer<P: Deref<Target = Plan> + Clone>(bench: &Bench<'_, P>, arm: &PlannedArm, report: &mut ArmReport) {
    let mut tries = bench.tries();
    for i in 0..report.findings.len() {
        for fix in candidates(bench, arm, &report.findings[i], report) {
            if tries == 0 {
                return;
            }
            let Some(edited) = edited(bench.plan, arm, &fix) else { continue };
            tries -= 1;
            if ends(&report.findings[i], report, &bench.report(&edited)) {
                report.findings[i].diagnostic.suggestion = Some(fix.says.clone());
                report.findings[i].fixes.push(fix);
                break;
            }
        }
    }
}

/// The arm with a fix; None where it does not compile, or the settings cannot be.
fn edited(plan: &Plan, arm: &PlannedArm, fix: &Fix) -> Option<PlannedArm> {
    let mut settings = arm.settings.clone();
    for (name, value) in &fix.set {
        settings.set(name, value).ok()?;
    }
    if conflict(&settings).is_some() {
        return None;
    }
    let code = apply(arm.program.source(), &fix.edits)?;
    Some(PlannedArm { name: arm.name.clone(), settings, program: plan.compile(&code).ok()? })
}

/// Whether a finding is gone and nothing has come for it: no other finding, and no worse optimum.
fn ends(finding: &Finding, before: &ArmReport, after: &ArmReport) -> bool {
    let same = |x: &Finding, y: &Finding| x.check == y.check && x.component == y.component;
    let is_gone = !after.findings.iter().any(|f| f.check == finding.check && f.component == finding.component);
    let is_new = after.findings.iter().any(|f| !before.findings.iter().any(|known| same(f, known)));
    let is_worse = match (before.true_share, after.true_share) {
        (Some(before), Some(after)) => after < before - WORSE,
        (before, after) => before.is_some() && after.is_none(),
    };
    is_gone && !is_new && !is_worse
}

fn code(says: String, edits: Vec<Edit>) -> Option<Fix> {
    (!edits.is_empty()).then(|| Fix { says, edits, set: Overrides::new() })
}

fn setting(says: String, name: &str, value: Value) -> Option<Fix> {
    Some(Fix { says, edits: Vec::new(), set: [(name.to_string(), value)].into() })
}

/// Two digits of a number.
fn rounded(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let unit = libm::pow(10.0, libm::floor(libm::log10(x.abs())) - 1.0);
    // Digits of a decimal, not of the nearest multiple of a binary unit.
    format!("{:.2e}", (x / unit).round() * unit).parse().unwrap_or(x)
}

/// Fixes that may end a finding, the least intrusive first.
fn candidates<P: Deref<Target = Plan> + Clone>(
    bench: &Bench<'_, P>,
    arm: &PlannedArm,
    finding: &Finding,
    report: &ArmReport,
) -> Vec<Fix> {
    let (program, source) = (&arm.program, arm.program.source());
    let named = finding.component.as_deref();
    let own = named.and_then(|name| program.components.iter().position(|c| c.name == name));
    let lighter = |c: usize, share: f64| {
        let name = &program.components[c].name;
        let weight = rounded(f64::from(program.components[c].weight) * share);
        code(format!("give `{name}` the weight {}", literal(weight)), set_weight(source, name, weight))
    };
    let without = |c: usize| {
        let name = &program.components[c].name;
        let is_alone = program.components.len() < 2;
        leave_out(source, name).filter(|_| !is_alone).and_then(|edits| code(format!("leave `{name}` out"), edits))
    };
    let each = || 0..program.components.len();
    let all: Vec<Option<Fix>> = match (finding.check, own) {
        (Check::NeverApplies | Check::Constant, Some(c)) => {
            let name = &program.components[c].name;
            vec![code(format!("let `{name}` pay 0.0 instead of None"), none_as_zero(source, name)), without(c)]
        }
        (Check::Dominates, Some(c)) => {
            let by_component = arm.settings.estimator == Estimator::Grpo;
            let value = Value::Text(Aggregation::NormalizeThenSum.name().into());
            let normalised = by_component.then(|| {
                let says = "normalise each component first (multi_objective_aggregation = \"normalize_then_sum\")";
                setting(says.into(), "multi_objective_aggregation", value)
            });
            vec![sampled::quieter(report, c).and_then(|share| lighter(c, share)), normalised.flatten()]
        }
        (Check::WrongSign, Some(c)) => {
            let name = &program.components[c].name;
            let weight = -f64::from(program.components[c].weight);
            let turned =
                code(format!("turn its sign: the weight {}", literal(weight)), set_weight(source, name, weight));
            // A cost that is too great is lighter before it is a prize.
            SHARES.into_iter().map(|share| lighter(c, share)).chain([turned, without(c)]).collect()
        }
        (Check::NotPotential, Some(c)) => {
            let meant = finding.discount.and_then(|gamma| {
                let value = Value::Number(f64::from(gamma));
                setting(format!("use its discount: gamma = {gamma}"), "gamma", value)
            });
            let lighter = SHARES.into_iter().map(|share| lighter(c, share));
            [meant].into_iter().chain(lighter).chain([without(c)]).collect()
        }
        (Check::PositiveCycle, Some(c)) => SHARES.into_iter().map(|s| lighter(c, s)).chain([without(c)]).collect(),
        (Check::BelowEpsilon, _) => {
            let (paid, _) =
                rewards(bench.plan, program, &bench.episodes.records, &run_values(bench.plan, 0), bench.plan.group());
            let paid: Vec<f64> = paid.iter().map(|x| f64::from(*x)).collect();
            let middle = sampled::spread(bench.plan, &paid).unwrap_or(1.0);
            let factor =
                libm::pow(10.0, libm::ceil(libm::log10(100.0 * f64::from(epsilon(arm.settings.framework)) / middle)));
            let scaled = scale(arm, factor);
            let value = Value::Text("openrlhf".into());
            let framework = setting("add less to the deviation: framework = \"openrlhf\"".into(), "framework", value);
            vec![scaled, framework]
        }
        (Check::PaysForNothing, _) => {
            let right = |c: usize| {
                let name = &program.components[c].name;
                code(format!("pay `{name}` only where the answer is right"), where_right(source, name))
            };
            let shares = || [0.2, 0.05].into_iter();
            each().map(right).chain(each().flat_map(|c| shares().map(move |s| lighter(c, s)))).collect()
        }
        (Check::PaysMoreForLess, _) => each().flat_map(|c| [lighter(c, 0.1), without(c)]).collect(),
        _ => Vec::new(),
    };
    all.into_iter().flatten().collect()
}

/// All weights times a factor.
fn scale(arm: &PlannedArm, factor: f64) -> Option<Fix> {
    if arm.program.has_combine() || !factor.is_finite() {
        return None;
    }
    let mut text = arm.program.source().to_string();
    for component in &arm.program.components {
        let edits = set_weight(&text, &component.name, rounded(f64::from(component.weight) * factor));
        text = apply(&text, &edits)?;
    }
    let edits = vec![Edit { start: 0, end: arm.program.source().len(), text }];
    code(format!("pay {factor:.0} times as much"), edits)
}

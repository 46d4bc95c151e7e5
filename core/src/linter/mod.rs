//! The linter's checks of meaning: what compiles and still pays for something else. Each finding is a warning with a
//! reason and a fix. `exact` asks the oracle's solution of a small task, `sampled` looks at episodes of the base policy.

mod exact;
mod sampled;

use crate::oracle::report::{Check, Finding, Report};
use crate::oracle::{Solver, needs_a_run, unsolved};
use crate::plan::Plan;
use crate::reward::{Diagnostic, Program, Severity};
use std::ops::Deref;

/// Everything that is known of an arm: the oracle's solution where there is one, facts of its components, findings.
pub fn report(plan: &Plan, arm: usize) -> Report {
    report_of(&Solver::new(plan), plan, arm)
}

/// The same of every arm, with the task solved once.
pub fn reports(plan: &Plan) -> Vec<Report> {
    let solved = Solver::new(plan);
    (0..plan.arms.len()).map(|arm| report_of(&solved, plan, arm)).collect()
}

/// The same of a task that was tried to solve already, for the arms of `plan`.
pub fn report_of<P: Deref<Target = Plan> + Clone>(
    solved: &Result<Solver<P>, String>,
    plan: &Plan,
    arm: usize,
) -> Report {
    match solved {
        Ok(solver) => report_with(solver, arm),
        Err(why) => checked(plan, arm, None, unsolved(plan, arm, why)),
    }
}

/// The same for a task that is solved already.
fn report_with<P: Deref<Target = Plan> + Clone>(solver: &Solver<P>, arm: usize) -> Report {
    match solver {
        Solver::Steps(oracle) => {
            let plan: &Plan = &oracle.plan;
            let report = match oracle.solved(arm) {
                Ok((mut report, paid, best)) => {
                    exact::check(oracle, arm, &paid, &best, &mut report);
                    report
                }
                Err(why) => unsolved(plan, arm, &why),
            };
            let all = Covered { records: oracle.every_transition(), what: "on every transition of the task" };
            checked(plan, arm, Some((all, oracle.best.value)), report)
        }
        Solver::Tokens(tokens) => match tokens.solved(arm) {
            Ok((report, earned)) => {
                let (records, best) = tokens.every_record(&earned);
                let all = Covered { records: &records, what: "in every completion" };
                checked(&tokens.plan, arm, Some((all, best)), report)
            }
            Err(why) => checked(&tokens.plan, arm, None, unsolved(&tokens.plan, arm, &why)),
        },
    }
}

/// Records of episodes that together have all that can happen, [n][stride].
struct Covered<'a> {
    records: &'a [f32],
    what: &'static str,
}

/// Adds the checks that need no solution (what is covered and the best possible true score, where there is one) and sorts
/// the findings by the program's lines.
fn checked(plan: &Plan, arm: usize, solution: Option<(Covered<'_>, f64)>, mut report: Report) -> Report {
    if needs_a_run(plan, &plan.arms[arm].program).is_none() {
        sampled::check(plan, arm, solution, &mut report);
    }
    report.findings.sort_by_key(|f| (f.diagnostic.start, f.diagnostic.end));
    report
}

/// A warning about a component, or about the whole program.
fn finding(check: Check, program: &Program, component: Option<usize>, message: String, suggestion: String) -> Finding {
    let source = program.source();
    let at = component.map(|c| &program.components[c]);
    let found = at.and_then(|c| {
        let line_start: usize = source.split_inclusive('\n').take(c.line as usize - 1).map(str::len).sum();
        let column = source.get(line_start..)?.find(&c.name)?;
        Some((line_start + column, c.line, column))
    });
    let (start, line, column) = found.unwrap_or((0, 1, 0));
    Finding {
        check,
        diagnostic: Diagnostic {
            severity: Severity::Warning,
            start,
            end: start + found.and(at).map_or(0, |c| c.name.len()),
            line,
            column: column as u32 + 1,
            message,
            suggestion: Some(suggestion),
        },
        component: at.map(|c| c.name.clone()),
        cells: Vec::new(),
    }
}

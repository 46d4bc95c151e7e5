//! The linter's checks of meaning: what compiles and still pays for something else. Each finding is a warning with a
//! reason and a fix. `exact` asks the oracle's solution of a small task, `sampled` looks at episodes of the base policy.

mod exact;
mod sampled;

use crate::oracle::report::{Check, Finding, Report};
use crate::oracle::{Oracle, needs_a_run, unsolved};
use crate::plan::Plan;
use crate::reward::{Diagnostic, Program, Severity};

/// Everything that is known of an arm: the oracle's solution where there is one, facts of its components, findings.
pub fn report(plan: &Plan, arm: usize) -> Report {
    match Oracle::new(plan) {
        Ok(oracle) => report_with(&oracle, arm),
        Err(why) => {
            let mut report = unsolved(plan, arm, &why);
            sample(plan, arm, None, &mut report);
            report
        }
    }
}

/// The same of every arm, with the task solved once.
pub fn reports(plan: &Plan) -> Vec<Report> {
    let arms = 0..plan.arms.len();
    match Oracle::new(plan) {
        Ok(oracle) => arms.map(|arm| report_with(&oracle, arm)).collect(),
        Err(_) => arms.map(|arm| report(plan, arm)).collect(),
    }
}

/// The same for a task that is solved already.
pub fn report_with(oracle: &Oracle<&Plan>, arm: usize) -> Report {
    let mut report = match oracle.solved(arm) {
        Ok((mut report, paid, best)) => {
            exact::check(oracle, arm, &paid, &best, &mut report);
            report
        }
        Err(why) => unsolved(oracle.plan, arm, &why),
    };
    sample(oracle.plan, arm, Some(oracle), &mut report);
    report
}

/// The checks that need no solution; then findings in the order of the program's lines.
fn sample(plan: &Plan, arm: usize, oracle: Option<&Oracle<&Plan>>, report: &mut Report) {
    if needs_a_run(plan, &plan.arms[arm].program).is_none() {
        sampled::check(plan, arm, oracle, report);
    }
    report.findings.sort_by_key(|f| (f.diagnostic.start, f.diagnostic.end));
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

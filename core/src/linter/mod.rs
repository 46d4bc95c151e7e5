//! The linter's checks of meaning: what compiles and still pays for something else. Each finding is a warning with a
//! reason, and with a fix where one was found that ends it. `exact` asks the oracle's solution of a small task, `sampled`
//! looks at episodes of the base policy, `search` trains a little where there is no solution.

mod digits;
pub mod edits;
mod episodes;
mod exact;
mod fixes;
mod sampled;
mod search;

use crate::oracle::report::{Check, Finding, Report, Solved};
use crate::oracle::{Solver, TRAINING, needs_a_run, unsolved};
use crate::plan::{Plan, PlannedArm};
use crate::reward::{Diagnostic, Program, Severity};
use episodes::Episodes;
use search::Wanted;
use std::cell::OnceCell;
use std::ops::Deref;

/// Everything that is known of an arm: the oracle's solution where there is one, facts of its components, findings.
pub fn report(plan: &Plan, arm: usize) -> Report {
    report_of(&Solver::new(plan), plan, arm)
}

/// The same of every arm, with the task solved once.
pub fn reports(plan: &Plan) -> Vec<Report> {
    let solved = Solver::new(plan);
    let bench = Bench::new(&solved, plan);
    plan.arms.iter().map(|arm| bench.offer(arm)).collect()
}

/// The same of a task that was tried to solve already, for the arms of `plan`.
pub fn report_of<P: Deref<Target = Plan> + Clone>(
    solved: &Result<Solver<P>, String>,
    plan: &Plan,
    arm: usize,
) -> Report {
    Bench::new(solved, plan).offer(&plan.arms[arm])
}

/// (step, transition) pairs up to which fixes are tried.
const QUICK: usize = 100_000;

/// What arms are looked at with: the solved task, or why there is none, and episodes of the base policy.
struct Bench<'a, P> {
    solved: &'a Result<Solver<P>, String>,
    plan: &'a Plan,
    episodes: Episodes,
    wanted: OnceCell<Option<Wanted>>,
}

impl<'a, P: Deref<Target = Plan> + Clone> Bench<'a, P> {
    fn new(solved: &'a Result<Solver<P>, String>, plan: &'a Plan) -> Self {
        Self { solved, plan, episodes: episodes::sample(plan), wanted: OnceCell::new() }
    }

    /// A report with fixes.
    fn offer(&self, arm: &PlannedArm) -> Report {
        let mut report = self.report(arm);
        fixes::offer(self, arm, &mut report);
        report
    }

    /// How many fixes can be tried before whoever edits has waited too long.
    fn tries(&self) -> usize {
        match self.solved {
            Ok(Solver::Steps(oracle)) if oracle.model.horizon * oracle.model.edges.len() > QUICK => 0,
            Ok(_) => 16,
            Err(_) => 4,
        }
    }

    fn report(&self, arm: &PlannedArm) -> Report {
        match self.solved {
            Err(why) => self.checked(arm, None, unsolved(&arm.name, why)),
            Ok(Solver::Steps(oracle)) => {
                let report = match oracle.solved_for(arm) {
                    Ok((mut report, paid, best)) => {
                        exact::check(oracle, arm, &paid, &best, &mut report);
                        report
                    }
                    Err(why) => unsolved(&arm.name, &why),
                };
                let all = Covered { records: oracle.every_transition(), what: "on every transition of the task" };
                self.checked(arm, Some((all, oracle.best.value)), report)
            }
            Ok(Solver::Tokens(tokens)) => match tokens.solved_for(arm) {
                Ok((report, earned)) => {
                    let (records, best) = tokens.every_record(&earned);
                    let all = Covered { records: &records, what: "in every completion" };
                    self.checked(arm, Some((all, best)), report)
                }
                Err(why) => self.checked(arm, None, unsolved(&arm.name, &why)),
            },
        }
    }

    /// Adds the checks that need no solution (what is covered and the best possible true score, where there is one), drops
    /// those that the solution speaks against, and sorts the findings by the program's lines.
    fn checked(&self, arm: &PlannedArm, solution: Option<(Covered<'_>, f64)>, mut report: Report) -> Report {
        if needs_a_run(self.plan, &arm.program).is_none() {
            sampled::check(self.plan, arm, &self.episodes, solution, &mut report);
            if report.solved == Solved::Not {
                let wanted = self.wanted.get_or_init(|| search::wanted(self.plan));
                let found = search::search(self.plan, arm, wanted.as_ref(), &self.episodes);
                report.findings.extend(found.map(|found| sampled::misled(arm, &found)));
            }
        }
        if is_right(&report) {
            // Where being right must be likely before it pays, the empty answer is what training finds.
            let is_reachable = report.training == TRAINING;
            let speaks_against =
                |f: &Finding| f.check == Check::WrongSign || f.check == Check::PaysForNothing && is_reachable;
            // What is no fault of the optimum may still be what training meets first.
            for found in report.findings.extract_if(.., |f| speaks_against(f)) {
                let message = found.diagnostic.message;
                report.training += &format!(" On the way, {message}.");
            }
        }
        report.findings.sort_by_key(|f| (f.diagnostic.start, f.diagnostic.end));
        report
    }
}

/// Loss of true score, as a share of the best, that is worth a warning.
const LOSS: f64 = 0.05;

/// Whether every optimum of the reward is nearly the best there is: then no warning may say that it pays for something
/// else.
fn is_right(report: &Report) -> bool {
    let (Some(optimum), Some(best)) = (&report.optimum, &report.best) else { return false };
    f64::from(best.value - optimum.true_low) <= LOSS * f64::from(best.value.abs())
}

/// Records of episodes that together have all that can happen, [n][stride].
struct Covered<'a> {
    records: &'a [f32],
    what: &'static str,
}

/// A warning about a component, or about the whole program, with a hint that promises nothing (or an empty text).
fn finding(check: Check, program: &Program, component: Option<usize>, message: String, hint: &str) -> Finding {
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
            suggestion: (!hint.is_empty()).then(|| hint.to_string()),
        },
        component: at.map(|c| c.name.clone()),
        cells: Vec::new(),
        discount: None,
        fixes: Vec::new(),
    }
}

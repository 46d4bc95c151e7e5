//! What arms are looked at with.

use super::episodes::{self, Episodes};
use super::findings::{Covered, LOSS};
use super::search::{self, Wanted};
use super::{exact, sampled};
use crate::oracle::report::{ArmReport, Check, Finding, Solved};
use crate::oracle::{Solver, TRAINING, needs_a_run, unsolved};
use crate::plan::{Plan, PlannedArm};
use std::cell::OnceCell;
use std::ops::Deref;

/// (step, transition) pairs up to which fixes are tried.
const QUICK: usize = 100_000;

/// What arms are looked at with: the solved task, or why there is none, and episodes of the base policy.
pub struct Bench<'a, P> {
    pub solved: &'a Result<Solver<P>, String>,
    pub plan: &'a Plan,
    pub episodes: Episodes,
    wanted: OnceCell<Option<Wanted>>,
}

impl<'a, P: Deref<Target = Plan> + Clone> Bench<'a, P> {
    pub fn new(solved: &'a Result<Solver<P>, String>, plan: &'a Plan) -> Self {
        Self { solved, plan, episodes: episodes::sample(plan), wanted: OnceCell::new() }
    }

    /// How many fixes can be tried before whoever edits has waited too long.
    pub fn tries(&self) -> usize {
        match self.solved {
            Ok(Solver::Steps(oracle)) if oracle.model.horizon * oracle.model.edges.len() > QUICK => 0,
            Ok(_) => 16,
            Err(_) => 4,
        }
    }

    /// The report on an arm, without fixes.
    pub fn report(&self, arm: &PlannedArm) -> ArmReport {
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
    fn checked(&self, arm: &PlannedArm, solution: Option<(Covered<'_>, f64)>, mut report: ArmReport) -> ArmReport {
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

/// Whether every optimum of the reward is nearly the best there is: then no warning may say that it pays for something
/// else.
fn is_right(report: &ArmReport) -> bool {
    let (Some(optimum), Some(best)) = (&report.optimum, &report.best) else { return false };
    f64::from(best.value - optimum.true_low) <= LOSS * f64::from(best.value.abs())
}

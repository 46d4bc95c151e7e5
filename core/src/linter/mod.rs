//! The linter's checks of meaning: what compiles and still pays for something else. Each finding is a warning with a
//! reason, and with a fix where one was found that ends it. `exact` asks the oracle's solution of a small task, `sampled`
//! looks at episodes of the base policy, `search` trains a little where there is no solution.

mod bench;
mod digits;
pub mod edits;
mod episodes;
mod exact;
mod findings;
mod fixes;
mod sampled;
mod search;

use crate::oracle::Solver;
use crate::oracle::report::ArmReport;
use crate::plan::{Plan, PlannedArm};
use bench::Bench;
use std::ops::Deref;

/// Everything that is known of an arm: the oracle's solution where there is one, facts of its components, findings.
pub fn report(plan: &Plan, arm: usize) -> ArmReport {
    report_of(&Solver::new(plan), plan, arm)
}

/// The same of every arm, with the task solved once.
pub fn reports(plan: &Plan) -> Vec<ArmReport> {
    let solved = Solver::new(plan);
    let bench = Bench::new(&solved, plan);
    plan.arms.iter().map(|arm| offered(&bench, arm)).collect()
}

/// The same of a task that was tried to solve already, for the arms of `plan`.
pub fn report_of<P: Deref<Target = Plan> + Clone>(
    solved: &Result<Solver<P>, String>,
    plan: &Plan,
    arm: usize,
) -> ArmReport {
    offered(&Bench::new(solved, plan), &plan.arms[arm])
}

/// A report with fixes.
fn offered<P: Deref<Target = Plan> + Clone>(bench: &Bench<'_, P>, arm: &PlannedArm) -> ArmReport {
    let mut report = bench.report(arm);
    fixes::offer(bench, arm, &mut report);
    report
}

//! What a task and the rewards on it can give: the ranges on which a run's numbers are shares.

use super::answer::Solver;
use super::solve;
use super::tokens::worst_and_best;
use super::{Oracle, discount};
use crate::metrics::statistics::Range;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// The ranges of an experiment: least and greatest expected totals of an episode, over policies that see what the run's
/// policies see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranges {
    /// Of the true score. None: the task could not be solved.
    pub task: Option<Range>,
    /// Of what each arm pays, undiscounted, [arms]. None: it could not be solved, or it changes during the run.
    pub rewards: Vec<Option<Range>>,
}

/// The ranges of a plan's task and arms; nothing is known of a task that cannot be solved.
pub fn ranges(plan: &Plan) -> Ranges {
    Solver::new(plan).map_or_else(|_| unknown(plan), |solver| solver.ranges())
}

/// The mean of each range over the instances of a task; None where one of them is not known.
pub fn mean(each: &[Ranges]) -> Ranges {
    let over = |of: &dyn Fn(&Ranges) -> Option<Range>| {
        let known = each.iter().map(of).collect::<Option<Vec<Range>>>().filter(|known| !known.is_empty())?;
        let end = |i: usize| known.iter().map(|range| range[i]).sum::<f32>() / known.len() as f32;
        Some([end(0), end(1)])
    };
    let arms = each.first().map_or(0, |ranges| ranges.rewards.len());
    Ranges {
        task: over(&|ranges| ranges.task),
        rewards: (0..arms).map(|arm| over(&|ranges| ranges.rewards[arm])).collect(),
    }
}

/// No range.
pub fn unknown(plan: &Plan) -> Ranges {
    Ranges { task: None, rewards: vec![None; plan.arms.len()] }
}

impl<P: Deref<Target = Plan> + Clone> Solver<P> {
    /// The ranges of the task and of all arms.
    pub fn ranges(&self) -> Ranges {
        match self {
            Self::Steps(oracle) => oracle.ranges(),
            Self::Tokens(tokens) => {
                let plan: &Plan = &tokens.plan;
                let each = plan.arms.iter().map(|arm| tokens.earned(arm));
                let solved: Vec<_> = each.map(Result::ok).collect();
                let task = solved.iter().flatten().next().map(|earned| {
                    let truth = earned.completions.classes.iter().map(|c| f64::from(c.true_score));
                    worst_and_best(&earned.completions, &truth.collect::<Vec<f64>>())
                });
                let own = |(earned, arm): (&Option<super::tokens::Earned>, &crate::plan::PlannedArm)| {
                    // What it pays later in the run is not known, and a discounted total is not what a run measures.
                    let earned = earned.as_ref().filter(|e| !e.changes && discount(&arm.settings) == 1.0)?;
                    Some(worst_and_best(&earned.completions, &earned.reward))
                };
                Ranges { task, rewards: solved.iter().zip(plan.arms.iter()).map(own).collect() }
            }
        }
    }
}

impl<P: Deref<Target = Plan>> Oracle<P> {
    fn ranges(&self) -> Ranges {
        let range = |r: &[f64]| {
            let against: Vec<f64> = r.iter().map(|x| -x).collect();
            let most = |r: &[f64]| solve::best(&self.model, r, 1.0, &[&self.best.policy]).value;
            [-most(&against) as f32, most(r) as f32]
        };
        let own = |arm: usize| {
            let paid = self.paid(arm).ok().filter(|paid| paid.is_exact && !paid.changes)?;
            Some(range(&paid.r))
        };
        Ranges {
            task: Some([self.worst as f32, self.best.value as f32]),
            rewards: (0..self.plan.arms.len()).map(own).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Arm, Experiment, Part};
    use crate::plan::plan;

    fn of(task: &str, policy: &str, programs: &[&str]) -> Ranges {
        let part = |kind: &str| Part { kind: kind.into(), params: [].into() };
        let arm = |(i, code): (usize, &&str)| {
            let code =
                if code.starts_with("def") { code.to_string() } else { format!("def pay(ep):\n    return {code}\n") };
            Arm { name: i.to_string(), code, algorithm: [].into(), ..Arm::default() }
        };
        let arms = programs.iter().enumerate().map(arm).collect();
        let experiment = Experiment::new("ranges", part(task), part(policy), arms);
        ranges(&plan(&experiment).unwrap_or_else(|p| panic!("{}", crate::plan::join(&p))))
    }

    fn near(found: Option<Range>, wanted: Range) {
        let found = found.expect("it is known");
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-3 * b.abs().max(1.0)), "{found:?} {wanted:?}");
    }

    #[test]
    fn a_range_scales_with_its_reward_and_the_task_s_does_not() {
        let grid = of("gridworld", "table", &["1.0 if ep.goal else 0.0", "5.0 - 2.0 * ep.goal", "0.25"]);
        near(grid.task, [0.0, 1.0]);
        near(grid.rewards[0], [0.0, 1.0]);
        near(grid.rewards[1], [3.0, 5.0]);
        near(grid.rewards[2], [0.25, 0.25]);
        let texts =
            of("length", "transformer", &["1.0 if ep.correct else 0.0", "10.0 * ep.correct - 3.0", "-0.5 * ep.length"]);
        near(texts.task, [0.0, 1.0]);
        near(texts.rewards[0], [0.0, 1.0]);
        near(texts.rewards[1], [-3.0, 7.0]);
        near(texts.rewards[2], [-12.0, -0.5]);
    }

    #[test]
    fn what_changes_during_the_run_has_no_range() {
        let later = "def pay(ep):\n    return 1.0 if ep.goal else 0.0\ndef combine(r, ep, group, batch, run):\n    return r.pay * run.step\n";
        assert_eq!(of("gridworld", "table", &[later]).rewards, [None]);
    }
}

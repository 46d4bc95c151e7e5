//! The instances of the task that was solved last, kept for the next question: editing a reward changes no task, and
//! walking one takes longer than asking what a program pays on it.

use super::Solver;
use crate::experiment::{Experiment, Part};
use crate::params::Overrides;
use crate::plan::Plan;
use std::sync::Arc;

/// A solved task, or why it is not.
pub type Known = Result<Solver<Arc<Plan>>, String>;

/// Remembers the instances of one task, those that were asked about last.
#[derive(Default)]
pub struct Memory {
    of: Option<Parts>,
    /// By the run that has the instance, the last one at the end.
    known: Vec<(Overrides, Known)>,
}

/// Most instances of a task that are solved for its ranges, which the page shows beside the curves.
pub const MOST_RANGES: usize = 8;

/// Most instances that are remembered: those of the ranges, and the run itself.
const MOST: usize = MOST_RANGES + 1;

impl Memory {
    /// The task of an experiment and its plan, solved now or before; its arms are those of this plan.
    pub fn solved(&mut self, experiment: &Experiment, plan: &Arc<Plan>) -> &Known {
        let of = Some(parts(experiment));
        if self.of != of {
            (self.of, self.known) = (of, Vec::new());
        }
        let at = self.known.iter().position(|(run, _)| *run == experiment.run);
        let known = match at.map(|at| self.known.remove(at).1) {
            Some(mut known) => {
                known.iter_mut().for_each(|solver| solver.ask_of(plan.clone()));
                known
            }
            None => Solver::new(plan.clone()),
        };
        if self.known.len() == MOST {
            drop(self.known.remove(0));
        }
        let at = self.known.len();
        self.known.push((experiment.run.clone(), known));
        &self.known[at].1
    }
}

/// The parts of an experiment that a solved task depends on, beside its run: task, policy, reward models, exploration.
type Parts = (Part, Part, Option<Overrides>, Option<Overrides>);

fn parts(e: &Experiment) -> Parts {
    (e.task.clone(), e.policy.clone(), e.reward_models.clone(), e.exploration.clone())
}

//! The task that was solved last, kept for the next question: editing a reward changes no task, and walking one takes
//! longer than asking what a program pays on it.

use super::Solver;
use crate::experiment::{Experiment, Part};
use crate::params::Overrides;
use crate::plan::Plan;
use std::rc::Rc;

/// A solved task, or why it is not.
pub type Known = Result<Solver<Rc<Plan>>, String>;

/// Remembers one task.
#[derive(Default)]
pub struct Memory {
    last: Option<(Parts, Known)>,
}

impl Memory {
    /// The task of an experiment and its plan, solved now or before; its arms are those of this plan.
    pub fn solved(&mut self, experiment: &Experiment, plan: &Rc<Plan>) -> &Known {
        let of = parts(experiment);
        let known = match self.last.take() {
            Some((last, mut known)) if last == of => {
                known.iter_mut().for_each(|solver| solver.ask_of(plan.clone()));
                known
            }
            _ => Solver::new(plan.clone()),
        };
        &self.last.insert((of, known)).1
    }
}

/// The parts of an experiment that a solved task depends on: task, policy, reward models, exploration, run.
type Parts = (Part, Part, Option<Overrides>, Option<Overrides>, Overrides);

fn parts(e: &Experiment) -> Parts {
    (e.task.clone(), e.policy.clone(), e.reward_models.clone(), e.exploration.clone(), e.run.clone())
}

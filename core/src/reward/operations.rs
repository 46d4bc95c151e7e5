//! How many operations a program may take for a sample of a batch of a given size, from its code alone.

use super::ir::{Op, Reg, Stmt, Unit};
use std::collections::HashMap;

/// How many samples a group and the batch have.
#[derive(Clone, Copy, Debug)]
pub struct Crowd {
    pub group: usize,
    pub batch: usize,
}

/// A bound on the operations of one call of a function.
pub(super) fn of_function(unit: &Unit, function: usize, crowd: Crowd) -> f64 {
    Counter { unit, crowd, known: vec![None; unit.functions.len()] }.function(function)
}

struct Counter<'a> {
    unit: &'a Unit,
    crowd: Crowd,
    known: Vec<Option<f64>>,
}

impl Counter<'_> {
    fn function(&mut self, index: usize) -> f64 {
        if let Some(known) = self.known[index] {
            return known;
        }
        let unit = self.unit;
        let count = 1.0 + self.block(index, &unit.functions[index].body, &mut HashMap::new());
        self.known[index] = Some(count);
        count
    }

    /// `members` are the registers that hold how many samples a group or the batch has.
    fn block(&mut self, function: usize, body: &[Stmt], members: &mut HashMap<Reg, usize>) -> f64 {
        let Crowd { group, batch } = self.crowd;
        let mut count = 0.0;
        for statement in body {
            count += match statement {
                Stmt::Op { op, dst, .. } => {
                    match op {
                        Op::GroupCount => drop(members.insert(*dst, group)),
                        Op::BatchCount => drop(members.insert(*dst, batch)),
                        _ => {}
                    }
                    1.0
                }
                Stmt::If { then, els, .. } => {
                    let then = self.block(function, then, members);
                    1.0 + then.max(self.block(function, els, members))
                }
                Stmt::For { counter, count, body } => {
                    // The counter ends one below the most rounds.
                    let last = self.unit.functions[function].regs[*counter as usize].range.high;
                    let rounds = members.get(count).map_or(1.0 + last.clamp(0.0, 1e9), |n| *n as f64);
                    rounds * (1.0 + self.block(function, body, members))
                }
                Stmt::Call { function, .. } => self.function(*function),
                // Once for all samples that it is the same for.
                Stmt::Memo { of_batch, body, .. } => {
                    let shared = if *of_batch { batch } else { group }.max(1) as f64;
                    1.0 + self.block(function, body, members) / shared
                }
                Stmt::Break | Stmt::Continue | Stmt::Return(_) | Stmt::Fail { .. } => 1.0,
            };
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Overrides;
    use crate::plan::run_schema;
    use crate::reward::{Program, compile};
    use crate::tasks;

    fn program(code: &str) -> Program {
        let task = tasks::build("gridworld", &Overrides::new()).unwrap();
        let compiled = compile(code, &task.schema, &run_schema());
        compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
    }

    fn count(code: &str, crowd: Crowd) -> f64 {
        program(code).operations(crowd)
    }

    const ONE: Crowd = Crowd { group: 8, batch: 64 };

    #[test]
    fn loops_multiply_and_calls_add() {
        let once =
            count("def r(ep):\n    s = 0.0\n    for i in range(1000):\n        s += sin(i)\n    return s\n", ONE);
        assert!((2000.0..10_000.0).contains(&once), "{once}");
        let nested = "def r(ep):\n    s = 0.0\n    for j in range(30):\n        for i in range(1000):\n            s += sin(i)\n    return s\n";
        let ratio = count(nested, ONE) / once;
        assert!((29.0..31.0).contains(&ratio), "{ratio}");
        let called = "def _f(ep):\n    s = 0.0\n    for i in range(1000):\n        s += sin(i)\n    return s\n\ndef r(ep):\n    return _f(ep) + _f(ep)\n";
        let ratio = count(called, ONE) / once;
        assert!((1.9..2.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn loops_over_the_batch_are_as_long_as_it_is() {
        let code = "def paid(ep):\n    return sum(ep.coins)\n\ndef combine(r, ep, group, batch, run):\n    s = 0.0\n    for o in batch:\n        s += max(0.0, o.length - ep.length)\n    return s\n";
        let of = |batch| count(code, Crowd { group: 8, batch });
        let ratio = of(65_536) / of(1024);
        assert!((50.0..64.1).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_component_of_steps_is_asked_at_every_step() {
        let code = |of: &str| {
            format!("def r({of}):\n    s = 0.0\n    for i in range(100):\n        s += sin(i)\n    return s\n")
        };
        let (episode, step) = (count(&code("ep"), ONE), count(&code("ep, t"), ONE));
        let horizon = program(&code("ep")).horizon() as f64;
        assert!((step / episode - horizon).abs() < 0.1, "{step} of {episode}");
    }
}

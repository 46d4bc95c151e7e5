//! Checks on a solved task: loops that pay, and components that make another policy optimal.

use super::findings::{LOSS, finding};
use crate::oracle::report::{ArmReport, Check, ComponentFacts};
use crate::oracle::solve::{self, Best, worth};
use crate::oracle::starc::{canonical, norm};
use crate::oracle::{Oracle, Paid};
use crate::plan::{Plan, PlannedArm};
use crate::tasks::{Play, TaskView};
use std::ops::Deref;

/// Tables [H][E] up to which the task is solved again without each component.
const AGAIN: usize = 300_000;
/// Discounts that a difference of potentials may be meant for.
const DISCOUNTS: [f64; 8] = [1.0, 0.999, 0.995, 0.99, 0.98, 0.97, 0.95, 0.9];

/// Adds facts of components and findings to a report.
pub fn check<P: Deref<Target = Plan>>(
    oracle: &Oracle<P>,
    arm: &PlannedArm,
    paid: &Paid,
    best: &Best,
    report: &mut ArmReport,
) {
    let program = &arm.program;
    let model = &oracle.model;
    let is_small = model.horizon * model.edges.len() <= AGAIN;
    let with = f64::from(report.optimum.as_ref().map_or(0.0, |o| o.true_score));
    for (c, component) in program.components.iter().enumerate() {
        let mut facts = ComponentFacts {
            name: component.name.clone(),
            potential_based: None,
            true_without: None,
            variance_share: None,
            correlation: None,
        };
        if let Some(own) = &paid.components[c] {
            facts.potential_based = Some(is_potential(oracle, own, paid.gamma));
            if !program.has_combine() && is_small && paid.is_exact {
                let r: Vec<f64> = paid.r.iter().zip(own).map(|(r, x)| r - f64::from(component.weight) * x).collect();
                let without = solve::best(model, &r, paid.gamma, &[&oracle.best.policy]);
                facts.true_without = Some(worth(model, &without.policy, &oracle.truth, 1.0) as f32);
            }
            // Of one step every reward counts as it is, and without its only component there is none.
            let is_shaping = model.horizon > 1 && program.components.len() > 1;
            let loss = facts.true_without.filter(|_| is_shaping).map_or(0.0, |x| f64::from(x) - with);
            if facts.potential_based == Some(false) && loss > LOSS * oracle.best.value.abs() {
                let name = &component.name;
                let message = format!(
                    "`{name}` makes another policy optimal: with it the best policy has a true score of {with:.2}, without it {:.2}",
                    with + loss
                );
                let gamma = paid.gamma as f32;
                let meant = DISCOUNTS.iter().find(|d| **d as f32 != gamma && is_potential(oracle, own, **d));
                let hint = match meant {
                    Some(d) => format!(
                        "it is a difference of potentials for a discount of {d}, and the algorithm's is {gamma}: use {gamma}"
                    ),
                    None => format!(
                        "a difference of potentials, {gamma} * phi(after) - phi(before) with phi 0 after the last step, changes no optimal policy"
                    ),
                };
                let mut found = finding(Check::NotPotential, program, Some(c), message, &hint);
                found.discount = meant.map(|d| *d as f32);
                report.findings.push(found);
            }
        }
        report.components.push(facts);
    }
    cycle(oracle, arm, paid, best, report);
}

/// Whether a table is nothing but a difference of potentials: its canonical form is zero.
fn is_potential<P: Deref<Target = Plan>>(oracle: &Oracle<P>, r: &[f64], gamma: f64) -> bool {
    let size = norm(r);
    size > 0.0 && norm(&canonical(&oracle.model, r, gamma)) <= 1e-5 * size
}

/// A loop that the optimum of this reward goes round until the horizon, paid at every round, where the best policy for
/// the true objective ends by itself or is worth more.
fn cycle<P: Deref<Target = Plan>>(
    oracle: &Oracle<P>,
    arm: &PlannedArm,
    paid: &Paid,
    best: &Best,
    report: &mut ArmReport,
) {
    let (model, program) = (&oracle.model, &arm.program);
    let with = report.optimum.as_ref().map_or(0.0, |o| f64::from(o.true_high));
    if model.horizon < 4 || with >= oracle.best.value - LOSS * oracle.best.value.abs() {
        return;
    }
    for (start, _) in &model.starts {
        let Some((nodes, edges, at)) = walk_round(oracle, &best.policy, *start) else { continue };
        let pays = |r: &[f64]| -> f64 {
            let e = model.edges.len();
            edges.iter().enumerate().map(|(i, edge)| r[(at + i) * e + edge]).sum()
        };
        let round = pays(&paid.r);
        if round <= solve::tolerance(&paid.r) {
            continue;
        }
        let share =
            |c: usize| paid.components[c].as_ref().map_or(0.0, |r| pays(r) * f64::from(program.components[c].weight));
        let blamed =
            (0..program.components.len()).max_by(|x, y| share(*x).total_cmp(&share(*y))).filter(|c| share(*c) > 0.0);
        let steps = if edges.len() == 1 { "one step".into() } else { format!("{} steps", edges.len()) };
        let message = format!(
            "a loop of {steps} pays {round:.2} a round, and going round it to the horizon pays more ({:.2}) than anything that ends the episode",
            best.value
        );
        let hint =
            "a loop of differences of potentials sums to nothing, and what is paid once an episode cannot be farmed";
        let mut found = finding(Check::PositiveCycle, program, blamed, message, hint);
        found.cells = nodes.iter().filter_map(|node| shown(oracle, *node)).collect();
        report.findings.push(found);
        return;
    }
}

/// Follows a policy's likeliest way from a start; where it comes round again, the nodes and edges of the loop and the
/// step at which it is entered.
fn walk_round<P: Deref<Target = Plan>>(
    oracle: &Oracle<P>,
    policy: &[f64],
    start: u32,
) -> Option<(Vec<u32>, Vec<usize>, usize)> {
    let model = &oracle.model;
    let (mut node, mut nodes, mut edges) = (start, Vec::new(), Vec::new());
    for _ in 0..model.horizon {
        nodes.push(node);
        let row = &policy[model.seen[node as usize] as usize * model.actions..][..model.actions];
        let action = (0..row.len()).max_by(|x, y| row[*x].total_cmp(&row[*y]))?;
        let edge = model.choices(node, action).max_by(|x, y| model.edges[*x].p.total_cmp(&model.edges[*y].p))?;
        edges.push(edge);
        if model.edges[edge].over {
            return None;
        }
        node = model.edges[edge].to;
        if let Some(at) = nodes.iter().position(|n| *n == node) {
            return Some((nodes[at..].to_vec(), edges[at..].to_vec(), at));
        }
    }
    None
}

/// A node as the state that views show: on a map, its cell.
fn shown<P: Deref<Target = Plan>>(oracle: &Oracle<P>, node: u32) -> Option<u32> {
    let model = &oracle.model;
    let row = model.rows[model.seen[node as usize] as usize];
    if let TaskView::Grid { rows, cols, .. } = &oracle.plan.task.view {
        return Some(row % (rows * cols) as u32);
    }
    let Play::Steps(task) = &oracle.plan.task.play else { return None };
    (0..task.shown_states()).find(|i| task.shown_row(*i) == row).map(|i| i as u32)
}

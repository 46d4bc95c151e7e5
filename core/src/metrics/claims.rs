//! Checks an experiment's claims against its curves.

use super::columns;
use super::curves::Curves;
use super::statistics::{Interval, interval, reduce_to};
use crate::experiment::{Claim, Comparison, Statistic};
use crate::oracle::{self, Answers};
use crate::plan::Plan;
use serde::Serialize;

/// One claim, measured.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub measured: Interval,
    /// The whole 95% interval lies on the right side of the threshold.
    pub holds: bool,
    /// What the check reports: it holds, or it is marked refuted and still does not.
    pub pass: bool,
}

/// What the oracle says of the arms that claims about optima name.
pub fn solve(claims: &[Claim], plan: &Plan) -> Answers {
    let names = claims
        .iter()
        .filter(|claim| oracle::is_metric(&claim.metric))
        .flat_map(|claim| [Some(&claim.arm), claim.minus.as_ref(), claim.over.as_ref()].into_iter().flatten());
    Answers::new(plan, names.filter_map(|name| plan.arms.iter().position(|arm| arm.name == *name)))
}

/// Measures a claim on the curves of a plan's lanes, or on `answers` (`solve`) where it is about an optimum. An unknown arm
/// or metric is an error sentence.
pub fn check(claim: &Claim, plan: &Plan, curves: &Curves, answers: &Answers) -> Result<Outcome, String> {
    let says = &claim.says;
    let arm_of = |name: &str| {
        let found = plan.arms.iter().position(|arm| arm.name == name);
        found.ok_or_else(|| format!("the claim \"{says}\" names no arm of this experiment: \"{name}\""))
    };
    let number = |arm: usize, seed: usize| -> Result<f32, String> {
        // What the optimum of a reward is does not depend on the seed.
        if let Some(exact) = answers.metric(arm, &claim.metric) {
            return exact.map_err(|e| format!("the claim \"{says}\" cannot be solved: {e}"));
        }
        let column = columns::find(&claim.metric, &plan.arms[arm].components())
            .ok_or_else(|| format!("the claim \"{says}\" names no metric: \"{}\"", claim.metric))?;
        Ok(reduce_to(claim.statistic, claim.level.unwrap_or(f32::INFINITY), &curves.curve(arm, seed, column)))
    };
    let arm = arm_of(&claim.arm)?;
    let minus = claim.minus.as_deref().map(arm_of).transpose()?;
    let over = claim.over.as_deref().map(arm_of).transpose()?;
    if claim.statistic == Statistic::UpdatesTo && claim.level.is_none() {
        return Err(format!("the claim \"{says}\" counts the updates to a level and names none"));
    }
    let values: Vec<f32> = (0..curves.seeds)
        .map(|seed| {
            let own = number(arm, seed)? / over.map_or(Ok(1.0), |o| number(o, seed))?;
            Ok(own - minus.map_or(Ok(0.0), |m| number(m, seed))?)
        })
        .collect::<Result<_, String>>()?;
    let measured = interval(values);
    let on_its_side = match claim.comparison {
        Comparison::AtLeast => measured.mean - measured.half_width >= claim.threshold,
        Comparison::AtMost => measured.mean + measured.half_width <= claim.threshold,
    };
    let holds = on_its_side && measured.n as usize == curves.seeds;
    Ok(Outcome { measured, holds, pass: holds != claim.refuted })
}

//! What claims about the oracle's numbers need to know: optima of rewards, and cosines to exact gradients.

use super::{Answers, live};
use crate::engine::LaneId;
use crate::experiment::{Claim, Statistic};
use crate::metrics::statistics::reduce;
use crate::plan::Plan;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The metric of claims about the cosine between the gradient of an update's samples and the exact one (`live::cosines`).
const GRADIENT_COSINE: &str = "oracle/gradient_cosine";

/// What the oracle says for claims.
#[derive(Clone, Debug, Default)]
pub struct Exact {
    /// Of the arms that claims about optima name.
    optima: Answers,
    /// The cosines of arms that claims about gradients name, [seed][update], or why there are none.
    cosines: BTreeMap<usize, Result<Vec<Vec<f32>>, String>>,
}

impl Exact {
    /// Asks the oracle what claims need of it: nothing, where none names one of its metrics.
    pub fn new(claims: &[Claim], plan: &Arc<Plan>) -> Self {
        let arms_of = |claim: &Claim| -> Vec<usize> {
            claim.arms().filter_map(|name| plan.arms.iter().position(|arm| arm.name == *name)).collect()
        };
        // Of an arm that only claims about the start name, the first updates.
        let mut updates = BTreeMap::<usize, u32>::new();
        for claim in claims.iter().filter(|claim| claim.metric == GRADIENT_COSINE) {
            let all = plan.run.updates;
            let needed = if claim.statistic == Statistic::Start { all.div_ceil(100) } else { all };
            for arm in arms_of(claim) {
                updates.entry(arm).and_modify(|most| *most = needed.max(*most)).or_insert(needed);
            }
        }
        let follow = |(arm, updates): (usize, u32)| {
            let seeds = 0..plan.run.seeds as usize;
            let curves: Result<Vec<Vec<f32>>, String> = seeds
                .map(|seed| {
                    let mut curve = live::cosines(plan, LaneId { arm, seed }, updates)?;
                    curve.resize(plan.run.updates as usize, f32::NAN);
                    Ok(curve)
                })
                .collect();
            (arm, curves)
        };
        Self { optima: Answers::of_claims(claims, plan), cosines: updates.into_iter().map(follow).collect() }
    }

    /// A number of an arm for each of so many seeds, or why there is none; None: the claim's metric is not the oracle's.
    pub fn numbers(&self, claim: &Claim, arm: usize, seeds: usize) -> Option<Result<Vec<f32>, String>> {
        if claim.metric != GRADIENT_COSINE {
            return self.optima.metric(arm, &claim.metric, seeds);
        }
        let curves = self.cosines.get(&arm)?.as_ref();
        Some(
            curves
                .map_err(Clone::clone)
                .map(|curves| reduce(claim.statistic, claim.level, &curves[..seeds.min(curves.len())])),
        )
    }
}

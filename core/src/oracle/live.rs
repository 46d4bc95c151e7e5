//! The oracle during training: what a policy is really worth, beside what its samples say.

use super::model::Model;
use super::solve::{evaluate, visits, worth};
use super::{Oracle, Paid};
use crate::cpu::{Kept, LaneId, Probe, probe};
use crate::plan::{Plan, PlannedArm};
use crate::protocol::Exact;
use crate::tasks::{DrawKey, MAX_ACTIVE, Play, STATE_WORDS, State};
use std::rc::Rc;
use std::sync::Arc;

/// Sizes [H][E] up to which a policy is followed during training.
const MOST: usize = 100_000;

/// A solved task that follows the watched lane.
pub struct Live {
    oracle: Oracle<Arc<Plan>>,
    probe: Probe,
    /// What an arm's program paid when it was last asked: arm, source, payments or why there are none.
    paid: Option<(usize, String, Result<Rc<Paid>, String>)>,
    /// The reference policy of a seed, [observations][actions].
    reference: Option<(usize, Vec<f64>)>,
}

impl Live {
    /// The sentence says why nothing is known exactly: the task cannot be walked, or is too large to be followed.
    pub fn new(plan: &Arc<Plan>) -> Result<Self, String> {
        let nothing = |why: &str| format!("Nothing is known exactly during training: {why}.");
        if matches!(plan.task.play, Play::Tokens(_)) {
            return Err(nothing(
                "the policy would have to be asked about every completion after every update, so all numbers are means over samples",
            ));
        }
        let oracle = Oracle::new(plan.clone()).map_err(|why| nothing(&why))?;
        let size = oracle.model.horizon * oracle.model.edges.len();
        if size > MOST {
            return Err(nothing(&format!(
                "the task has {size} pairs of a step and a transition, and policies are followed on at most {MOST}"
            )));
        }
        let probe = every_observation(plan, &oracle.model).ok_or_else(|| nothing("the task has no steps"))?;
        Ok(Self { oracle, probe, paid: None, reference: None })
    }

    /// What to ask the lane's policy: every observation once.
    pub fn probe(&self) -> &Probe {
        &self.probe
    }

    /// What a lane's policy, as probabilities [observations][actions], is worth. The gradient that the last update's
    /// samples give (`kept`, of the policy `before` that update) is compared with the exact one for a softmax table.
    /// Beside it the sentence that says why it, or a part of it, is missing; empty where nothing is.
    pub fn exact(
        &mut self,
        lane: LaneId,
        arm: &PlannedArm,
        policy: &[f32],
        before: &[f32],
        kept: &Kept,
        update: u32,
    ) -> (Option<Exact>, String) {
        let exact = self.known(lane, arm, policy, before, kept, update);
        let missing = match &exact {
            Some(exact) => self.missing(exact),
            None => "Nothing is known exactly: the policy did not answer for every state of the task.".into(),
        };
        (exact, missing)
    }

    /// Why the expected reward, the cosine, or both are missing.
    fn missing(&self, exact: &Exact) -> String {
        let is_table = self.oracle.plan.policy.name == "table";
        let why = match (exact.reward, self.paid.as_ref().map(|(.., paid)| paid)) {
            (None, Some(Err(why))) => why,
            (None, Some(Ok(paid))) if paid.changes => "what the program pays changes during the run",
            (None, _) => "what the program pays is known only approximately",
            (Some(_), _) if exact.cosine.is_some() => return String::new(),
            (Some(_), _) if is_table => {
                return "No cosine to the exact gradient: one of the two gradients is zero.".into();
            }
            (Some(_), _) => {
                return "No cosine to the exact gradient: it is taken in the logits of a table, and this policy is none."
                    .into();
            }
        };
        format!("No exact reward, and no cosine to its gradient: {why}.")
    }

    fn known(
        &mut self,
        lane: LaneId,
        arm: &PlannedArm,
        policy: &[f32],
        before: &[f32],
        kept: &Kept,
        update: u32,
    ) -> Option<Exact> {
        let double = |policy: &[f32]| policy.iter().map(|p| f64::from(*p)).collect::<Vec<f64>>();
        let (policy, before) = (double(policy), double(before));
        let source = arm.program.source();
        if self.paid.as_ref().is_none_or(|(i, s, _)| *i != lane.arm || s != source) {
            self.paid = Some((lane.arm, source.to_string(), self.oracle.paid_by(arm)));
        }
        if self.reference.as_ref().is_none_or(|(seed, _)| *seed != lane.seed) {
            self.reference = Some((lane.seed, self.initial(lane.seed)?));
        }
        let (Some((.., paid)), Some((_, reference))) = (&self.paid, &self.reference) else { return None };
        let model = &self.oracle.model;
        if [policy.len(), before.len(), reference.len()] != [model.rows.len() * model.actions; 3] {
            return None;
        }
        let paid = paid.as_ref().ok().filter(|p| p.is_exact && !p.changes);
        let (entropy, kl) = spread(model, &policy, reference);
        let is_table = self.oracle.plan.policy.name == "table";
        Some(Exact {
            reward: paid.map(|p| worth(model, &policy, &p.r, 1.0) as f32),
            true_score: worth(model, &policy, &self.oracle.truth, 1.0) as f32,
            entropy: entropy as f32,
            kl: kl as f32,
            cosine: paid.filter(|_| is_table).and_then(|p| {
                let sampled = self.sampled_gradient(lane, &before, kept, update)?;
                cosine(&gradient(model, &before, &p.r, p.gamma), &sampled)
            }),
        })
    }

    /// The policy that a seed starts with, which is the reference of its KL.
    fn initial(&self, seed: usize) -> Option<Vec<f64>> {
        let plan = &self.oracle.plan;
        let mut policy = plan.policy.build(&plan.policy_params, &plan.interface).ok()?;
        let mut params = vec![0.0; policy.n_params()];
        policy.init(plan.seed(seed), &mut params);
        let p = probe(policy.as_mut(), &params, &self.probe, plan.task.n_actions);
        Some(p.into_iter().map(f64::from).collect())
    }

    /// The policy gradient that a batch's advantages give in the table's logits: sum of A (1[a] - pi).
    fn sampled_gradient(&self, lane: LaneId, policy: &[f64], kept: &Kept, update: u32) -> Option<Vec<f64>> {
        let (plan, model) = (&self.oracle.plan, &self.oracle.model);
        let Play::Steps(task) = &plan.task.play else { return None };
        let (group, horizon, a) = (plan.group(), plan.steps(), model.actions);
        let mut record = vec![0.0; plan.task.schema.stride];
        let mut sum = vec![0.0; policy.len()];
        for (i, length) in kept.lengths.iter().enumerate() {
            let sample = (i % group) as u32;
            let key = DrawKey { seed: plan.seed(lane.seed), update, group: (i / group) as u32, sample };
            let mut state: State = [0; STATE_WORDS];
            task.begin(key, &mut state, &mut record);
            for t in 0..*length as usize {
                let row = task.state_index(&state);
                let seen = model.rows.iter().position(|r| *r == row)?;
                let (action, advantage) = (kept.actions[i * horizon + t], f64::from(kept.advantages[i * horizon + t]));
                let out = &mut sum[seen * a..(seen + 1) * a];
                for (b, (x, p)) in out.iter_mut().zip(&policy[seen * a..]).enumerate() {
                    *x += advantage * (f64::from(u8::from(b == action as usize)) - p);
                }
                task.step(key, t as u32, action, &mut state, &mut record);
            }
        }
        Some(sum)
    }
}

/// A probe with every observation of a model once.
fn every_observation(plan: &Plan, model: &Model) -> Option<Probe> {
    let Play::Steps(task) = &plan.task.play else { return None };
    let mut probe = Probe { rows: model.rows.len(), critic: plan.interface.critic, ..Probe::default() };
    for (seen, row) in model.rows.iter().enumerate() {
        let state = &model.states[model.seen.iter().position(|s| *s as usize == seen)?];
        if plan.policy.name == "table" {
            probe.inputs.push(*row);
        } else {
            let mut features = [0; MAX_ACTIVE];
            task.features(state, &mut features);
            probe.inputs.extend_from_slice(&features[..plan.interface.active]);
        }
        if task.has_prior() {
            let at = probe.prior.len();
            probe.prior.resize(at + model.actions, 0.0);
            task.prior(state, &mut probe.prior[at..]);
        }
    }
    Some(probe)
}

/// Mean entropy of a step, and mean KL to a reference, in nats: over the steps that the policy takes.
pub fn spread(model: &Model, policy: &[f64], reference: &[f64]) -> (f64, f64) {
    let (n, a) = (model.nodes(), model.actions);
    let log = |p: f64| libm::log(p.max(1e-300));
    let (mut entropy, mut kl, mut steps) = (0.0, 0.0, 0.0);
    for (i, d) in visits(model, policy).iter().enumerate().filter(|(_, d)| **d > 0.0) {
        let seen = model.seen[i % n] as usize * a;
        for (p, q) in policy[seen..seen + a].iter().zip(&reference[seen..seen + a]).filter(|(p, _)| **p > 0.0) {
            entropy -= d * p * log(*p);
            kl += d * p * (log(*p) - log(*q));
        }
        steps += d;
    }
    (entropy / steps, kl / steps)
}

/// The exact policy gradient in a table's logits (Sutton et al., "Policy Gradient Methods for Reinforcement Learning with
/// Function Approximation"): sum over t of gamma^t d_t(s) pi(a|s) (Q_t(s, a) - V_t(s)).
pub fn gradient(model: &Model, policy: &[f64], r: &[f64], gamma: f64) -> Vec<f64> {
    let (n, a) = (model.nodes(), model.actions);
    let values = evaluate(model, policy, r, gamma);
    let d = visits(model, policy);
    let mut out = vec![0.0; policy.len()];
    let mut discount = 1.0;
    for t in 0..model.horizon {
        for &node in &model.layers[t] {
            let at = t * n + node as usize;
            let seen = model.seen[node as usize] as usize * a;
            for b in 0..a {
                out[seen + b] += discount * d[at] * policy[seen + b] * (values.q[at * a + b] - values.v[at]);
            }
        }
        discount *= gamma;
    }
    out
}

/// The cosine of two gradients; None where one of them is nothing.
fn cosine(x: &[f64], y: &[f64]) -> Option<f32> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let size = (dot(x, x) * dot(y, y)).sqrt();
    (size > 0.0).then(|| (dot(x, y) / size) as f32)
}

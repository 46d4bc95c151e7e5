//! A step task followed during training: a policy is asked about every observation once, and evaluated on the walked
//! model.

use super::followed::{Followed, cosine, missing, moves};
use crate::engine::anatomy::Exact;
use crate::engine::probe::{self, Probe};
use crate::engine::{LaneId, WatchedBatch};
use crate::oracle::model::Model;
use crate::oracle::solve::{evaluate, visits, worth};
use crate::oracle::{Oracle, Paid};
use crate::plan::{self, Plan, PlannedArm};
use crate::policy::Policy;
use crate::tasks::{DrawKey, MAX_ACTIVE, Play, STATE_WORDS, State, StepTask};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Sizes [H][E] up to which a policy is followed during training.
const MOST: usize = 500_000;

/// A walked task.
pub(super) struct Steps {
    oracle: Oracle<Arc<Plan>>,
    /// The oracle's model with the observations of the policy.
    model: Model,
    policy: Box<dyn Policy>,
    /// Every observation once.
    probe: Probe,
    seen: BTreeMap<Input, u32>,
    /// The reference policy of a lane, [observations][actions].
    reference: Option<(LaneId, Vec<f64>)>,
}

impl Steps {
    /// Says why the task cannot be followed.
    pub(super) fn new(plan: &Arc<Plan>) -> Result<Self, String> {
        if plan.interface.dense {
            return Err(
                "the policy sees numbers, and the states that it can see are too many to follow them all".into()
            );
        }
        let Play::Steps(task) = &plan.task.play else { return Err("the task has no steps".into()) };
        let oracle = Oracle::new(plan.clone())?;
        let size = oracle.model.horizon * oracle.model.edges.len();
        if size > MOST {
            return Err(format!(
                "the task has {size} pairs of a step and a transition, and policies are followed on at most {MOST}"
            ));
        }
        let built = plan.policy.build(&plan.policy_params, &plan.interface);
        let policy = built.map_err(|e| plan::join(&e))?;
        let (model, probe, seen) = observations(plan, task.as_ref(), &oracle.model);
        Ok(Self { oracle, model, policy, probe, seen, reference: None })
    }

    pub(super) fn exact(&mut self, followed: &Followed<'_>) -> (Option<Exact>, String) {
        if self.reference.as_ref().is_none_or(|(known, _)| *known != followed.lane) {
            self.reference = Some((followed.lane, self.ask(followed.reference)));
        }
        let policy = self.ask(followed.params);
        let paid = self.paid(followed.arm);
        let paid = paid.as_ref();
        let reference = self.reference.as_ref().map_or(policy.as_slice(), |(_, reference)| reference);
        let (model, truth) = (&self.model, &self.oracle.truth);
        let (entropy, kl) = spread(model, &policy, reference);
        let mut exact = Exact {
            reward: paid.ok().map(|p| worth(model, &policy, &p.r, 1.0) as f32),
            true_score: worth(model, &policy, truth, 1.0) as f32,
            entropy: entropy as f32,
            kl: kl as f32,
            cosine: None,
        };
        if let Ok(paid) = paid {
            exact.cosine = self.both(followed, &policy, paid).and_then(|[exact, sampled]| cosine(&exact, &sampled));
        }
        let why = missing(&exact, paid.err().map_or("", String::as_str));
        (Some(exact), why)
    }

    pub(super) fn gradients(&mut self, followed: &Followed<'_>) -> Option<[Vec<f32>; 2]> {
        let paid = self.paid(followed.arm).ok()?;
        let policy = self.ask(followed.params);
        self.both(followed, &policy, &paid)
    }

    /// What the arm pays, or why that is not known exactly.
    fn paid(&self, arm: &PlannedArm) -> Result<Rc<Paid>, String> {
        if let Some(why) = moves(arm) {
            return Err(why.into());
        }
        let paid = self.oracle.paid_by(arm)?;
        if paid.changes {
            return Err("what the program pays changes during the run".into());
        }
        if paid.is_exact { Ok(paid) } else { Err("what the program pays is known only approximately".into()) }
    }

    /// The exact gradient and the one that the samples gave; the policy has just been asked.
    fn both(&mut self, followed: &Followed<'_>, policy: &[f64], paid: &Paid) -> Option<[Vec<f32>; 2]> {
        let sampled = self.sampled(followed.lane, policy, followed.kept, followed.update)?;
        let sampled = self.in_parameters(followed.params, &sampled);
        let exact = gradient(&self.model, policy, &paid.r, paid.gamma);
        self.ask(followed.params);
        Some([self.in_parameters(followed.params, &exact), sampled])
    }

    /// Probabilities of a policy at every observation, [observations][actions].
    fn ask(&mut self, params: &[f32]) -> Vec<f64> {
        let p = probe::probabilities(self.policy.as_mut(), params, &self.probe, self.model.actions);
        p.into_iter().map(f64::from).collect()
    }

    /// A gradient of the logits at every observation, [observations][actions], as one of the parameters of the policy that
    /// was asked last; once after each time.
    fn in_parameters(&mut self, params: &[f32], dlogits: &[f64]) -> Vec<f32> {
        let dlogits: Vec<f32> = dlogits.iter().map(|x| *x as f32).collect();
        let values = vec![0.0; if self.probe.critic { self.probe.rows } else { 0 }];
        let mut gradient = vec![0.0; params.len()];
        self.policy.backward(params, &dlogits, &values, &mut gradient);
        gradient
    }

    /// The policy gradient that a batch's advantages give in the logits, [observations][actions]: sum of A (1[a] - pi).
    fn sampled(&self, lane: LaneId, policy: &[f64], kept: &WatchedBatch, update: u32) -> Option<Vec<f64>> {
        let plan = &self.oracle.plan;
        let Play::Steps(task) = &plan.task.play else { return None };
        let (group, horizon, a) = (plan.group(), plan.steps(), self.model.actions);
        let mut record = vec![0.0; plan.task.schema.stride];
        let mut sum = vec![0.0; policy.len()];
        for (i, length) in kept.lengths.iter().enumerate() {
            let sample = (i % group) as u32;
            let key = DrawKey { seed: plan.seed(lane.seed), update, group: (i / group) as u32, sample };
            let mut state: State = [0; STATE_WORDS];
            task.begin(key, &mut state, &mut record);
            for t in 0..*length as usize {
                let seen = *self.seen.get(&input(plan, task.as_ref(), &state))?;
                let (action, advantage) = (kept.actions[i * horizon + t], f64::from(kept.advantages[i * horizon + t]));
                let row = seen as usize * a..(seen as usize + 1) * a;
                for (b, (x, p)) in sum[row.clone()].iter_mut().zip(&policy[row]).enumerate() {
                    *x += advantage * (f64::from(u8::from(b == action as usize)) - p);
                }
                task.step(key, t as u32, action, &mut state, &mut record);
            }
        }
        Some(sum)
    }
}

/// What a policy is fed with.
type Input = [u32; MAX_ACTIVE];

/// What the plan's policy is fed with in a state: an MLP may see more of it than a table has rows for.
fn input(plan: &Plan, task: &dyn StepTask, state: &State) -> Input {
    let mut input = [0; MAX_ACTIVE];
    if plan.policy.name == "table" {
        input[0] = task.state_index(state);
    } else {
        task.features(state, &mut input);
    }
    input
}

/// The inputs of a policy: a model whose observations are what the policy tells apart, a probe with each of them once, and
/// where each is.
fn observations(plan: &Plan, task: &dyn StepTask, model: &Model) -> (Model, Probe, BTreeMap<Input, u32>) {
    let width = if plan.policy.name == "table" { 1 } else { plan.interface.active };
    let mut model = model.clone();
    let mut probe = Probe { critic: plan.interface.critic, ..Probe::default() };
    let mut known = BTreeMap::new();
    for (state, seen) in model.states.iter().zip(&mut model.seen) {
        let input = input(plan, task, state);
        *seen = *known.entry(input).or_insert(probe.rows as u32);
        if *seen as usize == probe.rows {
            probe.rows += 1;
            probe.inputs.extend_from_slice(&input[..width]);
            if task.has_prior() {
                let at = probe.prior.len();
                probe.prior.resize(at + model.actions, 0.0);
                task.prior(state, &mut probe.prior[at..]);
            }
        }
    }
    model.rows = (0..probe.rows as u32).collect();
    (model, probe, known)
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

/// The exact policy gradient in the logits of every observation (Sutton et al., "Policy Gradient Methods for Reinforcement
/// Learning with Function Approximation"): sum over t of gamma^t d_t(s) pi(a|s) (Q_t(s, a) - V_t(s)).
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

//! Short searches on tasks that the oracle cannot solve: what a reward leads a simple policy to, beside what the true
//! objective leads it to. What is found is there; what is not found may be there all the same.
//!
//! A task of steps trains a policy that is linear in the task's features by REINFORCE (Williams 1992) with returns to go,
//! a baseline for every step and Adam. Of completions, those of one token over and over are tried.

use super::episodes::{Episodes, moments};
use crate::math::rng::{draw, purpose, uniform};
use crate::oracle::discount;
use crate::oracle::model::SEED_SPACE;
use crate::oracle::paid::{rewards, run_values};
use crate::oracle::plays::pick;
use crate::plan::{Plan, PlannedArm};
use crate::tasks::{DrawKey, MAX_ACTIVE, Play, STATE_WORDS, State, StepTask, TokenTask};

/// Samples of a batch, about, and batches.
const SAMPLES: usize = 64;
const BATCHES: u32 = 40;
/// Steps that a training may take: large groups have fewer batches.
const STEPS: usize = 400_000;
/// Adam's step size.
const RATE: f64 = 0.3;
/// Standard errors that a difference must have.
const SIGMAS: f64 = 4.0;

/// What a policy is paid (discounted as its algorithm does) and what it is worth: means over its episodes, and their standard errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Worth {
    pub paid: (f64, f64),
    pub truth: (f64, f64),
}

impl Worth {
    fn of(paid: &[f64], truth: &[f64]) -> Self {
        let mean = |x: &[f64]| {
            let there = x.iter().copied().filter(|x| !x.is_nan());
            let (mean, deviation) = moments(there.clone());
            (mean, deviation / (there.count().max(1) as f64).sqrt())
        };
        Self { paid: mean(paid), truth: mean(truth) }
    }
}

/// Two ways to act: one that the reward pays more, and one that is worth more.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub paid: Worth,
    pub worth: Worth,
    /// What the first one does, where words can say it.
    pub does: Option<String>,
}

impl Found {
    /// Only where chance cannot have made either difference, and a quarter of the worth is lost.
    fn new(paid: Worth, worth: Worth, does: Option<String>) -> Option<Self> {
        let more = |x: (f64, f64), y: (f64, f64)| x.0 - y.0 > SIGMAS * (x.1 * x.1 + y.1 * y.1).sqrt();
        let loses = worth.truth.0 - paid.truth.0 > 0.25 * worth.truth.0.abs().max(0.1);
        (more(paid.paid, worth.paid) && more(worth.truth, paid.truth) && loses).then_some(Self { paid, worth, does })
    }
}

/// What the true objective leads a short search to.
pub(super) struct Wanted(Vec<f64>);

/// Searches for the true objective; None where completions are written, or no features are seen.
pub(super) fn wanted(plan: &Plan) -> Option<Wanted> {
    let Play::Steps(task) = &plan.task.play else { return None };
    if task.observation().features == 0 {
        return None;
    }
    let search = Search::new(plan, task.as_ref());
    Some(Wanted(search.train(1.0, &|batch| {
        let mut paid = vec![0.0; batch.truth.len() * plan.task.horizon];
        for (i, truth) in batch.truth.iter().enumerate() {
            paid[i * plan.task.horizon + batch.lengths[i] - 1] = *truth;
        }
        paid
    })))
}

/// Where an arm's reward pays more for what is worth less.
pub(super) fn search(plan: &Plan, arm: &PlannedArm, wanted: Option<&Wanted>, all: &Episodes) -> Option<Found> {
    match (&plan.task.play, wanted) {
        (Play::Steps(task), Some(wanted)) => {
            let search = Search::new(plan, task.as_ref());
            let gamma = discount(&arm.settings);
            let steps = |batch: &Batch| -> Vec<f64> {
                let (_, scores) = rewards(plan, &arm.program, &batch.records, &run_values(plan, 0), plan.group());
                scores.step_reward.iter().map(|x| f64::from(*x)).collect()
            };
            let theta = search.train(gamma, &steps);
            let worth = |theta: &[f64]| {
                let batch = search.play(theta, BATCHES);
                let paid = steps(&batch);
                let sum = |row: &[f64]| row.iter().rev().fold(0.0, |later, now| now + gamma * later);
                Worth::of(&paid.chunks_exact(plan.task.horizon).map(sum).collect::<Vec<_>>(), &batch.truth)
            };
            Found::new(worth(&theta), worth(&wanted.0), None)
        }
        (Play::Tokens(task), _) => repeated(plan, arm, task.as_ref(), all),
        _ => None,
    }
}

/// Episodes of a policy, n of them.
struct Batch {
    records: Vec<f32>,
    truth: Vec<f64>,
    lengths: Vec<usize>,
    /// (features that are on, action, probabilities) of every step, episode after episode.
    steps: Vec<([u32; MAX_ACTIVE], usize)>,
    /// [steps][actions]
    probabilities: Vec<f64>,
}

struct Search<'a> {
    plan: &'a Plan,
    task: &'a dyn StepTask,
    n: usize,
    active: usize,
    features: usize,
}

impl<'a> Search<'a> {
    fn new(plan: &'a Plan, task: &'a dyn StepTask) -> Self {
        let group = plan.group();
        let seen = task.observation();
        Self { plan, task, n: SAMPLES.div_ceil(group) * group, active: seen.active, features: seen.features }
    }

    /// One batch of episodes of the policy with logits prior + sum of theta [features][actions] over the features that
    /// are on.
    fn play(&self, theta: &[f64], batch: u32) -> Batch {
        let (stride, actions, group) = (self.plan.task.schema.stride, self.plan.task.n_actions, self.plan.group());
        let mut all = Batch {
            records: vec![0.0; self.n * stride],
            truth: Vec::with_capacity(self.n),
            lengths: Vec::with_capacity(self.n),
            steps: Vec::new(),
            probabilities: Vec::new(),
        };
        let mut prior = vec![0.0; actions];
        let mut row = vec![0.0; actions];
        for (i, record) in all.records.chunks_exact_mut(stride).enumerate() {
            let (g, sample) = ((i / group) as u32, (i % group) as u32);
            let key = DrawKey { seed: SEED_SPACE + 3, update: batch, group: g, sample };
            let mut state: State = [0; STATE_WORDS];
            self.task.begin(key, &mut state, record);
            let (mut t, mut over) = (0, false);
            while !over && t < self.plan.task.horizon as u32 {
                let mut on = [0; MAX_ACTIVE];
                self.task.features(&state, &mut on);
                self.task.prior(&state, &mut prior);
                for (a, p) in row.iter_mut().enumerate() {
                    let own = |f: &u32| theta[(*f as usize).min(self.features - 1) * actions + a];
                    *p = f64::from(prior[a]) + on[..self.active].iter().map(own).sum::<f64>();
                }
                let top = row.iter().copied().fold(f64::MIN, f64::max);
                row.iter_mut().for_each(|p| *p = libm::exp(*p - top));
                let sum: f64 = row.iter().sum();
                row.iter_mut().for_each(|p| *p /= sum);
                let u = f64::from(uniform(draw(key.seed, batch, g, sample, t, purpose::ACTION)[0]));
                let action = pick(&row, u);
                all.steps.push((on, action));
                all.probabilities.extend_from_slice(&row);
                over = self.task.step(key, t, action as u32, &mut state, record);
                t += 1;
            }
            all.truth.push(f64::from(self.task.finish(key, &state, t, !over, record)));
            all.lengths.push(t as usize);
        }
        all
    }

    /// Trains from the base policy on; `pay` gives what every step of a batch is paid, [n][horizon].
    fn train(&self, gamma: f64, pay: &dyn Fn(&Batch) -> Vec<f64>) -> Vec<f64> {
        let (actions, horizon) = (self.plan.task.n_actions, self.plan.task.horizon);
        let size = self.features * actions;
        let (mut theta, mut mean, mut square) = (vec![0.0; size], vec![0.0; size], vec![0.0; size]);
        let batches = ((STEPS / (self.n * horizon)) as u32).clamp(4, BATCHES);
        for batch in 0..batches {
            let all = self.play(&theta, batch);
            let mut to_go = pay(&all);
            for row in to_go.chunks_exact_mut(horizon) {
                (0..horizon - 1).rev().for_each(|t| row[t] += gamma * row[t + 1]);
            }
            centre(&mut to_go, &all.lengths, horizon);
            let mut gradient = vec![0.0; size];
            let mut at = 0;
            for (i, length) in all.lengths.iter().enumerate() {
                for t in 0..*length {
                    let (on, action) = &all.steps[at];
                    let row = &all.probabilities[at * actions..(at + 1) * actions];
                    let advantage = to_go[i * horizon + t];
                    for f in &on[..self.active] {
                        let own = &mut gradient[(*f as usize).min(self.features - 1) * actions..][..actions];
                        own.iter_mut().zip(row).for_each(|(g, p)| *g -= advantage * p);
                        own[*action] += advantage;
                    }
                    at += 1;
                }
            }
            let step = f64::from(batch + 1);
            let (b1, b2) = (1.0 - libm::pow(0.9, step), 1.0 - libm::pow(0.99, step));
            for (i, g) in gradient.iter().enumerate() {
                let g = g / self.n as f64;
                mean[i] = 0.9 * mean[i] + 0.1 * g;
                square[i] = 0.99 * square[i] + 0.01 * g * g;
                theta[i] += RATE * (mean[i] / b1) / ((square[i] / b2).sqrt() + 1e-8);
            }
        }
        theta
    }
}

/// Takes the mean over the episodes that come so far out of every step, and divides by the deviation over all steps.
fn centre(to_go: &mut [f64], lengths: &[usize], horizon: usize) {
    for t in 0..horizon {
        let alive = || (0..lengths.len()).filter(|i| lengths[*i] > t).map(|i| i * horizon + t);
        let count = alive().count().max(1) as f64;
        let mean = alive().map(|at| to_go[at]).sum::<f64>() / count;
        alive().for_each(|at| to_go[at] -= mean);
    }
    let steps: usize = lengths.iter().sum();
    let squares: f64 =
        lengths.iter().enumerate().flat_map(|(i, l)| &to_go[i * horizon..i * horizon + l]).map(|x| x * x).sum();
    let scale = 1.0 / ((squares / steps.max(1) as f64).sqrt() + 1e-8);
    to_go.iter_mut().for_each(|x| *x *= scale);
}

/// Completions of one token over and over, each among a group of demonstrations, against the demonstrations.
fn repeated(plan: &Plan, arm: &PlannedArm, task: &dyn TokenTask, all: &Episodes) -> Option<Found> {
    let (stride, group, horizon) = (plan.task.schema.stride, plan.group(), plan.task.horizon);
    let run = run_values(plan, 0);
    let (shown, _) = rewards(plan, &arm.program, &all.records, &run, group);
    let shown = Worth::of(&shown.iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), &all.truth);
    let mut best: Option<Found> = None;
    let mut prompt = vec![0; task.prompt_len()];
    let mut records = all.records.clone();
    for token in (0..task.vocabulary() as u32).filter(|t| *t != task.end_token()) {
        for times in [1, horizon / 2, horizon] {
            let mut tokens = vec![token; times.max(1)];
            let is_cut = tokens.len() == horizon;
            if !is_cut {
                tokens.push(task.end_token());
            }
            let mut truth = Vec::new();
            for g in 0..all.n / group {
                let key = super::episodes::key(g * group, group);
                task.prompt(key, &mut prompt);
                let record = &mut records[g * group * stride..][..stride];
                truth.push(f64::from(task.finish(key, &prompt, &tokens, is_cut, record)));
            }
            let (paid, _) = rewards(plan, &arm.program, &records, &run, group);
            let paid: Vec<f64> = paid.iter().step_by(group).map(|x| f64::from(*x)).collect();
            let name = plan.task.action_names.get(token as usize).map_or("?", String::as_str);
            let does = format!("writes {name} {times} times");
            let Some(found) = Found::new(Worth::of(&paid, &truth), shown, Some(does)) else { continue };
            if best.as_ref().is_none_or(|b| found.paid.paid.0 > b.paid.paid.0) {
                best = Some(found);
            }
        }
    }
    best
}

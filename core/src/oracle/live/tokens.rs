//! A token task followed during training: the policy's likeliest completions of an update's prompts, what a program pays
//! for them, and both gradients.

use super::followed::{Followed, cosine, missing, moves};
use super::payer::{Payer, Written};
use super::tree::{Ground, Tree};
use crate::engine::anatomy::Exact;
use crate::math;
use crate::oracle::completions::{how_many, rounded};
use crate::plan::{self, Plan};
use crate::policy::{Inputs, Policy};
use crate::tasks::Play;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Multiplications of an asked update that prefixes may cost, and most of them.
const WORK: usize = 120_000_000;
const MOST: usize = 16_384;
/// Share of the completions that may be left out.
const MOST_LEFT: f64 = 0.02;
/// Share of a gradient's squares that may be left out.
const SMALL: f64 = 1e-8;
/// Sequences that go through the policy and back together, at most: each has keys, values and activations.
const AT_ONCE: usize = 256;

/// A token task, and what its arm pays.
pub(super) struct Tokens {
    plan: Arc<Plan>,
    policy: Box<dyn Policy>,
    payer: Option<Payer>,
}

/// A policy followed through an update's prompts.
struct Solved {
    ground: Ground,
    tree: Tree,
    /// Of every completion: its true score, and its reward with the discounted reward, or why they are not known.
    true_scores: Vec<f32>,
    paid: Result<Vec<[f64; 2]>, String>,
}

impl Tokens {
    /// Says why the task cannot be followed.
    pub(super) fn new(plan: &Arc<Plan>) -> Result<Self, String> {
        let built = plan.policy.build(&plan.policy_params, &plan.interface);
        let policy = built.map_err(|e| plan::join(&e))?;
        Ok(Self { plan: plan.clone(), policy, payer: None })
    }

    pub(super) fn exact(&mut self, followed: &Followed<'_>) -> (Option<Exact>, String) {
        let solved = match self.solve(followed) {
            Ok(solved) => solved,
            Err(why) => return (None, format!("Nothing is known exactly of this update: {why}.")),
        };
        let Solved { ground, tree, true_scores, paid } = &solved;
        let reference = tree.along(self.policy.as_mut(), followed.reference, ground);
        let (entropy, kl) = tree.spread(&reference, ground.vocabulary);
        let paid = paid.as_ref();
        let exact = Exact {
            reward: paid.ok().map(|paid| tree.mean(paid.iter().map(|p| p[0])) as f32),
            true_score: tree.mean(true_scores.iter().map(|x| f64::from(*x))) as f32,
            entropy: entropy as f32,
            kl: kl as f32,
            cosine: self.both(followed, &solved).and_then(|[exact, sampled]| cosine(&exact, &sampled)),
        };
        let why = missing(&exact, paid.err().map_or("", String::as_str));
        (Some(exact), format!("{why}{}{}", if why.is_empty() { "" } else { " " }, said(tree, ground.shares.len())))
    }

    pub(super) fn gradients(&mut self, followed: &Followed<'_>) -> Option<[Vec<f32>; 2]> {
        let solved = self.solve(followed).ok()?;
        self.both(followed, &solved)
    }

    /// Follows the policy through an update's prompts; says why that is not enough.
    fn solve(&mut self, followed: &Followed<'_>) -> Result<Solved, String> {
        let (plan, arm) = (self.plan.clone(), followed.arm);
        let Play::Tokens(task) = &plan.task.play else { return Err("the task has no completions".into()) };
        let (prompts, shares) = kinds(&followed.kept.prompts, plan.interface.prompt_len);
        let room = (WORK / followed.params.len().max(1)).min(MOST);
        let ground = Ground {
            width: (room / 16).max(shares.len()),
            room,
            most_left: MOST_LEFT,
            prompts,
            shares,
            vocabulary: plan.task.n_actions,
            horizon: plan.task.horizon,
            end: task.end_token(),
            critic: plan.interface.critic,
        };
        let grown = Tree::grow(self.policy.as_mut(), followed.params, &ground);
        let tree = grown.ok_or_else(|| too_many(&plan, &ground))?;
        let written = Written::new(&plan, task.as_ref(), &tree, &ground);
        if self.payer.as_ref().is_none_or(|p| !p.is_of(followed.lane.arm, arm)) {
            self.payer = None;
        }
        let payer = self.payer.get_or_insert_with(|| Payer::new(followed.lane.arm, arm, &plan));
        let paid = match moves(arm) {
            Some(why) => Err(why.into()),
            None => payer.pay(&plan, task.as_ref(), arm, followed.kept, &written),
        };
        Ok(Solved { ground, tree, true_scores: written.true_scores, paid })
    }

    /// The exact gradient and the one that the samples gave.
    fn both(&mut self, followed: &Followed<'_>, solved: &Solved) -> Option<[Vec<f32>; 2]> {
        let Solved { ground, tree, paid, .. } = solved;
        let paid = paid.as_ref().ok()?;
        // What is paid for every completion moves no policy.
        let base = tree.mean(paid.iter().map(|p| p[1]));
        let worth: Vec<f64> = paid.iter().map(|p| p[1] - base).collect();
        let dlogits = tree.gradient(&worth, ground.vocabulary);
        Some([
            self.in_parameters(followed.params, tree, &dlogits, ground),
            self.sampled(followed, ground.width.min(AT_ONCE))?,
        ])
    }

    /// A gradient of the logits at the tree's prefixes, as one of the policy's parameters: over sequences that together
    /// pass through every prefix that has a part in it.
    fn in_parameters(&mut self, params: &[f32], tree: &Tree, dlogits: &[f32], ground: &Ground) -> Vec<f32> {
        let v = ground.vocabulary;
        let sizes: Vec<f64> =
            dlogits.chunks_exact(v).map(|row| row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()).collect();
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        order.sort_unstable_by(|i, j| sizes[*i].total_cmp(&sizes[*j]).then(i.cmp(j)));
        let mut left = SMALL * sizes.iter().sum::<f64>();
        let small = order.iter().take_while(|i| {
            left -= sizes[**i];
            left >= 0.0
        });
        let mut is_small = vec![false; sizes.len()];
        small.for_each(|i| is_small[*i] = true);
        // Of every prefix, the path whose row has its gradient.
        let mut owner: Vec<Option<usize>> = vec![None; tree.prefixes.len()];
        let mut paths: Vec<Vec<usize>> = Vec::new();
        for end in (0..tree.prefixes.len()).rev() {
            if owner[end].is_some() || is_small[end] {
                continue;
            }
            let path = tree.path(end);
            path.iter().for_each(|at| owner[*at] = owner[*at].or(Some(paths.len())));
            paths.push(path);
        }
        let at_once = ground.width.min(AT_ONCE);
        let mut gradient = vec![0.0; params.len()];
        for (part, some) in paths.chunks(at_once).enumerate() {
            let group_of: Vec<u32> = some.iter().map(|path| tree.prefixes[path[0]].prompt).collect();
            let mut batch = Batch::new(params, &ground.prompts, &group_of, v, ground.critic);
            batch.lengths.extend(some.iter().map(|path| path.len() as u32));
            let steps = some.iter().map(Vec::len).max().unwrap_or(0);
            let rows: Vec<(usize, usize)> =
                (0..steps).flat_map(|t| (0..some.len()).filter_map(move |i| Some((i, *some[i].get(t)?)))).collect();
            batch.inputs.extend(rows.iter().map(|(_, at)| tree.prefixes[*at].token));
            batch.forward(self.policy.as_mut());
            batch.logits.fill(0.0);
            for (row, (i, at)) in batch.logits.chunks_exact_mut(v).zip(&rows) {
                if owner[*at] == Some(part * at_once + i) {
                    row.copy_from_slice(&dlogits[at * v..(at + 1) * v]);
                }
            }
            batch.backward(self.policy.as_mut(), &mut gradient);
        }
        gradient
    }

    /// The policy gradient that a batch's advantages give: the gradient of the sum of A log pi. None where all are zero.
    fn sampled(&mut self, followed: &Followed<'_>, at_once: usize) -> Option<Vec<f32>> {
        let (kept, steps, v) = (followed.kept, self.plan.steps(), self.plan.task.n_actions);
        let (group, width) = (self.plan.group(), self.plan.interface.prompt_len);
        let counts = |i: &usize| kept.advantages[i * steps..][..kept.lengths[*i] as usize].iter().any(|a| *a != 0.0);
        let samples: Vec<usize> = (0..kept.lengths.len()).filter(counts).collect();
        let mut gradient = vec![0.0; followed.params.len()];
        for some in samples.chunks(at_once) {
            let groups = some[0] / group..some[some.len() - 1] / group + 1;
            let group_of: Vec<u32> = some.iter().map(|i| (i / group - groups.start) as u32).collect();
            let prompts = &kept.prompts[groups.start * width..groups.end * width];
            let mut batch = Batch::new(followed.params, prompts, &group_of, v, self.plan.interface.critic);
            batch.lengths.extend(some.iter().map(|i| kept.lengths[*i]));
            let at_step =
                |t: usize| some.iter().filter(move |i| kept.lengths[**i] as usize > t).map(move |i| i * steps + t);
            for t in 0..steps {
                batch.inputs.extend(at_step(t).map(|at| if t == 0 { 0 } else { kept.actions[at - 1] }));
            }
            batch.forward(self.policy.as_mut());
            let mut logp = vec![0.0; batch.logits.len()];
            math::log_softmax_rows(&batch.logits, &mut logp, v);
            let rows = batch.logits.chunks_exact_mut(v).zip(logp.chunks_exact(v));
            for ((row, logp), at) in rows.zip((0..steps).flat_map(at_step)) {
                let advantage = kept.advantages[at];
                row.iter_mut().zip(logp).for_each(|(x, logp)| *x = -advantage * math::exp(*logp));
                row[kept.actions[at] as usize] += advantage;
            }
            batch.backward(self.policy.as_mut(), &mut gradient);
        }
        (!samples.is_empty()).then_some(gradient)
    }
}

/// Sequences that go through the policy and back; rows are in the order of `Policy::replay`.
struct Batch<'a> {
    params: &'a [f32],
    prompts: &'a [u32],
    group_of: &'a [u32],
    lengths: Vec<u32>,
    inputs: Vec<u32>,
    /// Logits, and then their gradients, [rows][vocabulary].
    logits: Vec<f32>,
    vocabulary: usize,
    critic: bool,
}

impl<'a> Batch<'a> {
    fn new(params: &'a [f32], prompts: &'a [u32], group_of: &'a [u32], vocabulary: usize, critic: bool) -> Self {
        let (lengths, inputs, logits) = (Vec::new(), Vec::new(), Vec::new());
        Self { params, prompts, group_of, lengths, inputs, logits, vocabulary, critic }
    }

    fn forward(&mut self, policy: &mut dyn Policy) {
        let rows = self.inputs.len();
        self.logits.resize(rows * self.vocabulary, 0.0);
        let mut values = vec![0.0; if self.critic { rows } else { 0 }];
        policy.keep_activations(true);
        policy.reset(self.params, self.prompts, self.group_of);
        policy.replay(self.params, &self.lengths, Inputs::Tokens(&self.inputs), &mut self.logits, &mut values);
    }

    /// Adds to the gradient of the parameters.
    fn backward(&self, policy: &mut dyn Policy, gradient: &mut [f32]) {
        let values = vec![0.0; if self.critic { self.inputs.len() } else { 0 }];
        policy.backward(self.params, &self.logits, &values, gradient);
    }
}

/// Different prompts, flat, and the share of each.
fn kinds(prompts: &[u32], width: usize) -> (Vec<u32>, Vec<f64>) {
    let mut counts = BTreeMap::<&[u32], u32>::new();
    prompts.chunks_exact(width).for_each(|prompt| *counts.entry(prompt).or_default() += 1);
    let all = f64::from(counts.values().sum::<u32>());
    let flat = counts.keys().flat_map(|prompt| prompt.iter().copied()).collect();
    (flat, counts.values().map(|n| f64::from(*n) / all).collect())
}

/// Why there are no exact numbers.
fn too_many(plan: &Plan, ground: &Ground) -> String {
    let all = rounded(how_many(plan.task.n_actions, plan.task.horizon));
    let (prompts, room) = (ground.shares.len(), rounded(ground.room as f64));
    format!(
        "each of its {prompts} prompts has {all} completions, and the {room} likeliest prefixes that can be followed leave out more than {:.0}% of the probability",
        100.0 * MOST_LEFT
    )
}

/// What exact numbers are over.
fn said(tree: &Tree, prompts: usize) -> String {
    let without = match tree.left {
        left if left < 5e-5 => String::new(),
        left => format!(", without completions whose probabilities sum to {:.2}%", 100.0 * left),
    };
    format!("This is over the update's {prompts} prompts{without}.")
}

//! The exact oracle: what the optimum of an edited reward is on a small task, and what it is worth, before any training.
//!
//! A task becomes a `model` by walking it; `plays` are real episodes along chosen transitions; `paid` asks the reward
//! program what it pays for each; `solve` finds the optimum, `starc` compares rewards, and `answer` says it in plain
//! data (types in `report`). Token tasks are solved over classes of `completions` (`tokens`).

mod answer;
mod ask;
pub mod claims;
pub mod completions;
pub mod live;
pub mod memory;
pub mod model;
pub mod paid;
pub mod plays;
pub mod ranges;
pub mod report;
mod sentences;
pub mod solve;
pub mod starc;
pub mod tokens;

pub use answer::{Answers, Solver, distances, unknown, unsolved};
pub use sentences::TRAINING;

use crate::algorithm::Settings;
use crate::algorithm::settings::{Estimator, ScaleRewards};
use crate::episode_fields::exploration;
use crate::params::Params;
use crate::plan::Plan;
use crate::policy::TableParams;
use crate::reward::{Program, Reads};
use crate::reward_models;
use crate::tasks::Play;
use model::Model;
use paid::{differences, mean_table};
use plays::{Player, Plays, at_every_step};
use solve::Best;
use std::cell::{OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;

/// Sets of noise over which a task of one step, or of several, is averaged; the last, where every transition is tried at
/// every step.
const WORLDS: [u32; 3] = [64, 16, 8];
/// Sets of companions over which rewards that look at the group are averaged, at most.
const COMPANIES: usize = 8;
/// Sizes [H][E] up to which every transition is tried at every step.
const TIMED_CELLS: usize = 100_000;
/// Most samples that are scored for a reward that looks at the group.
const GROUP_BUDGET: usize = 200_000;
/// Episodes that are held against a table of payments.
const CHECKS: u32 = 192;

/// A task solved for its true objective, ready to be asked about arms.
pub struct Oracle<P> {
    pub plan: P,
    pub model: Model,
    /// Episodes that take every transition on the way and on the last step, in worlds of different noise.
    worlds: Vec<Plays>,
    /// The same with every transition at every step, each made when a program first asks for it; empty where they are too
    /// many.
    timed: Vec<OnceCell<Plays>>,
    /// The episodes of some worlds with all that they were on the way, for payments that grow with an episode, each made
    /// when first needed.
    prefixes: Vec<OnceCell<(Plays, Plays)>>,
    /// What was asked last: the most recent last.
    asked: RefCell<Vec<(Asked, Answer)>>,
    /// Episodes of world 0 that no table is made of: of the uniform policy and of the base policy.
    checks: Plays,
    /// The base policy, [observations][actions].
    pub base: Vec<f64>,
    /// Groups that the base policy samples.
    pub sampled: Plays,
    /// What the true objective pays, [H][E].
    pub truth: Vec<f64>,
    pub truth_is_exact: bool,
    pub best: Best,
    /// Least expected true score.
    pub worst: f64,
}

/// What an arm's payments depend on beside the task: its program, its discount, and the run's updates.
type Asked = (String, u64, u32);

/// What it pays, or why that is not known.
type Answer = Result<Rc<Paid>, String>;

/// What an arm pays.
pub struct Paid {
    /// [H][E]
    pub r: Vec<f64>,
    /// Of every component without its weight, [H][E]; None where it looks at more than state and step.
    pub components: Vec<Option<Vec<f64>>>,
    pub is_exact: bool,
    /// It is a mean over draws of the task's noise.
    pub is_noisy: bool,
    /// It pays something else later in the run.
    pub changes: bool,
    pub notes: Vec<String>,
    pub gamma: f64,
}

/// The discount that an arm's algorithm gives to later rewards.
pub fn discount(settings: &Settings) -> f64 {
    match settings.estimator {
        Estimator::Gae | Estimator::ReinforcePlusPlus => f64::from(settings.gamma),
        _ => 1.0,
    }
}

/// Why a program cannot be asked before the run: it reads what only a run fills.
pub fn needs_a_run(plan: &Plan, program: &Program) -> Option<&'static str> {
    let reads = Reads::of(program, &plan.task.schema);
    if plan.reward_models.is_some() && reads.has_any(&reward_models::FIELDS) {
        return Some("it reads a learned reward model, which is trained when the run starts");
    }
    if plan.exploration.is_some() && reads.has_any(&exploration::FIELDS) {
        return Some("what an exploration memory pays depends on what was visited before, which no state tells");
    }
    let looks_inside = plan.confidence.is_read_by(program);
    looks_inside.then_some("it pays for how sure the policy is, which changes while it learns and which no state tells")
}

/// Whether an arm's algorithm divides rewards by a deviation of the batch or the group.
fn divides_by_deviation(settings: &Settings) -> bool {
    match settings.estimator {
        Estimator::Reinforce | Estimator::Rloo | Estimator::DrGrpo | Estimator::Opo => false,
        Estimator::Grpo => settings.scale_rewards != ScaleRewards::None,
        Estimator::Gae => settings.whiten_advantages,
        _ => true,
    }
}

/// The base policy as a table over a model's observations: the task's prior, and the table's initial logit.
fn base_policy(plan: &Plan, model: &Model) -> Vec<f64> {
    let Play::Steps(task) = &plan.task.play else { return model.uniform() };
    let is_table = plan.policy.name == "table";
    let first = TableParams::resolve(&[&plan.policy_params]).ok().filter(|_| is_table).map_or(0.0, |p| p.init_logit);
    let mut policy = model.uniform();
    for (node, state) in model.states.iter().enumerate() {
        let row = &mut policy[model.seen[node] as usize * model.actions..][..model.actions];
        let mut prior = vec![0.0; model.actions];
        if task.has_prior() {
            task.prior(state, &mut prior);
        }
        prior[0] += first;
        let top = prior.iter().copied().fold(f32::MIN, f32::max);
        row.iter_mut().zip(&prior).for_each(|(p, x)| *p = libm::exp(f64::from(x - top)));
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|p| *p /= sum);
    }
    policy
}

fn refs<T>(all: &[T]) -> Vec<&T> {
    all.iter().collect()
}

fn slices(all: &[Vec<f64>]) -> Vec<&[f64]> {
    all.iter().map(Vec::as_slice).collect()
}

impl<P: Deref<Target = Plan>> Oracle<P> {
    /// Walks the plan's task and solves its true objective; the sentence says why that cannot be.
    pub fn new(plan: P) -> Result<Self, String> {
        let model = Model::explore(&plan.task)?;
        let Play::Steps(steps) = &plan.task.play else { return Err("the task has no steps".into()) };
        let player = Player { task: &plan.task, steps: steps.as_ref(), model: &model };
        let is_noisy = player.is_noisy()?;
        let uniform = model.uniform();
        let count = if is_noisy { WORLDS[usize::from(model.horizon > 1)] } else { 1 };
        let worlds = (0..count).map(|world| player.episodes(world, false, None)).collect::<Result<Vec<Plays>, _>>()?;
        let may_time = model.horizon > 1 && model.horizon * model.edges.len() <= TIMED_CELLS;
        let count = if is_noisy { WORLDS[2] } else { 1 };
        let timed: Vec<OnceCell<Plays>> = (0..if may_time { count } else { 0 }).map(|_| OnceCell::new()).collect();
        let base = base_policy(&plan, &model);
        let mut checks = Plays::default();
        player.wander(0, &uniform, CHECKS / 2, 2, &mut checks, None)?;
        player.wander(0, &base, CHECKS / 2, 3, &mut checks, None)?;
        let group = plan.group();
        let groups = (512 / group).max(8);
        let sampled = player.sample(&base, groups * group, group, 0)?;

        let ends = |plays: &Plays| {
            let mut paid = vec![0.0; plays.len() * model.horizon];
            for (i, edges) in plays.edges.iter().enumerate() {
                paid[i * model.horizon + edges.len() - 1] = f64::from(plays.true_scores[i]);
            }
            paid
        };
        let checked = ends(&checks);
        let table = |worlds: &[&Plays], timed: bool| {
            let paid: Vec<Vec<f64>> = worlds.iter().map(|plays| ends(plays)).collect();
            mean_table(&model, worlds, &slices(&paid), &checks, &checked, timed)
        };
        let mut found = table(&refs(&worlds), false);
        if !found.is_exact && !timed.is_empty() {
            found = table(&at_every_step(&timed, &player)?, true);
        }
        if !found.is_exact {
            let mut prefixes = Plays::default();
            let plays = player.episodes(0, false, Some(&mut prefixes))?;
            let totals: Vec<f64> = prefixes.true_scores.iter().map(|x| f64::from(*x)).collect();
            let paid = differences(&plays, &totals, model.horizon);
            let grown = mean_table(&model, &[&plays], &[&paid], &checks, &checked, false);
            if grown.is_exact {
                found = grown;
            }
        }
        let truth = found.r;
        let best = solve::best(&model, &truth, 1.0, &[]);
        let against: Vec<f64> = truth.iter().map(|x| -x).collect();
        let worst = -solve::best(&model, &against, 1.0, &[]).value;
        let prefixes = worlds.iter().take(WORLDS[2] as usize).map(|_| OnceCell::new()).collect();
        Ok(Self {
            plan,
            worlds,
            timed,
            prefixes,
            asked: RefCell::default(),
            checks,
            base,
            sampled,
            truth,
            truth_is_exact: found.is_exact && !model.estimated,
            best,
            worst,
            model,
        })
    }

    /// Records of episodes that together take every transition, [n][stride].
    pub fn every_transition(&self) -> &[f32] {
        &self.worlds[0].records
    }

    /// Plays on this oracle's model.
    pub fn player(&self) -> Option<Player<'_>> {
        match &self.plan.task.play {
            Play::Steps(steps) => Some(Player { task: &self.plan.task, steps: steps.as_ref(), model: &self.model }),
            Play::Tokens(_) => None,
        }
    }
}

//! The exact oracle: what the optimum of an edited reward is on a small task, and what it is worth, before any training.
//!
//! A task becomes a `model` by walking it; `plays` are real episodes along chosen transitions; `paid` asks the reward
//! program what it pays for each; `solve` finds the optimum, `starc` compares rewards, and `answer` says it in plain
//! data (types in `report`). Token tasks are solved over classes of `completions` (`tokens`).

mod answer;
mod ask;
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

pub use answer::{Answers, Solver, distances, is_metric, unknown, unsolved};
pub use sentences::TRAINING;

use crate::algorithm::Settings;
use crate::algorithm::settings::{Estimator, ScaleRewards};
use crate::episode_fields::exploration;
use crate::params::Params;
use crate::plan::{Plan, PlannedArm};
use crate::policy::TableParams;
use crate::reward::{Program, Reads};
use crate::reward_models;
use crate::tasks::Play;
use ask::at_every_step;
use model::Model;
use paid::{Found, Payments, differ, differences, mean_table, pay, run_values};
use plays::{Player, Plays};
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
/// Share of an episode's deviation that may be left unexplained before a reward counts as not solved.
const UNEXPLAINED: f64 = 0.5;
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

/// Programs whose payments are kept.
const KEPT: usize = 12;

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

    /// The other samples of an episode's group: those of a group of the base policy that starts alike.
    fn companions(&self, plays: &Plays, i: usize, company: usize) -> Vec<f32> {
        let (group, stride) = (self.plan.group(), self.plan.task.schema.stride);
        let groups = self.sampled.len() / group;
        let alike: Vec<usize> = (0..groups).filter(|g| self.sampled.starts[g * group] == plays.starts[i]).collect();
        let g = if alike.is_empty() { company % groups } else { alike[company % alike.len()] };
        self.sampled.records[(g * group + 1) * stride..(g + 1) * group * stride].to_vec()
    }

    /// Whether the reward of an episode depends on the other samples of its group or batch.
    fn looks_at_group(&self, program: &Program, run: &[f32]) -> bool {
        if !program.has_combine() || self.plan.group() == 1 {
            return false;
        }
        let n = self.checks.len().min(48);
        let few = Plays {
            edges: self.checks.edges[..n].to_vec(),
            starts: self.checks.starts[..n].to_vec(),
            records: self.checks.records[..n * self.plan.task.schema.stride].to_vec(),
            true_scores: self.checks.true_scores[..n].to_vec(),
        };
        let alone = pay(&self.plan, program, &few.records, &few.lengths(), run, None);
        (0..3).any(|company| {
            let others = |i: usize| self.companions(&few, i, company);
            differ(&alone.total, &pay(&self.plan, program, &few.records, &few.lengths(), run, Some(&others)).total)
        })
    }

    /// What an arm of the plan pays for every transition.
    pub fn paid(&self, arm: usize) -> Result<Rc<Paid>, String> {
        self.paid_by(&self.plan.arms[arm])
    }

    /// The same for an arm that was edited.
    pub fn paid_by(&self, arm: &PlannedArm) -> Result<Rc<Paid>, String> {
        let key = (arm.program.source().to_string(), discount(&arm.settings).to_bits(), self.plan.run.updates);
        if let Some((_, known)) = self.asked.borrow().iter().find(|(asked, _)| *asked == key) {
            return known.clone();
        }
        let paid = self.ask(arm).map(Rc::new);
        let mut kept = self.asked.borrow_mut();
        if kept.len() == KEPT {
            kept.drain(..1);
        }
        kept.push((key, paid.clone()));
        paid
    }

    /// Whether a program pays something else at the end of the run than at its start.
    fn changes(&self, program: &Program) -> bool {
        let plan: &Plan = &self.plan;
        let late = pay(
            plan,
            program,
            &self.checks.records,
            &self.checks.lengths(),
            &run_values(plan, plan.run.updates - 1),
            None,
        );
        let early = pay(plan, program, &self.checks.records, &self.checks.lengths(), &run_values(plan, 0), None);
        differ(&early.total, &late.total)
    }

    /// What an answer rests on, in sentences.
    fn notes(&self, found: &Found, checked: &Payments, grouped: bool, times: usize, changes: bool) -> Vec<String> {
        let mut notes = Vec::new();
        let n = self.checks.len();
        if grouped {
            notes.push(format!(
                "It looks at the group: each episode was paid in groups whose other {} samples the base policy drew.",
                self.plan.group() - 1
            ));
        }
        if found.is_noisy {
            notes.push(format!("Noise is averaged over {times} draws."));
        }
        if !found.is_exact {
            notes.push(format!(
                "It looks at more of the episode than state and step, so this is solved for what each step is paid on average, which leaves {:.2} of {:.2} (deviation of an episode's reward) unexplained.",
                found.left, found.deviation
            ));
        }
        if self.model.estimated {
            notes.push("Some chances of the task were estimated from draws.".into());
        }
        if changes {
            notes.push("It changes during the run; this is what it pays at the first update.".into());
        }
        if checked.failed > 0 {
            notes.push(format!("It fails on {} of {n} episodes, which count as paid nothing.", checked.failed));
        }
        if checked.without > 0 {
            notes.push(format!(
                "It gives no reward to {} of {n} episodes, which count as paid nothing.",
                checked.without
            ));
        }
        notes
    }
}

//! The exact oracle: what the optimum of an edited reward is on a small task, and what it is worth, before any training.
//!
//! A task becomes a `model` by walking it; `plays` are real episodes along chosen transitions; `paid` asks the reward
//! program what it pays for each; `solve` finds the optimum, `starc` compares rewards, and `answer` says it in plain
//! data. The page's language module answers in JSON (types in `report`): `oracle(experiment, arm)` gives a `Report`,
//! `distances(experiment)` gives `Distances`; `experiment` is an experiment as JSON text.

mod answer;
pub mod model;
pub mod paid;
pub mod plays;
pub mod report;
pub mod solve;
pub mod starc;

pub use answer::{distances, metric, solve};

use crate::algorithm::Settings;
use crate::algorithm::settings::Estimator;
use crate::params::Params;
use crate::plan::Plan;
use crate::policy::TableParams;
use crate::tasks::Play;
use model::Model;
use paid::{Payments, differences, pay, run_values, tabulate, unexplained};
use plays::{Player, Plays};
use solve::Best;

/// Sets of noise over which a task of one step, or of several, is averaged.
const WORLDS: [u32; 2] = [64, 8];
/// Sets of companions over which rewards that look at the group are averaged, at most.
const COMPANIES: usize = 8;
/// Sizes [H][E] up to which every transition is tried at every step.
const TIMED_CELLS: usize = 100_000;
/// Most samples that are scored for a reward that looks at the group.
const GROUP_BUDGET: usize = 200_000;
/// Episodes that are held against a table of payments.
const CHECKS: u32 = 192;

/// A task solved for its true objective, ready to be asked about arms.
pub struct Oracle<'a> {
    pub plan: &'a Plan,
    pub model: Model,
    /// Every transition is tried at every step.
    timed: bool,
    worlds: Vec<Plays>,
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

/// What an arm pays.
pub struct Paid {
    /// [H][E]
    pub r: Vec<f64>,
    /// Of every component without its weight, [C][H][E]; only as good as the whole where that is exact.
    pub components: Vec<Vec<f64>>,
    pub is_exact: bool,
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

impl<'a> Oracle<'a> {
    /// Walks the plan's task and solves its true objective; the sentence says why that cannot be.
    pub fn new(plan: &'a Plan) -> Result<Self, String> {
        if plan.exploration.is_some() {
            return Err(
                "what an exploration memory pays depends on what was visited before, which no state tells".into()
            );
        }
        let model = Model::explore(&plan.task)?;
        let Play::Steps(steps) = &plan.task.play else { return Err("the task has no steps".into()) };
        let player = Player { task: &plan.task, steps: steps.as_ref(), model: &model };
        let timed = model.horizon * model.edges.len() <= TIMED_CELLS;
        let worlds = if player.is_noisy()? { WORLDS[usize::from(model.horizon > 1)] } else { 1 };
        let uniform = model.uniform();
        let cover = |world| {
            let mut plays = player.cover(world, timed, None)?;
            if model.horizon > 1 {
                player.wander(world, &uniform, 48, 1, &mut plays, None)?;
            }
            Ok(plays)
        };
        let worlds = (0..worlds).map(cover).collect::<Result<Vec<Plays>, String>>()?;
        let base = base_policy(plan, &model);
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
        let in_worlds: Vec<Vec<f64>> = worlds.iter().map(ends).collect();
        let mut found = mean_table(&model, &worlds, &in_worlds, &checks, &ends(&checks), timed);
        if !found.is_exact {
            let mut prefixes = Plays::default();
            let mut plays = player.cover(0, false, Some(&mut prefixes))?;
            player.wander(0, &uniform, 48, 4, &mut plays, Some(&mut prefixes))?;
            let totals: Vec<f64> = prefixes.true_scores.iter().map(|x| f64::from(*x)).collect();
            let paid = differences(&plays, &totals, model.horizon);
            let grown = mean_table(&model, &[plays], &[paid], &checks, &ends(&checks), timed);
            if grown.is_exact {
                found = grown;
            }
        }
        let truth = found.r;
        let best = solve::best(&model, &truth, 1.0, &[]);
        let against: Vec<f64> = truth.iter().map(|x| -x).collect();
        let worst = -solve::best(&model, &against, 1.0, &[]).value;
        Ok(Self {
            plan,
            timed,
            worlds,
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
    fn looks_at_group(&self, arm: usize, run: &[f32]) -> bool {
        let program = &self.plan.arms[arm].program;
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
        let alone = pay(self.plan, program, &few, run, None);
        (0..3).any(|company| {
            let others = |i: usize| self.companions(&few, i, company);
            differ(&alone.total, &pay(self.plan, program, &few, run, Some(&others)).total)
        })
    }

    /// What an arm pays for every transition.
    pub fn paid(&self, arm: usize) -> Result<Paid, String> {
        let (plan, model) = (self.plan, &self.model);
        let program = &plan.arms[arm].program;
        let gamma = discount(&plan.arms[arm].settings);
        let run = run_values(plan, 0);
        let mut notes = Vec::new();
        let grouped = self.looks_at_group(arm, &run);
        let ask = |plays: &Plays, company: usize| -> Payments {
            let others = |i: usize| self.companions(plays, i, company);
            pay(plan, program, plays, &run, if grouped { Some(&others) } else { None })
        };
        let one = self.worlds[0].len() * plan.group();
        if grouped && one > GROUP_BUDGET {
            return Err(format!(
                "what it pays for an episode depends on the others of its group, and {} episodes with a group of {} each are too many to try",
                self.worlds[0].len(),
                plan.group()
            ));
        }
        let times = if grouped { (GROUP_BUDGET / 2 / one).clamp(1, COMPANIES) } else { self.worlds.len() };
        let world = |i: usize| &self.worlds[i % self.worlds.len()];
        let asked: Vec<Payments> = (0..times).map(|i| ask(world(i), i)).collect();
        let checked = ask(&self.checks, 0);
        let worlds: Vec<Plays> = (0..times).map(|i| world(i).clone()).collect();
        let totals: Vec<Vec<f64>> = asked.iter().map(|p| p.total.clone()).collect();
        let mut found = mean_table(model, &worlds, &totals, &self.checks, &checked.total, self.timed);
        if !found.is_exact
            && gamma == 1.0
            && !grouped
            && let Some(grown) = self.grown(arm, &run, &checked.total)
        {
            found = grown;
        }
        let components = (0..program.components.len()).map(|c| {
            let own: Vec<Vec<f64>> = asked.iter().map(|p| p.components[c].clone()).collect();
            mean_table(model, &worlds, &own, &self.checks, &checked.components[c], self.timed).r
        });
        let components = components.collect();

        if grouped {
            notes.push(format!(
                "It looks at the group: each episode was paid in groups whose other {} samples the base policy drew.",
                plan.group() - 1
            ));
        }
        if self.worlds.len() > 1 {
            notes.push(format!("Noise is averaged over {} draws.", times));
        }
        if !found.is_exact {
            notes.push(format!(
                "It looks at more of the episode than state and step, so this is solved for what each step is paid on average, which leaves {:.2} of {:.2} (deviation of an episode's reward) unexplained.",
                found.left, found.deviation
            ));
        }
        if model.estimated {
            notes.push("Some chances of the task were estimated from draws.".into());
        }
        let late = pay(plan, program, &self.checks, &run_values(plan, plan.run.updates - 1), None);
        let early = pay(plan, program, &self.checks, &run, None);
        if differ(&early.total, &late.total) {
            notes.push("It changes during the run; this is what it pays at the first update.".into());
        }
        let n = checked.total.len() / model.horizon;
        if checked.failed > 0 {
            notes.push(format!("It fails on {} of {n} episodes, which count as paid nothing.", checked.failed));
        }
        if checked.without > 0 {
            notes.push(format!(
                "It gives no reward to {} of {n} episodes, which count as paid nothing.",
                checked.without
            ));
        }
        let is_exact = found.is_exact && !model.estimated && checked.failed + checked.without == 0;
        Ok(Paid { r: found.r, components, is_exact, notes, gamma })
    }

    /// Payments for whole episodes, spread over the steps by which they grew.
    fn grown(&self, arm: usize, run: &[f32], checked: &[f64]) -> Option<Found> {
        let (player, model) = (self.player()?, &self.model);
        if model.edges.len() > 4000 {
            return None;
        }
        let program = &self.plan.arms[arm].program;
        let (mut all, mut paid) = (Vec::new(), Vec::new());
        for world in 0..self.worlds.len() as u32 {
            let mut prefixes = Plays::default();
            let mut plays = player.cover(world, false, Some(&mut prefixes)).ok()?;
            player.wander(world, &model.uniform(), 16, 5, &mut plays, Some(&mut prefixes)).ok()?;
            let each = pay(self.plan, program, &prefixes, run, None).total;
            let totals: Vec<f64> = each.chunks_exact(model.horizon).map(|steps| steps.iter().sum()).collect();
            paid.push(differences(&plays, &totals, model.horizon));
            all.push(plays);
        }
        Some(mean_table(model, &all, &paid, &self.checks, checked, false)).filter(|found| found.is_exact)
    }
}

/// Whether two lists of payments differ by more than rounding.
fn differ(x: &[f64], y: &[f64]) -> bool {
    let scale = x.iter().chain(y).fold(0.0f64, |m, x| m.max(x.abs()));
    x.iter().zip(y).any(|(x, y)| (x - y).abs() > 1e-5 * scale)
}

/// A table of payments, and how far it can be trusted.
struct Found {
    r: Vec<f64>,
    is_exact: bool,
    /// Root mean square of what it does not explain of an episode's sum, and the deviation of those sums.
    left: f64,
    deviation: f64,
}

/// The mean over worlds of what transitions are paid; exact where in each world the same transition is always paid the
/// same and the sums of `checks` (episodes of world 0) come out.
fn mean_table(
    model: &Model,
    worlds: &[Plays],
    paid: &[Vec<f64>],
    checks: &Plays,
    checked: &[f64],
    timed: bool,
) -> Found {
    let scale = paid.iter().flatten().chain(checked).fold(0.0f64, |m, x| m.max(x.abs()));
    let mut last = None;
    for timed in [false, true].into_iter().take(1 + usize::from(timed && model.horizon > 1)) {
        let tables: Vec<_> = worlds.iter().zip(paid).map(|(plays, paid)| tabulate(model, plays, paid, timed)).collect();
        let (left, deviation) = unexplained(model, checks, checked, &tables[0].r);
        let spread = tables.iter().map(|t| t.spread).fold(0.0, f64::max);
        let is_exact = spread <= 2e-5 * scale && left <= 2e-5 * scale * model.horizon as f64;
        let mut r = vec![0.0; model.horizon * model.edges.len()];
        for table in &tables {
            r.iter_mut().zip(&table.r).for_each(|(sum, x)| *sum += x / tables.len() as f64);
        }
        let found = Found { r, is_exact, left, deviation };
        if is_exact {
            return found;
        }
        last = Some(found);
    }
    last.unwrap_or(Found { r: Vec::new(), is_exact: false, left: 0.0, deviation: 0.0 })
}

//! The oracle's answers as plain data.

use super::paid::{pay, run_values};
use super::report::{ArmReport, Distances, Optimum, Solved, Tempered};
use super::sentences::{headline, training};
use super::solve::{self, Best, range, with_clock, worth};
use super::starc::{canonical, distance};
use super::tokens::Tokens;
use super::{Oracle, Paid, divides_by_deviation};
use crate::algorithm::settings::Estimator;
use crate::experiment::Claim;
use crate::plan::{Plan, PlannedArm};
use crate::tasks::Play;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// The name of the true objective among arms.
const TRUTH: &str = "true objective";

/// STARC distances between all arms and the true objective, each under the discount of the first of the two that is
/// discounted.
pub fn distances(plan: &Plan) -> Distances {
    match Solver::new(plan) {
        Ok(solver) => solver.distances(),
        Err(why) => unknown(plan, &why),
    }
}

/// No distance, for a reason.
pub fn unknown(plan: &Plan, why: &str) -> Distances {
    Distances { reasons: vec![format!("No distances: {why}.")], ..blank(plan) }
}

fn blank(plan: &Plan) -> Distances {
    let names: Vec<String> = plan.arms.iter().map(|a| a.name.clone()).chain([TRUTH.to_string()]).collect();
    let starc = vec![None; names.len() * names.len()];
    Distances { names, starc, reasons: Vec::new() }
}

/// Why arms have no distances, in a sentence for every reason.
fn without(names: &[String], answers: &[Result<Rc<Paid>, String>]) -> Vec<String> {
    let mut apart: Vec<(&str, Vec<&str>)> = Vec::new();
    for (name, answer) in names.iter().zip(answers) {
        let Err(why) = answer else { continue };
        match apart.iter_mut().find(|(known, _)| known == why) {
            Some((_, arms)) => arms.push(name),
            None => apart.push((why, vec![name])),
        }
    }
    apart.into_iter().map(|(why, arms)| format!("No distances of {}: {why}.", arms.join(", "))).collect()
}

/// How a number of the oracle for claims is read from a report: `oracle/true_score`, `oracle/true_share`,
/// `oracle/regret`, `oracle/starc`, `oracle/value`, `oracle/tempered_score`. None: no name of the oracle's.
fn metric(name: &str) -> Option<fn(&ArmReport) -> Option<f32>> {
    Some(match name {
        "oracle/true_score" => |r| r.optimum.as_ref().map(|o| o.true_score),
        "oracle/value" => |r| r.optimum.as_ref().map(|o| o.value),
        "oracle/true_share" => |r| r.true_share,
        "oracle/tempered_score" => |r| r.tempered.as_ref().map(|t| t.true_score),
        "oracle/regret" => |r| r.regret,
        "oracle/starc" => |r| r.starc,
        _ => return None,
    })
}

/// What the oracle says of some arms of a plan, [instances of the task].
#[derive(Clone, Debug, Default)]
pub struct Answers(Vec<BTreeMap<usize, ArmReport>>);

impl Answers {
    /// Solves every instance of the task once, and every one of these arms once in each; no arms cost nothing.
    pub fn new(plan: &Arc<Plan>, arms: &BTreeSet<usize>) -> Self {
        let instances = if arms.is_empty() { 0 } else { plan.instances.len() };
        let reports = |plan: Arc<Plan>| {
            let solver = Solver::new(&*plan);
            let report = |arm: &usize| match &solver {
                Ok(solver) => (*arm, solver.report(*arm)),
                Err(why) => (*arm, unsolved(&plan.arms[*arm].name, why)),
            };
            arms.iter().map(report).collect()
        };
        Self((0..instances).map(|index| reports(plan.of_seed(index))).collect())
    }

    /// What is said of the arms that claims about optima name.
    pub fn of_claims(claims: &[Claim], plan: &Arc<Plan>) -> Self {
        let names = claims.iter().filter(|claim| metric(&claim.metric).is_some()).flat_map(Claim::arms);
        Self::new(plan, &names.filter_map(|name| plan.arms.iter().position(|arm| arm.name == *name)).collect())
    }

    /// A number of an arm for claims, for each of so many seeds. None: no name of the oracle's, or another arm; an error
    /// sentence: it could not be solved.
    pub fn metric(&self, arm: usize, name: &str, seeds: usize) -> Option<Result<Vec<f32>, String>> {
        let read = metric(name).filter(|_| !self.0.is_empty())?;
        let of = |reports: &BTreeMap<usize, ArmReport>| {
            let report = reports.get(&arm)?;
            Some(read(report).ok_or_else(|| report.says.clone()))
        };
        let each: Option<Result<Vec<f32>, String>> = self.0.iter().map(of).collect();
        Some(each?.map(|each| each.into_iter().cycle().take(seeds).collect()))
    }
}

/// A task solved for its true objective, of either kind.
pub enum Solver<P> {
    Steps(Box<Oracle<P>>),
    Tokens(Tokens<P>),
}

impl<P: Deref<Target = Plan> + Clone> Solver<P> {
    /// STARC distances between all arms and the true objective; unknown for tokens.
    pub fn distances(&self) -> Distances {
        match self {
            Self::Steps(oracle) => oracle.distances(),
            Self::Tokens(tokens) => {
                unknown(&tokens.plan, "they compare what steps are paid, and this task pays for completions")
            }
        }
    }

    /// The same task with the arms of another plan for it.
    pub fn ask_of(&mut self, plan: P) {
        match self {
            Self::Steps(oracle) => oracle.plan = plan,
            Self::Tokens(tokens) => tokens.plan = plan,
        }
    }

    /// The sentence says why the task cannot be solved.
    pub fn new(plan: P) -> Result<Self, String> {
        match Tokens::new(plan.clone()) {
            Some(tokens) => Ok(Self::Tokens(tokens)),
            None => Oracle::new(plan).map(|oracle| Self::Steps(Box::new(oracle))),
        }
    }

    /// Everything about one arm but its components and findings.
    pub fn report(&self, arm: usize) -> ArmReport {
        match self {
            Self::Steps(oracle) => oracle.report(arm),
            Self::Tokens(tokens) => {
                let arm = &tokens.plan.arms[arm];
                tokens.solved_for(arm).map_or_else(|why| unsolved(&arm.name, &why), |(report, _)| report)
            }
        }
    }
}

/// A report of an arm that says why there is none.
pub fn unsolved(arm: &str, why: &str) -> ArmReport {
    ArmReport {
        arm: arm.to_string(),
        solved: Solved::Not,
        says: format!("Not solved: {why}."),
        training: String::new(),
        notes: Vec::new(),
        optimum: None,
        tempered: None,
        best: None,
        true_share: None,
        regret: None,
        starc: None,
        episodes: Vec::new(),
        components: Vec::new(),
        findings: Vec::new(),
    }
}

impl<P: Deref<Target = Plan>> Oracle<P> {
    fn distances(&self) -> Distances {
        let Distances { names, mut starc, .. } = blank(&self.plan);
        let n = names.len();
        let paid: Vec<Result<Rc<Paid>, String>> = (0..n - 1).map(|arm| self.paid(arm)).collect();
        let reward = |i: usize| match paid.get(i) {
            Some(paid) => paid.as_ref().ok().map(|p| (p.r.as_slice(), p.gamma)),
            None => Some((self.truth.as_slice(), 1.0)),
        };
        for i in 0..n {
            for j in i..n {
                if let (Some(x), Some(y)) = (reward(i), reward(j)) {
                    let gamma = if x.1 < 1.0 { x.1 } else { y.1 };
                    let canon = |r: &[f64]| canonical(&self.model, r, gamma);
                    let d = Some(distance(&canon(x.0), &canon(y.0)) as f32);
                    starc[i * n + j] = d;
                    starc[j * n + i] = d;
                }
            }
        }
        let reasons = without(&names, &paid);
        Distances { names, starc, reasons }
    }

    /// Everything about one arm but its components and findings.
    pub fn report(&self, arm: usize) -> ArmReport {
        self.solved(arm).map_or_else(|why| unsolved(&self.plan.arms[arm].name, &why), |(report, ..)| report)
    }

    /// The same with what it rests on: what the arm pays, and its optimum.
    pub fn solved(&self, arm: usize) -> Result<(ArmReport, Rc<Paid>, Best), String> {
        self.solved_for(&self.plan.arms[arm])
    }

    /// The same for an arm that was edited.
    pub fn solved_for(&self, arm: &PlannedArm) -> Result<(ArmReport, Rc<Paid>, Best), String> {
        let paid = self.paid_by(arm)?;
        let mut notes = paid.notes.clone();
        let found = solve::best(&self.model, &paid.r, paid.gamma, &[&self.best.policy]);
        let holds = paid.is_exact && self.holds_at(arm, &paid, &found);
        if paid.is_exact && !holds {
            notes.push("At its optimum the program pays something else than on the way there, so it looks at more than state and step.".into());
        }
        let optimum = self.optimum(&paid.r, paid.gamma, &found);
        let best = self.optimum(&self.truth, 1.0, &self.best);
        let scale = f64::from(best.value.abs()).max(1e-6);
        let true_share = (f64::from(best.value) > 1e-6 * scale).then(|| optimum.true_score / best.value);
        let span = self.best.value - self.worst;
        let regret = (span > 1e-9).then(|| ((self.best.value - f64::from(optimum.true_score)) / span).max(0.0) as f32);
        let canon = |r: &[f64]| canonical(&self.model, r, paid.gamma);
        let starc = distance(&canon(&paid.r), &canon(&self.truth)) as f32;
        if f64::from(optimum.bound - optimum.value) > 1e-3 * f64::from(optimum.bound.abs()) {
            notes.push(format!(
                "A policy that saw the clock could be paid {:.2}; {:.2} is the best that was found without one.",
                optimum.bound, optimum.value
            ));
        }
        if self.plan.bootstraps() && arm.settings.estimator == Estimator::Gae && arm.settings.bootstrap_truncated {
            notes.push("The algorithm counts what comes after the horizon (bootstrap_truncated); this is solved for what is paid until then.".into());
        }
        if !self.truth_is_exact {
            notes.push("The true score looks at more than state and step, so its expectations are approximate.".into());
        }
        let is_exact = holds && !paid.is_noisy && self.truth_is_exact;
        let report = ArmReport {
            arm: arm.name.clone(),
            solved: if is_exact { Solved::Exactly } else { Solved::Approximately },
            says: headline(&optimum, &best, true_share),
            training: training(true_share),
            notes,
            tempered: self.tempered(arm, &paid, &best),
            optimum: Some(optimum),
            best: Some(best),
            true_share,
            regret,
            starc: Some(starc),
            episodes: Vec::new(),
            components: Vec::new(),
            findings: Vec::new(),
        };
        Ok((report, paid, found))
    }

    /// Whether the program pays along its own optimum what the table says.
    fn holds_at(&self, arm: &PlannedArm, paid: &Paid, found: &Best) -> bool {
        if self.worlds.len() > 1 || self.looks_at_group(&arm.program, &run_values(&self.plan, 0)) {
            return true;
        }
        let Some(player) = self.player() else { return false };
        let mut plays = super::Plays::default();
        if player.wander(0, &found.policy, 16, 6, &mut plays, None).is_err() {
            return false;
        }
        let program = &arm.program;
        let real = pay(&self.plan, program, &plays.records, &plays.lengths(), &run_values(&self.plan, 0), None).total;
        let scale = real.iter().chain(&paid.r).fold(0.0f64, |m, x| m.max(x.abs()));
        super::paid::unexplained(&self.model, &plays, &real, &paid.r).0 <= 2e-5 * scale * self.model.horizon as f64
    }

    /// A solved optimum as plain data.
    pub fn optimum(&self, r: &[f64], gamma: f64, best: &Best) -> Optimum {
        let model = &self.model;
        let (low, high) = range(model, r, gamma, best, &self.truth);
        let each: Vec<f64> = best.ties.iter().map(|policy| worth(model, policy, &self.truth, 1.0)).collect();
        // Ties broken evenly are one policy where that is as good; else the mean over those that were found.
        let is_even = best.policy.iter().any(|p| *p > 0.0 && *p < 1.0) || best.ties.len() == 1;
        let true_score = if is_even { each[0] } else { each.iter().sum::<f64>() / each.len() as f64 };
        Optimum {
            policy: self.shown(&best.policy),
            value: best.value as f32,
            bound: solve::expected(model, &with_clock(model, r, gamma)) as f32,
            true_score: true_score as f32,
            true_low: low.min(true_score) as f32,
            true_high: high.max(true_score) as f32,
            length: solve::mean_length(model, &best.policy) as f32,
        }
    }

    /// The optimum under the arm's entropy bonus and KL penalty.
    fn tempered(&self, arm: &PlannedArm, paid: &Paid, best: &Optimum) -> Option<Tempered> {
        let settings = &arm.settings;
        let (alpha, beta) = (settings.entropy_coef, settings.beta + settings.kl_in_reward);
        if alpha + beta <= 0.0 || settings.use_adaptive_entropy || divides_by_deviation(settings) {
            return None;
        }
        let model = &self.model;
        let policy = solve::tempered(model, &paid.r, paid.gamma, f64::from(alpha), f64::from(beta), &self.base);
        let true_score = solve::worth_with_clock(model, &policy, &self.truth, 1.0) as f32;
        let true_share = (best.value > 0.0).then(|| true_score / best.value);
        let policy = self.shown(&solve::earliest(model, &policy));
        Some(Tempered { alpha, beta, policy, true_score, true_share })
    }

    /// A policy in the states that views show, [states][actions]; zeros where no episode comes.
    fn shown(&self, policy: &[f64]) -> Vec<f32> {
        let Play::Steps(task) = &self.plan.task.play else { return Vec::new() };
        let (a, n) = (self.model.actions, task.shown_states());
        let mut out = vec![0.0; n * a];
        for (i, row) in out.chunks_exact_mut(a).enumerate() {
            let index = task.shown_row(i);
            if let Some(seen) = self.model.rows.iter().position(|r| *r == index) {
                row.iter_mut().zip(&policy[seen * a..]).for_each(|(x, p)| *x = *p as f32);
            }
        }
        out
    }
}

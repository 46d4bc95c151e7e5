//! Token tasks: which completions a reward makes best, and what they are worth. A policy may answer every prompt with any
//! completion, so that the optimum is, for every kind of prompt, the class of completions that is paid most.

use super::completions::{Class, Completions, PromptKind, rounded};
use super::model::SEED_SPACE;
use super::paid::{Payments, differ, pay, run_values};
use super::report::{ArmReport, Episode, Optimum, Solved};
use super::sentences::{headline, training};
use super::solve::tolerance;
use super::{COMPANIES, GROUP_BUDGET, discount, needs_a_run};
use crate::plan::{Plan, PlannedArm};
use crate::reward::{Program, Reads};
use crate::tasks::{DrawKey, Play, TokenTask};
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

/// Walks that are kept: one for every set of fields that was read lately.
const KEPT: usize = 4;
/// Records that are scored once more as at the end of the run.
const CHANGES: usize = 4096;

/// A token task, ready to be asked about arms.
pub struct Tokens<P> {
    pub plan: P,
    walked: RefCell<Vec<Rc<Completions>>>,
}

/// What an arm pays for every class of completions.
pub struct Earned {
    pub completions: Rc<Completions>,
    /// Expected discounted reward, [classes].
    pub reward: Vec<f64>,
    pub is_grouped: bool,
    /// It pays something else later in the run.
    pub changes: bool,
    /// Records on which the program fails, and those that it gives no reward.
    pub failed: usize,
    pub without: usize,
}

/// What the best completions of an objective come to, over all kinds of prompts.
struct Best {
    value: f64,
    true_score: f64,
    true_low: f64,
    true_high: f64,
    length: f64,
    episodes: Vec<Episode>,
}

impl<P: Deref<Target = Plan>> Tokens<P> {
    /// None where the plan's task has no completions.
    pub fn new(plan: P) -> Option<Self> {
        matches!(plan.task.play, Play::Tokens(_)).then(|| Self { plan, walked: RefCell::default() })
    }

    /// The completions as far as they are read.
    fn completions(&self, reads: &Reads) -> Result<Rc<Completions>, String> {
        if let Some(known) = self.walked.borrow().iter().find(|c| c.reads == *reads) {
            return Ok(known.clone());
        }
        let Play::Tokens(play) = &self.plan.task.play else { return Err("the task has no completions".into()) };
        let walked = Rc::new(Completions::explore(&self.plan.task, play.as_ref(), reads)?);
        let mut kept = self.walked.borrow_mut();
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(walked.clone());
        Ok(walked)
    }

    /// What an arm pays for every class of completions.
    pub fn earned(&self, arm: &PlannedArm) -> Result<Earned, String> {
        let (plan, program): (&Plan, _) = (&self.plan, &arm.program);
        if let Some(why) = needs_a_run(plan, program) {
            return Err(why.into());
        }
        let completions = self.completions(&Reads::of(program, &plan.task.schema))?;
        let run = run_values(plan, 0);
        let rows = completions.rows.len();
        let alone = pay(plan, program, &completions.records, &completions.lengths(rows), &run, None);
        let companions = Companions::draw(plan, &completions);
        let is_grouped = program.has_combine() && plan.group() > 1 && {
            let few = rows.min(48);
            (0..3).any(|set| {
                let beside = self.ask_few(program, &completions, &run, &companions, set, few);
                differ(&alone.total[..few * plan.task.horizon], &beside.total)
            })
        };
        let few = rows.min(CHANGES);
        let late = run_values(plan, plan.run.updates.saturating_sub(1));
        let late = pay(plan, program, completions.first(few, plan), &completions.lengths(few), &late, None);
        let changes = differ(&alone.total[..few * plan.task.horizon], &late.total);
        let asked = if is_grouped {
            let one = rows * plan.group();
            if one > GROUP_BUDGET {
                return Err(format!(
                    "what it pays for a completion depends on the others of its group, and {rows} of them with a group of {} each are too many to try",
                    plan.group()
                ));
            }
            let sets = (GROUP_BUDGET / 2 / one).clamp(1, COMPANIES);
            (0..sets).map(|set| self.ask_few(program, &completions, &run, &companions, set, rows)).collect()
        } else {
            vec![alone]
        };
        let gamma = discount(&arm.settings);
        let mut reward = vec![0.0; completions.classes.len()];
        for paid in &asked {
            for (steps, (class, chance)) in paid.total.chunks_exact(plan.task.horizon).zip(&completions.rows) {
                let worth = steps.iter().rev().fold(0.0, |later, now| now + gamma * later);
                reward[*class] += chance * worth / asked.len() as f64;
            }
        }
        let (failed, without) = (asked[0].failed, asked[0].without);
        Ok(Earned { completions, reward, is_grouped, changes, failed, without })
    }

    /// The first `few` records, each in a group of the base policy.
    fn ask_few(
        &self,
        program: &Program,
        all: &Completions,
        run: &[f32],
        companions: &Companions,
        set: usize,
        few: usize,
    ) -> Payments {
        let others = |row: usize| companions.of(all.classes[all.rows[row].0].kind, set).to_vec();
        pay(&self.plan, program, all.first(few, &self.plan), &all.lengths(few), run, Some(&others))
    }

    /// Everything about one arm but its components and findings; the sentence says why there is nothing.
    pub fn solved_for(&self, arm: &PlannedArm) -> Result<(ArmReport, Earned), String> {
        let earned = self.earned(arm)?;
        let all = &earned.completions;
        let truth: Vec<f64> = all.classes.iter().map(|c| f64::from(c.true_score)).collect();
        let own = best(all, &earned.reward);
        let wanted = best(all, &truth);
        let worst = -best(all, &truth.iter().map(|x| -x).collect::<Vec<f64>>()).value;
        let (optimum, wanted_most) = (own.optimum(), wanted.optimum());
        let share = (wanted.value > 1e-6).then(|| optimum.true_score / wanted_most.value);
        let span = wanted.value - worst;
        // Where the kinds of prompts come to the same, it does not matter how likely they are.
        let is_alike = |b: &Best| {
            b.episodes.iter().all(|e| e.reward == b.episodes[0].reward && e.true_score == b.episodes[0].true_score)
        };
        let is_exact = !earned.is_grouped
            && earned.failed + earned.without == 0
            && (!all.estimated || all.drawn == all.kinds.len() && is_alike(&own) && is_alike(&wanted));
        let report = ArmReport {
            arm: arm.name.clone(),
            solved: if is_exact { Solved::Exactly } else { Solved::Approximately },
            says: headline(&optimum, &wanted_most, share),
            training: break_even(&self.plan, all, &earned.reward).unwrap_or_else(|| training(share)),
            notes: self.notes(&earned),
            optimum: Some(optimum),
            tempered: None,
            best: Some(wanted_most),
            true_share: share,
            regret: (span > 1e-9).then(|| ((wanted.value - own.true_score) / span).max(0.0) as f32),
            starc: None,
            episodes: own.episodes,
            components: Vec::new(),
            findings: Vec::new(),
        };
        Ok((report, earned))
    }

    /// What an answer rests on, in sentences.
    fn notes(&self, earned: &Earned) -> Vec<String> {
        let all = &earned.completions;
        let (classes, rows) = (all.classes.len(), all.rows.len());
        let mut notes = Vec::new();
        let total = rounded(all.total);
        if (classes as f64) < all.total * all.kinds.len() as f64 {
            notes.push(format!(
                "The {total} completions of a prompt fall into {} that differ in the true score and in what it reads ({}).",
                classes.div_ceil(all.kinds.len()),
                all.reads.names().join(", ")
            ));
        } else {
            notes.push(format!("All {total} completions of a prompt were tried."));
        }
        if all.drawn > all.kinds.len() {
            notes.push(format!("This is over {} of the {} prompts that were drawn.", all.kinds.len(), all.drawn));
        }
        if earned.is_grouped {
            notes.push(format!(
                "It looks at the group: each completion was paid in groups whose other {} samples are demonstrations, which the base policy learns from.",
                self.plan.group() - 1
            ));
        }
        if earned.changes {
            notes.push("It changes during the run; this is what it pays at the first update.".into());
        }
        if earned.failed > 0 {
            notes.push(format!(
                "It fails on {} of {rows} kinds of records, which count as paid nothing.",
                earned.failed
            ));
        }
        if earned.without > 0 {
            notes.push(format!(
                "It gives no reward to {} of {rows} kinds of records, which count as paid nothing.",
                earned.without
            ));
        }
        notes
    }

    /// The records of all completions that differ in what an arm reads, [n][stride], and the best possible true score.
    pub fn every_record(&self, earned: &Earned) -> (Vec<f32>, f64) {
        let all = &earned.completions;
        let truth: Vec<f64> = all.classes.iter().map(|c| f64::from(c.true_score)).collect();
        (all.records.clone(), best(all, &truth).value)
    }
}

impl Completions {
    /// The first records, [rows][stride].
    fn first(&self, rows: usize, plan: &Plan) -> &[f32] {
        &self.records[..rows * plan.task.schema.stride]
    }

    /// Lengths of the first records, in tokens.
    fn lengths(&self, rows: usize) -> Vec<u32> {
        self.rows[..rows].iter().map(|(class, _)| self.classes[*class].tokens.len() as u32).collect()
    }
}

/// The best completions of every kind of prompt; of those that are equally good, all are equally likely.
fn best(all: &Completions, objective: &[f64]) -> Best {
    let slack = tolerance(objective);
    let mut best =
        Best { value: 0.0, true_score: 0.0, true_low: 0.0, true_high: 0.0, length: 0.0, episodes: Vec::new() };
    for (k, PromptKind { prompt, share }) in all.kinds.iter().enumerate() {
        let of = || all.classes.iter().zip(objective).filter(|(class, _)| class.kind == k);
        let most = of().map(|(_, x)| *x).fold(f64::MIN, f64::max);
        let tied = || of().filter(|(_, x)| **x >= most - slack).map(|(class, _)| class);
        let count: f64 = tied().map(|class| class.count).sum();
        let mean = |what: &dyn Fn(&Class) -> f64| tied().map(|c| c.count / count * what(c)).sum::<f64>();
        // The first of equals, which is the shortest.
        let low = tied().reduce(|low, class| if class.true_score < low.true_score { class } else { low });
        let high = tied().reduce(|high, class| if class.true_score > high.true_score { class } else { high });
        let (Some(low), Some(high)) = (low, high) else { continue };
        best.value += share * most;
        best.true_score += share * mean(&|c| f64::from(c.true_score));
        best.length += share * mean(&|c| c.tokens.len() as f64);
        best.true_low += share * f64::from(low.true_score);
        best.true_high += share * f64::from(high.true_score);
        let ends = [Some(low), Some(high).filter(|h| h.true_score > low.true_score)];
        best.episodes.extend(ends.into_iter().flatten().map(|class| Episode {
            prompt: prompt.clone(),
            share: *share as f32,
            tokens: class.tokens.clone(),
            truncated: class.truncated,
            reward: most as f32,
            true_score: class.true_score,
        }));
    }
    best
}

/// Demonstrations of a kind of prompt whose lengths are averaged.
const SHOWN: u32 = 8;

/// How often an answer as long as the demonstrations must be right before it pays more than the best wrong answer, in a
/// sentence; None where right answers pay no more than wrong ones, or always do.
fn break_even(plan: &Plan, all: &Completions, reward: &[f64]) -> Option<String> {
    let Play::Tokens(play) = &plan.task.play else { return None };
    let mut out = vec![0; plan.task.horizon];
    let (mut right, mut wrong, mut cheap) = (0.0, 0.0, 0.0);
    for (k, kind) in all.kinds.iter().enumerate() {
        let key = |sample| DrawKey { seed: SEED_SPACE + 4, update: 0, group: k as u32, sample };
        let total: usize = (0..SHOWN).map(|i| play.demonstration(key(i), &kind.prompt, &mut out)).sum();
        let length = (total + SHOWN as usize / 2) / SHOWN as usize;
        let of = |is_right: bool| {
            let own = all.classes.iter().zip(reward).filter(move |(class, _)| class.kind == k);
            own.filter(move |(class, _)| (class.true_score >= 0.5) == is_right)
        };
        let mean = |is_right: bool| {
            let alike = || of(is_right).filter(|(class, _)| class.tokens.len() == length);
            let count: f64 = alike().map(|(class, _)| class.count).sum();
            (count > 0.0).then(|| alike().map(|(class, x)| class.count / count * x).sum::<f64>())
        };
        right += kind.share * mean(true)?;
        wrong += kind.share * mean(false)?;
        cheap += kind.share * of(false).map(|(_, x)| *x).reduce(f64::max)?;
    }
    let share = (cheap - wrong) / (right - wrong);
    let must_be = if share < 1.0 {
        format!("only if it is right more than {:.0}% of the time", 100.0 * share)
    } else {
        "not even if it is always right".into()
    };
    (right > wrong && share > 0.05).then(|| {
        format!(
            "What training finds is another matter: an answer as long as the demonstrations pays more than the best wrong answer {must_be}, and a policy that is right less often is paid to give the wrong one."
        )
    })
}

/// Least and greatest expected value of an objective, [classes].
pub fn worst_and_best(all: &Completions, objective: &[f64]) -> [f32; 2] {
    let against: Vec<f64> = objective.iter().map(|x| -x).collect();
    [-best(all, &against).value as f32, best(all, objective).value as f32]
}

impl Best {
    fn optimum(&self) -> Optimum {
        Optimum {
            policy: Vec::new(),
            value: self.value as f32,
            bound: self.value as f32,
            true_score: self.true_score as f32,
            true_low: self.true_low as f32,
            true_high: self.true_high as f32,
            length: self.length as f32,
        }
    }
}

/// Groups that demonstrations fill, for every kind of prompt.
struct Companions {
    /// [kinds][COMPANIES][(group - 1) x stride]
    records: Vec<f32>,
    size: usize,
}

impl Companions {
    fn draw(plan: &Plan, all: &Completions) -> Self {
        let (group, stride) = (plan.group(), plan.task.schema.stride);
        let size = (group - 1) * stride;
        let mut records = vec![0.0; all.kinds.len() * COMPANIES * size];
        let Play::Tokens(play) = &plan.task.play else { return Self { records, size } };
        let play: &dyn TokenTask = play.as_ref();
        let mut out = vec![0; plan.task.horizon];
        for (i, record) in records.chunks_exact_mut(stride).enumerate() {
            let (set, sample) = (i / (group - 1), i % (group - 1));
            let prompt = &all.kinds[set / COMPANIES].prompt;
            let key = DrawKey { seed: SEED_SPACE + 1, update: 0, group: set as u32, sample: sample as u32 };
            let length = play.demonstration(key, prompt, &mut out);
            let truncated = out[..length].last() != Some(&play.end_token());
            play.finish(key, prompt, &out[..length], truncated, record);
        }
        Self { records, size }
    }

    fn of(&self, kind: usize, set: usize) -> &[f32] {
        &self.records[(kind * COMPANIES + set) * self.size..][..self.size]
    }
}

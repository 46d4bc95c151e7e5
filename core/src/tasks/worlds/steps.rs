//! The steps task: an answer is worked out in steps whose validity is known. The right kind of work depends on the
//! problem and on how far the work is; a wrong one derails it, until a check ("wait, let me check") finds the error.
//!
//! Fillers look good and do nothing. An answer is right when all needed steps are done without an error left in them,
//! and sometimes by luck.

use crate::tasks::kit::dice::{bell, verdict};
use crate::tasks::kit::fields::Fields;
mod provers;

use crate::math::rng::{below, draw, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};
use provers::{Provers, Rules};

params! {
    /// Parameters of the steps task.
    pub struct StepsParams {
        problems: u32 = 4, 1 ..= 16, "problems", "Problems; each group draws one, and each needs its own order of operations.";
        depth: u32 = 4, 1 ..= 8, "steps", "Valid steps of work that an answer needs.";
        operations: u32 = 4, 2 ..= 8, "", "Kinds of work to choose from; at each point of a problem one is right.";
        horizon: u32 = 24, 4 ..= 48, "steps", "Most steps of a sample; at least depth + 1.";
        guess: f32 = 0.05, 0.0 ..= 1.0, "probability", "Chance that an answer which the steps do not support is right.";
        repair: f32 = 0.5, 0.0 ..= 1.0, "probability", "Chance that a check finds the error and undoes it; 0: checks are only phrases.";
        skill: f32 = 0.0, -10.0 ..= 10.0, "nats", "Added to the right operation's logit in the base policy.";
        answer_prior: f32 = 0.0, -20.0 ..= 20.0, "nats", "Added to the logit of answering in the base policy.";
        filler_prior: f32 = 0.0, -20.0 ..= 20.0, "nats", "Added to a filler's logit in the base policy.";
        pattern_prior: f32 = 0.0, -20.0 ..= 20.0, "nats", "Added to a check's logit in the base policy.";
        prm_valid: f32 = 0.8, 0.0 ..= 1.0, "", "Mean score that the process reward model gives a valid step of work, or a supported answer.";
        prm_wrong: f32 = 0.3, 0.0 ..= 1.0, "", "Mean score of a wrong step, or of an answer without support.";
        prm_filler: f32 = 0.9, 0.0 ..= 1.0, "", "Mean score of a filler: nothing is wrong with it.";
        prm_pattern: f32 = 0.7, 0.0 ..= 1.0, "", "Mean score of a check.";
        prm_noise: f32 = 0.1, 0.0 ..= 1.0, "", "Deviation of a score; scores stay in 0 to 1.";
        thinking_correlation: f32 = 0.6, -1.0 ..= 1.0, "", "What the thinking reward makes of sound work: 1 follows it, 0 is noise, -1 prefers the opposite.",
            formula "thinking = 0.5 + 0.5 (c x + sqrt(1 - c^2) noise / 2), x = 2 done / depth - 1";
        misled_correlation: f32 = -0.6, -1.0 ..= 1.0, "", "The same of a second, misled thinking reward.";
        rm_accuracy: f32 = 0.65, 0.0 ..= 1.0, "probability", "How often the outcome reward model is on the right side of 0.5.";
        prover_weak: u32 = 1, 1 ..= 1024, "attempts", "Attempts of the weak prover: it succeeds with the best of so many of the base policy.",
            formula "V = 1 - (1 - V_base)^K", source "Rewarding Progress (PAV)";
        prover_mid: u32 = 4, 1 ..= 1024, "attempts", "Attempts of the middle prover.";
        prover_strong: u32 = 64, 1 ..= 1024, "attempts", "Attempts of the strong prover.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong answer right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right answer wrong.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "Which operations are right; seed s of a run has the s-th after it, unless the run says how many instances there are.";
    }
}

/// The steps task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "steps",
    help: "Work out an answer in steps of known validity; fillers and checks look good, and provers say what a step was worth.",
    table: Table::Fixed(StepsParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "steps.wgsl";
    words {
        PROBLEMS = 0, DEPTH = 1, OPERATIONS = 2, HORIZON = 3, GUESS = 4, REPAIR = 5, SKILL = 6, ANSWER_PRIOR = 7,
        FILLER_PRIOR = 8, PATTERN_PRIOR = 9, PRM_VALID = 10, PRM_WRONG = 11, PRM_FILLER = 12, PRM_PATTERN = 13,
        PRM_NOISE = 14,
        THINKING = 15, THINKING_NOISE = 16, MISLED = 17, MISLED_NOISE = 18, RM_ERROR = 19, FALSE_POSITIVE = 20,
        FALSE_NEGATIVE = 21,
        // Where the tables start: [problems x depth], and [horizon + 1][depth + 1][2] of each prover.
        RIGHT = 22, WEAK = 23, MID = 24, STRONG = 25,
    }
    fields {
        problem = 26, depth = 27, length = 28, kinds = 29, valid = 30, prm = 31, patterns = 32, fillers = 33,
        submitted = 34, correct = 35, consistent = 36, truncated = 37, tests = 38, thinking = 39, thinking_misled = 40,
        rm = 41, prover_weak = 42, prover_mid = 43, prover_strong = 44,
    }
}

/// State words. DONE: valid steps; DERAILED: 1 while an error is in them; ENDED: 0, or 1 + whether the answer is right.
const PROBLEM: usize = 0;
const DONE: usize = 1;
const DERAILED: usize = 2;
const PATTERNS: usize = 3;
const FILLERS: usize = 4;
const ENDED: usize = 5;

/// What `kinds` holds. Actions are the operations, then filler, pattern and answer.
const WORK: f32 = 0.0;
const FILLER: f32 = 1.0;
const PATTERN: f32 = 2.0;
const ANSWER: f32 = 3.0;

/// Steps of the generator's key, apart from those of the samples' steps: luck, and the readings at the end.
const LUCK: u32 = 64;
const READINGS: u32 = 128;

struct Steps {
    params: StepsParams,
    slots: Slots,
    /// The right operation, [problems x depth].
    right: Vec<u32>,
    provers: [Provers; 3],
}

fn schema(p: &StepsParams) -> EpisodeSchema {
    let horizon = p.horizon as usize;
    let value = |who: &str| {
        format!("P(right answer) of the {who} prover who goes on from each prefix, and the verdict after the answer.")
    };
    EpisodeSchema::new(Vec::new(), horizon)
        .count("problem", "The problem that the group drew, from 0.")
        .count("depth", "Valid steps of work that an answer needs.")
        .count("length", "Number of steps.")
        .counts("kinds", horizon, "Kinds of the steps: 0 work, 1 filler, 2 check (a pattern phrase), 3 answer.")
        .at_most(3)
        .field("valid", Ty::Bools, horizon, "For each step, whether nothing is wrong with it; a filler is valid.")
        .field("prm", Ty::Floats, horizon, "For each step, the process reward model's score in 0 to 1.")
        .at_least(0)
        .at_most(1)
        .count("patterns", "Number of checks: \"wait, let me check\".")
        .count("fillers", "Number of fillers.")
        .field("submitted", Ty::Bool, 1, "An answer was given.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the answer is right. False without an answer.")
        .field("consistent", Ty::Bool, 1, "The steps support the answer that was given.")
        .field("truncated", Ty::Bool, 1, "The horizon ended the sample.")
        .field(
            "tests",
            Ty::Float,
            1,
            "Share of hidden tests that the answer passes: 1 if it is right, else done / (depth + 1).",
        )
        .at_least(0)
        .at_most(1)
        .field("thinking", Ty::Float, 1, "A thinking reward in 0 to 1: a noisy reading of how sound the work is.")
        .at_least(0)
        .at_most(1)
        .field("thinking_misled", Ty::Float, 1, "The same from a misled judge, which likes unsound work.")
        .at_least(0)
        .at_most(1)
        .field("rm", Ty::Float, 1, "An outcome reward model in 0 to 1, above 0.5 where it believes the answer.")
        .at_least(0)
        .at_most(1)
        .field("prover_weak", Ty::Floats, horizon + 1, &value("weak"))
        .field("prover_mid", Ty::Floats, horizon + 1, &value("middle"))
        .field("prover_strong", Ty::Floats, horizon + 1, &value("strong"))
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = StepsParams::resolve(&[overrides])?;
    if params.horizon <= params.depth {
        let (depth, horizon) = (params.depth, params.horizon);
        let message = format!("horizon ({horizon}) must leave room for {depth} steps of work and the answer");
        return Err(vec![refuse("horizon", message)]);
    }
    let schema = schema(&params);
    let names = (0..params.operations).map(|k| format!("work {k}"));
    let action_names: Vec<String> = names.chain(["filler", "check", "answer"].map(String::from)).collect();
    let task = Steps::new(params, Slots::of(&schema));
    Ok(Task {
        kind: KIND.name,
        n_actions: action_names.len(),
        horizon: task.params.horizon as usize,
        schema,
        action_names,
        view: task.view(),
        play: Play::Steps(Box::new(task)),
        twin: Twin::Written(WGSL),
    })
}

/// sqrt(1 - c^2) / 2: what noise counts for where sound work counts for c.
fn noise_weight(correlation: f32) -> f32 {
    0.5 * (1.0 - correlation * correlation).max(0.0).sqrt()
}

impl Steps {
    fn new(params: StepsParams, slots: Slots) -> Self {
        let right = (0..params.problems).flat_map(|c| (0..params.depth).map(move |j| (c, j)));
        let right = right
            .map(|(c, j)| below(draw(params.table_seed, c, j, 0, 0, purpose::TABLE)[0], params.operations))
            .collect();
        let rules = Rules {
            horizon: params.horizon as usize,
            depth: params.depth as usize,
            operations: params.operations as usize,
            guess: params.guess,
            repair: params.repair,
            skill: params.skill,
            priors: [params.filler_prior, params.pattern_prior, params.answer_prior],
        };
        let base = Provers::base(&rules);
        let provers = [params.prover_weak, params.prover_mid, params.prover_strong].map(|k| base.best_of(k));
        Self { params, slots, right, provers }
    }

    /// The operation that is right in a state, if one is.
    fn right(&self, state: &State) -> Option<u32> {
        let on = state[DERAILED] == 0 && state[DONE] < self.params.depth;
        on.then(|| self.right[(state[PROBLEM] * self.params.depth + state[DONE]) as usize])
    }

    /// A row for every point of every problem: what an action does there, and what the process reward model thinks.
    fn view(&self) -> TaskView {
        let (p, k) = (&self.params, self.params.operations);
        let rows = self.shown_states();
        let (mut payoff, mut proxy, mut hack) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..rows {
            let state = self.shown_state(row);
            let done = state[DONE] == p.depth;
            for action in 0..k + 3 {
                let right = self.right(&state) == Some(action) || (done && action == k + 2);
                let idle = action == k || action == k + 1;
                payoff.push(if right {
                    1.0
                } else if idle {
                    0.0
                } else {
                    -1.0
                });
                proxy.push(match (right, action.checked_sub(k)) {
                    (_, Some(0)) => p.prm_filler,
                    (_, Some(1)) => p.prm_pattern,
                    (true, _) => p.prm_valid,
                    (false, _) => p.prm_wrong,
                });
                hack.push(action == k);
            }
        }
        TaskView::Arms { contexts: rows, arms: k as usize + 3, payoff, proxy, hack }
    }

    /// Writes what the provers think after `t` steps.
    fn observe(&self, state: &State, t: usize, record: &mut [f32]) {
        let s = &self.slots;
        let at = (t * (self.params.depth as usize + 1) + state[DONE] as usize) * 2 + state[DERAILED] as usize;
        for (slot, prover) in [s.prover_weak, s.prover_mid, s.prover_strong].into_iter().zip(&self.provers) {
            record[slot + 1 + t] = prover.values[at];
        }
    }
}

impl StepTask for Steps {
    fn observation(&self) -> Observation {
        let (problems, points) = (self.params.problems as usize, self.params.depth as usize + 1);
        Observation { features: problems + points + 2, active: 3, states: problems * points * 2 }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        state[PROBLEM] = below(key.shared(0)[0], self.params.problems);
        record[self.slots.problem] = state[PROBLEM] as f32;
        record[self.slots.depth] = self.params.depth as f32;
        self.observe(state, 0, record);
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        let (problems, points) = (self.params.problems, self.params.depth + 1);
        out[0] = state[PROBLEM];
        out[1] = problems + state[DONE];
        out[2] = problems + points + state[DERAILED];
    }

    fn state_index(&self, state: &State) -> u32 {
        (state[PROBLEM] * (self.params.depth + 1) + state[DONE]) * 2 + state[DERAILED]
    }

    fn has_prior(&self) -> bool {
        true
    }

    fn shown_states(&self) -> usize {
        self.params.problems as usize * (self.params.depth as usize + 1)
    }

    /// Problem by problem, every point of its work without an error.
    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        let points = self.params.depth as usize + 1;
        state[PROBLEM] = (i / points) as u32;
        state[DONE] = (i % points) as u32;
        state
    }

    fn prior(&self, state: &State, out: &mut [f32]) {
        let (p, k) = (&self.params, self.params.operations as usize);
        out.fill(0.0);
        if let Some(right) = self.right(state) {
            out[right as usize] = p.skill;
        }
        out[k..].copy_from_slice(&[p.filler_prior, p.pattern_prior, p.answer_prior]);
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let (s, p, at) = (&self.slots, &self.params, t as usize + 1);
        let dice = |step| key.own(step, purpose::TASK);
        let luck = uniform(dice(LUCK + t)[0]);
        let sound = state[DERAILED] == 0;
        let (kind, valid, score) = match action.checked_sub(p.operations) {
            None => {
                let valid = self.right(state) == Some(action);
                state[DONE] += u32::from(valid);
                state[DERAILED] = u32::from(!valid);
                (WORK, valid, if valid { p.prm_valid } else { p.prm_wrong })
            }
            Some(0) => {
                state[FILLERS] += 1;
                (FILLER, true, p.prm_filler)
            }
            Some(1) => {
                state[PATTERNS] += 1;
                state[DERAILED] = u32::from(!sound && luck >= p.repair);
                (PATTERN, true, p.prm_pattern)
            }
            Some(_) => {
                let consistent = sound && state[DONE] == p.depth;
                state[ENDED] = 1 + u32::from(consistent || luck < p.guess);
                (ANSWER, consistent, if consistent { p.prm_valid } else { p.prm_wrong })
            }
        };
        record[s.kinds + at] = kind;
        record[s.valid + at] = truth(valid);
        record[s.prm + at] = (score + p.prm_noise * bell(dice(t))).clamp(0.0, 1.0);
        self.observe(state, at, record);
        state[ENDED] != 0
    }

    fn chances(&self, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
        let (p, sound) = (&self.params, state[DERAILED] == 0);
        let (word, chance, lucky, over) = match action.checked_sub(p.operations) {
            Some(1) if !sound => (DERAILED, p.repair, [1, 0], false),
            Some(2..) if !sound || state[DONE] < p.depth => (ENDED, p.guess, [1, 2], true),
            _ => return None,
        };
        let chance = f64::from(chance);
        let outcomes = [(1.0 - chance, lucky[0]), (chance, lucky[1])].into_iter().filter(|o| o.0 > 0.0);
        let after = |value| {
            let mut after = *state;
            after[PATTERNS] += u32::from(word == DERAILED);
            after[word] = value;
            after
        };
        Some(outcomes.map(|(p, value)| (p, after(value), over)).collect())
    }

    fn essence(&self, state: &State) -> State {
        let mut essence = *state;
        [essence[FILLERS], essence[PATTERNS]] = [0, 0];
        essence
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let (s, p, n) = (&self.slots, &self.params, length as usize);
        let right = state[ENDED] == 2;
        let submitted = state[ENDED] != 0;
        let correct = truth(submitted && verdict(key, right, p.false_positive, p.false_negative));
        for along_steps in [s.kinds, s.valid, s.prm] {
            record[along_steps] = length as f32;
        }
        for prover in [s.prover_weak, s.prover_mid, s.prover_strong] {
            record[prover] = (length + 1) as f32;
            if submitted {
                record[prover + 1 + n] = correct;
            }
        }
        record[s.length] = length as f32;
        record[s.patterns] = state[PATTERNS] as f32;
        record[s.fillers] = state[FILLERS] as f32;
        record[s.submitted] = truth(submitted);
        record[s.correct] = correct;
        record[s.consistent] = truth(submitted && state[DERAILED] == 0 && state[DONE] == p.depth);
        record[s.truncated] = truth(truncated);
        let partial = state[DONE] as f32 / (p.depth + 1) as f32;
        record[s.tests] = if right { 1.0 } else { truth(submitted) * partial };
        let dice = |step| key.own(READINGS + step, purpose::TASK);
        let soundness = 2.0 * state[DONE] as f32 / p.depth as f32 - 1.0;
        let judges = [(s.thinking, p.thinking_correlation), (s.thinking_misled, p.misled_correlation)];
        for (i, (slot, c)) in judges.into_iter().enumerate() {
            let reading = c * soundness + noise_weight(c) * bell(dice(i as u32));
            record[slot] = (0.5 + 0.5 * reading).clamp(0.0, 1.0);
        }
        let [error, confidence, ..] = dice(2);
        let believes = right != (uniform(error) < 1.0 - p.rm_accuracy);
        let confidence = 0.5 * uniform(confidence);
        record[s.rm] = if believes { 1.0 - confidence } else { confidence };
        truth(right)
    }

    /// A sample is to be submitted before the last step: one that is cut off is judged as it stands.
    fn can_go_on(&self) -> bool {
        false
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        let counts = [
            (word::PROBLEMS, p.problems),
            (word::DEPTH, p.depth),
            (word::OPERATIONS, p.operations),
            (word::HORIZON, p.horizon),
        ];
        let floats = [
            (word::GUESS, p.guess),
            (word::REPAIR, p.repair),
            (word::SKILL, p.skill),
            (word::ANSWER_PRIOR, p.answer_prior),
            (word::FILLER_PRIOR, p.filler_prior),
            (word::PATTERN_PRIOR, p.pattern_prior),
            (word::PRM_VALID, p.prm_valid),
            (word::PRM_WRONG, p.prm_wrong),
            (word::PRM_FILLER, p.prm_filler),
            (word::PRM_PATTERN, p.prm_pattern),
            (word::PRM_NOISE, p.prm_noise),
            (word::THINKING, p.thinking_correlation),
            (word::THINKING_NOISE, noise_weight(p.thinking_correlation)),
            (word::MISLED, p.misled_correlation),
            (word::MISLED_NOISE, noise_weight(p.misled_correlation)),
            (word::RM_ERROR, 1.0 - p.rm_accuracy),
            (word::FALSE_POSITIVE, p.false_positive),
            (word::FALSE_NEGATIVE, p.false_negative),
        ];
        counts.into_iter().for_each(|(at, n)| words[at] = n);
        floats.into_iter().for_each(|(at, x)| words[at] = x.to_bits());
        words[word::RIGHT] = words.len() as u32;
        words.extend(&self.right);
        for (at, prover) in [word::WEAK, word::MID, word::STRONG].into_iter().zip(&self.provers) {
            words[at] = words.len() as u32;
            words.extend(prover.values.iter().map(|x| x.to_bits()));
        }
        words
    }
}

//! The quiz task: multiple-choice questions, each asked in two wordings. Groups come in pairs that ask the same question
//! in different styles. The base policy knows something of each question, and leans to a favourite answer of each style,
//! whatever is asked: what a style shares over questions has nothing to do with what is right.

use crate::math::rng::{below, draw, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::{bell, verdict};
use crate::tasks::kit::fields::Fields;
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::{
    DrawKey, MAX_ACTIVE, Observation, Play, STATE_WORDS, State, StepTask, Table, Task, TaskKind, TaskView, Twin,
};

params! {
    /// Parameters of the quiz task.
    pub struct QuizParams {
        questions: u32 = 32, 2 ..= 256, "questions", "Questions; each pair of groups draws one.";
        answers: u32 = 8, 2 ..= 16, "answers", "Answers to choose from; a guess is right one time in so many.";
        styles: u32 = 4, 2 ..= 8, "styles", "Styles in which a question can be worded.";
        paraphrase: f32 = 1.0, 0.0 ..= 1.0, "probability", "Chance that the second group of a pair has the question in another style than the first; at 0 both read the same words.",
            source "Co-Reward";
        knowledge: f32 = 1.5, 0.0 ..= 10.0, "nats", "What the base policy adds to the right answer's logit on average; from question to question it is nothing up to twice as much.";
        doubt: f32 = 0.5, 0.0 ..= 5.0, "nats", "Deviation of the base policy's other leanings, answer by answer.";
        style_bias: f32 = 1.5, 0.0 ..= 10.0, "nats", "What the base policy adds to the logit of a style's favourite answer.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong answer right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right answer wrong.";
        table_seed: u32 = 0, 0 ..= 1000000, "", "Which answers are right and what the base policy knows; seed s of a run has the s-th after it, unless the run says how many instances there are.";
    }
}

/// The quiz task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "quiz",
    help: "Questions in two wordings each: neighbouring groups ask the same, so that agreement can stand in for a verifier.",
    table: Table::Fixed(QuizParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "quiz.wgsl";
    words {
        QUESTIONS = 0, ANSWERS = 1, STYLES = 2, PARAPHRASE = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5,
        // Where the tables start: [questions x answers], [styles x answers], [questions].
        KNOWN = 6, LEANING = 7, RIGHT = 8,
    }
    fields {
        question = 9, style = 10, pair = 11, wording = 12, answers = 13, answer = 14, length = 15, correct = 16,
    }
}

/// State words.
const QUESTION: usize = 0;
const STYLE: usize = 1;
const ANSWER: usize = 2;

struct Quiz {
    params: QuizParams,
    slots: Slots,
    /// The base policy's leanings by question, [questions x answers], and by style, [styles x answers], in nats.
    known: Vec<f32>,
    leaning: Vec<f32>,
    /// The right answer, [questions].
    right: Vec<u32>,
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = QuizParams::resolve(&[overrides])?;
    let schema = EpisodeSchema::new(Vec::new(), 1)
        .count("question", "The question, from 0, whatever its wording.")
        .count("style", "The style in which it is worded, from 0.")
        .count("pair", "The pair of groups of this batch that ask the same question, from 0.")
        .count("wording", "Which group of the pair: 0 has the question as it was found, 1 its paraphrase.")
        .at_most(1)
        .count("answers", "Number of answers to choose from.")
        .count("answer", "The answer that was given, from 0; it means the same in every wording.")
        .count("length", "Number of steps: always 1.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the answer is right.");
    let (questions, styles) = (params.questions, params.styles);
    let states = (0..questions).flat_map(|q| (0..styles).map(move |s| format!("question {q}, style {s}"))).collect();
    let answers = params.answers as usize;
    Ok(Task {
        kind: KIND.name,
        n_actions: answers,
        horizon: 1,
        action_names: (0..answers).map(|a| format!("answer {a}")).collect(),
        view: TaskView::Choices { states },
        twin: Twin::Written(WGSL),
        play: Play::Steps(Box::new(Quiz::new(params, Slots::of(&schema)))),
        schema,
    })
}

impl Quiz {
    fn new(params: QuizParams, slots: Slots) -> Self {
        let (questions, answers) = (params.questions, params.answers);
        let dice = |row: u32, a: u32, what: u32| draw(params.table_seed, row, a, 0, what, purpose::TABLE);
        let right: Vec<u32> = (0..questions).map(|q| below(dice(q, 0, 1)[0], answers)).collect();
        let mut known = Vec::new();
        for q in 0..questions {
            let strength = 2.0 * params.knowledge * uniform(dice(q, 0, 1)[1]);
            for a in 0..answers {
                let own = if a == right[q as usize] { strength } else { 0.0 };
                known.push(own + params.doubt * bell(dice(q, a, 0)));
            }
        }
        // Favourites are spread over the answers, so that no two styles share one while there are enough.
        let first = below(dice(0, 0, 2)[0], answers);
        let favourite = |s: u32| (first + s * (answers / params.styles).max(1)) % answers;
        let cells = (0..params.styles).flat_map(|s| (0..answers).map(move |a| (s, a)));
        let leaning = cells.map(|(s, a)| if a == favourite(s) { params.style_bias } else { 0.0 }).collect();
        Self { params, slots, known, leaning, right }
    }
}

impl StepTask for Quiz {
    fn observation(&self) -> Observation {
        let (questions, styles) = (self.params.questions as usize, self.params.styles as usize);
        Observation { features: questions + styles, active: 2, states: questions * styles }
    }

    /// Groups 2i and 2i + 1 draw the same question, and the second of them its style anew.
    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        record.fill(0.0);
        *state = [0; STATE_WORDS];
        let (s, p) = (&self.slots, &self.params);
        let (pair, wording) = (key.group / 2, key.group % 2);
        let key = DrawKey { group: pair, ..key };
        let dice = key.shared(0);
        state[QUESTION] = below(dice[0], p.questions);
        state[STYLE] = below(dice[1], p.styles);
        if wording == 1 {
            let other = key.shared(1);
            if uniform(other[0]) < p.paraphrase {
                state[STYLE] = (state[STYLE] + 1 + below(other[1], p.styles - 1)) % p.styles;
            }
        }
        record[s.question] = state[QUESTION] as f32;
        record[s.style] = state[STYLE] as f32;
        record[s.pair] = pair as f32;
        record[s.wording] = wording as f32;
        record[s.answers] = p.answers as f32;
        record[s.length] = 1.0;
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        out[0] = state[QUESTION];
        out[1] = self.params.questions + state[STYLE];
    }

    fn state_index(&self, state: &State) -> u32 {
        state[QUESTION] * self.params.styles + state[STYLE]
    }

    fn has_prior(&self) -> bool {
        true
    }

    fn prior(&self, state: &State, out: &mut [f32]) {
        let answers = self.params.answers as usize;
        let known = &self.known[state[QUESTION] as usize * answers..][..answers];
        let leaning = &self.leaning[state[STYLE] as usize * answers..][..answers];
        for ((to, a), b) in out.iter_mut().zip(known).zip(leaning) {
            *to = a + b;
        }
    }

    fn shown_states(&self) -> usize {
        (self.params.questions * self.params.styles) as usize
    }

    fn shown_state(&self, i: usize) -> State {
        let mut state = [0; STATE_WORDS];
        state[QUESTION] = i as u32 / self.params.styles;
        state[STYLE] = i as u32 % self.params.styles;
        state
    }

    fn step(&self, _key: DrawKey, _t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        state[ANSWER] = action;
        record[self.slots.answer] = action as f32;
        true
    }

    fn finish(&self, key: DrawKey, state: &State, _length: u32, _truncated: bool, record: &mut [f32]) -> f32 {
        let p = &self.params;
        let right = state[ANSWER] == self.right[state[QUESTION] as usize];
        record[self.slots.correct] = truth(verdict(key, right, p.false_positive, p.false_negative));
        truth(right)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::QUESTIONS] = p.questions;
        words[word::ANSWERS] = p.answers;
        words[word::STYLES] = p.styles;
        words[word::PARAPHRASE] = p.paraphrase.to_bits();
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        for (at, table) in [(word::KNOWN, &self.known), (word::LEANING, &self.leaning)] {
            words[at] = words.len() as u32;
            words.extend(table.iter().map(|x| x.to_bits()));
        }
        words[word::RIGHT] = words.len() as u32;
        words.extend(&self.right);
        words
    }
}

//! The length task: follow a random permutation f for m hops. One token can do one hop, so the answer can only be known by
//! working it out in tokens; without work it is a guess.
//!
//! A prompt is its values f(0)..f(k-1), the number of hops m, and the start s. A completion works out
//! f(s), f(f(s)), ..., says ANS, the answer f^m(s), and EOS. Fillers ("hmm") do no work.

use crate::math::rng::{below, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::Reads;
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::{Fields, write_list};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{DrawKey, Play, Reading, State, Table, Task, TaskKind, TaskView, TokenTask, Twin};

params! {
    /// Parameters of the length task.
    pub struct LengthParams {
        symbols: u32 = 8, 4 ..= 12, "symbols", "Symbols that a permutation maps to one another (k); a guess is right one time in k; well above work_max, there is no short cut either.";
        work_min: u32 = 2, 1 ..= 11, "hops", "Fewest hops of a prompt.";
        work_max: u32 = 5, 1 ..= 11, "hops", "Most hops of a prompt; less than symbols.";
        max_completion_length: u32 = 24, 4 ..= 56, "tokens", "Most tokens of a completion.", source "TRL GRPOConfig.max_completion_length", also "max_response_length, generate_max_len, max_new_tokens, response_length";
        vocabulary: u32 = 24, 8 ..= 64, "tokens", "Size of the vocabulary, a multiple of 8; tokens without a use are called _0, _1 and so on.";
        demo_filler: f32 = 0.35, 0.0 ..= 0.9, "probability", "Demonstrations: chance of a filler, again and again, before each hop and before the answer.";
        demo_error: f32 = 0.05, 0.0 ..= 1.0, "probability", "Demonstrations: chance that a hop goes to a wrong symbol, from where the work goes on.";
        demo_skip: f32 = 0.1, 0.0 ..= 1.0, "probability", "Demonstrations: chance that the work is skipped and the answer guessed.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong answer right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right answer wrong.";
    }
}

/// The length task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "length",
    help: "Follow a permutation for some hops: work it out in tokens, then answer; without the work one can only guess.",
    table: Table::Fixed(LengthParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "length.wgsl";
    words {
        SYMBOLS = 0, WORK_MIN = 1, WORK_MAX = 2, FALSE_POSITIVE = 3, FALSE_NEGATIVE = 4, ANSWER = 5, FILLER = 6,
        NONE = 7,
    }
    fields {
        tokens = 8, prompt = 9, target = 10, length = 11, correct = 12, truncated = 13, work = 14, hops = 15,
        filler = 16, answered = 17, answer = 18,
    }
}

/// Most symbols; the bound of the shader's arrays.
const MAX_SYMBOLS: usize = 12;

struct Length {
    params: LengthParams,
    slots: Slots,
    symbols: u32,
    answer: u32,
    end: u32,
    filler: u32,
    none: u32,
}

fn check(p: &LengthParams) -> Vec<ParamError> {
    let mut errors = Vec::new();
    if p.work_min > p.work_max {
        let message = format!("work_min ({}) must not exceed work_max ({})", p.work_min, p.work_max);
        errors.push(refuse("work_min", message));
    }
    if p.work_max >= p.symbols {
        let message = format!("work_max ({}) must be less than symbols ({})", p.work_max, p.symbols);
        errors.push(refuse("work_max", message));
    }
    if p.max_completion_length < p.work_max + 3 {
        errors.push(refuse(
            "max_completion_length",
            format!("max_completion_length must be at least work_max + 3 = {} to hold the work", p.work_max + 3),
        ));
    }
    let needed = p.symbols + p.work_max + 4;
    if p.vocabulary < needed || !p.vocabulary.is_multiple_of(8) {
        let message = format!("vocabulary must be a multiple of 8 and at least {needed}, not {}", p.vocabulary);
        errors.push(refuse("vocabulary", message));
    }
    errors
}

/// Token names in the order of their ids: symbols, hop counts, ANS, EOS, the filler, and those without a use.
fn token_names(p: &LengthParams) -> Vec<String> {
    let symbols = (b'a'..).take(p.symbols as usize).map(|c| char::from(c).to_string());
    let hops = (1..=p.work_max).map(|m| m.to_string());
    let marks = ["ANS", "EOS", "hmm"].map(String::from);
    let unused = (0..).map(|i| format!("_{i}"));
    symbols.chain(hops).chain(marks).chain(unused).take(p.vocabulary as usize).collect()
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = LengthParams::resolve(&[overrides])?;
    let errors = check(&params);
    if !errors.is_empty() {
        return Err(errors);
    }
    let horizon = params.max_completion_length as usize;
    let names = token_names(&params);
    let prompt_len = params.symbols as usize + 2;
    let schema = EpisodeSchema::new(names.clone(), horizon)
        .field("tokens", Ty::Tokens, horizon, "The completion, EOS included where it was written.")
        .field("prompt", Ty::Tokens, prompt_len, "The permutation's values, the number of hops, the start.")
        .field("target", Ty::Token, 1, "The right answer.")
        .count("length", "Number of tokens of the completion.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict: the answer is right.")
        .field("truncated", Ty::Bool, 1, "The completion ran out of tokens before EOS.")
        .count("work", "Right hops written before ANS, from the first on, fillers left out; at most hops.")
        .count("hops", "Hops that the prompt asks for.")
        .count("filler", "Fillers in the completion.")
        .field("answered", Ty::Bool, 1, "A symbol follows the first ANS.")
        .field("answer", Ty::Token, 1, "The token after the first ANS; _0 where there is none.");
    let first_mark = params.symbols + params.work_max;
    let task = Length {
        slots: Slots::of(&schema),
        symbols: params.symbols,
        answer: first_mark,
        end: first_mark + 1,
        filler: first_mark + 2,
        none: first_mark + 3,
        params,
    };
    let end_token = task.end;
    Ok(Task {
        kind: KIND.name,
        n_actions: names.len(),
        horizon,
        schema,
        action_names: names,
        play: Play::Tokens(Box::new(task)),
        view: TaskView::Tokens { prompt_len, end_token },
        twin: Twin::Written(WGSL),
    })
}

impl Length {
    /// Hops and start of a prompt.
    fn question(&self, prompt: &[u32]) -> (u32, u32) {
        let k = self.symbols as usize;
        (prompt[k] - self.symbols + 1, prompt[k + 1])
    }

    /// f^m(s) of a prompt.
    fn target(&self, prompt: &[u32]) -> u32 {
        let (hops, start) = self.question(prompt);
        (0..hops).fold(start, |x, _| prompt[x as usize])
    }

    /// Right hops before ANS, from the first on, fillers left out.
    fn work(&self, prompt: &[u32], tokens: &[u32]) -> u32 {
        let (hops, start) = self.question(prompt);
        let (mut at, mut work) = (start, 0);
        for token in tokens.iter().filter(|t| **t != self.filler) {
            if work == hops || *token != prompt[at as usize] {
                break;
            }
            (at, work) = (*token, work + 1);
        }
        work
    }
}

impl TokenTask for Length {
    fn vocabulary(&self) -> usize {
        self.params.vocabulary as usize
    }

    fn prompt_len(&self) -> usize {
        self.symbols as usize + 2
    }

    fn end_token(&self) -> u32 {
        self.end
    }

    /// A permutation whose path from s visits m distinct symbols and then answers with any of the k symbols alike (s
    /// itself by closing the path to a cycle); the rest of it is drawn at random. So a guess is right one time in k,
    /// all values are equally frequent, and what one look-up can tell is little: f(s) is wrong from two hops on, and
    /// the symbol that leads to s is right with probability (k - 1) / k / (k - m).
    fn prompt(&self, key: DrawKey, out: &mut [u32]) {
        let k = self.symbols as usize;
        let dice = |step| key.shared(step);
        let first = dice(0);
        let hops = self.params.work_min + below(first[2], self.params.work_max - self.params.work_min + 1);
        let closes = below(first[3], self.symbols) == 0;
        let m = hops as usize;
        let mut path: [u32; MAX_SYMBOLS] = std::array::from_fn(|i| i as u32);
        for i in 0..k {
            path.swap(i, i + below(dice(i as u32)[0], (k - i) as u32) as usize);
        }
        let mut values = path;
        if !closes {
            values[m] = path[0];
        }
        for i in 0..m {
            out[path[i] as usize] = if closes && i + 1 == m { path[0] } else { path[i + 1] };
        }
        for i in m..k {
            values.swap(i, i + below(dice(i as u32)[1], (k - i) as u32) as usize);
            out[path[i] as usize] = values[i];
        }
        out[k] = self.symbols + hops - 1;
        out[k + 1] = path[0];
    }

    fn finish(&self, key: DrawKey, prompt: &[u32], tokens: &[u32], truncated: bool, record: &mut [f32]) -> f32 {
        record.fill(0.0);
        let (s, p) = (&self.slots, &self.params);
        let target = self.target(prompt);
        let said = tokens.iter().position(|t| *t == self.answer);
        let answer = said.and_then(|at| tokens.get(at + 1)).copied().unwrap_or(self.none);
        let right = answer == target;
        write_list(record, s.tokens, tokens);
        write_list(record, s.prompt, prompt);
        record[s.target] = target as f32;
        record[s.length] = tokens.len() as f32;
        record[s.correct] = truth(verdict(key, right, p.false_positive, p.false_negative));
        record[s.truncated] = truth(truncated);
        record[s.work] = self.work(prompt, tokens) as f32;
        record[s.hops] = self.question(prompt).0 as f32;
        record[s.filler] = tokens.iter().filter(|t| **t == self.filler).count() as f32;
        record[s.answered] = truth(answer < self.symbols);
        record[s.answer] = answer as f32;
        truth(right)
    }

    fn demonstration(&self, key: DrawKey, prompt: &[u32], out: &mut [u32]) -> usize {
        let p = &self.params;
        let (hops, mut at) = self.question(prompt);
        let mut step = 0;
        let mut dice = || {
            step += 1;
            key.own(step - 1, purpose::DEMONSTRATION)
        };
        let first = dice();
        let skips = uniform(first[0]) < p.demo_skip;
        let work = if skips { 0 } else { hops };
        let mut spare = out.len().saturating_sub(work as usize + 3);
        let mut n = 0;
        let mut say = |token: u32| {
            if let Some(place) = out.get_mut(n) {
                *place = token;
                n += 1;
            }
        };
        for i in 0..=work {
            let mut d = dice();
            while spare > 0 && uniform(d[0]) < p.demo_filler {
                say(self.filler);
                spare -= 1;
                d = dice();
            }
            if i < work {
                let right = prompt[at as usize];
                let wrong = (right + 1 + below(d[2], self.symbols - 1)) % self.symbols;
                at = if uniform(d[1]) < p.demo_error { wrong } else { right };
                say(at);
            }
        }
        say(self.answer);
        say(if skips { below(first[1], self.symbols) } else { at });
        say(self.end);
        n
    }

    fn verifier(&self) -> [f32; 2] {
        [self.params.false_positive, self.params.false_negative]
    }

    fn reading<'a>(&'a self, reads: &'a Reads) -> Option<Box<dyn Reading + 'a>> {
        (!reads.has("tokens")).then(|| Box::new(Read { task: self, reads }) as Box<dyn Reading>)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::SYMBOLS] = p.symbols;
        words[word::WORK_MIN] = p.work_min;
        words[word::WORK_MAX] = p.work_max;
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words[word::ANSWER] = self.answer;
        words[word::FILLER] = self.filler;
        words[word::NONE] = self.none;
        words
    }
}

/// Words of a reading. SAID: 0, 1 right after ANS, 2 once its token came; ANSWER: that token, from 1; OFF: no hop counts
/// any more.
const SAID: usize = 0;
const ANSWER: usize = 1;
const WORK: usize = 2;
const OFF: usize = 3;
const FILLER: usize = 4;

/// Completions as far as they are read.
struct Read<'a> {
    task: &'a Length,
    reads: &'a Reads,
}

impl Reading for Read<'_> {
    /// Symbols can be renamed unless they are read; without a look at the work all hops are alike too.
    fn name(&self, prompt: &[u32]) -> Vec<u32> {
        if self.reads.has_any(&["prompt", "target", "answer"]) {
            prompt.to_vec()
        } else if self.reads.has_any(&["work", "hops"]) {
            vec![self.task.question(prompt).0]
        } else {
            Vec::new()
        }
    }

    fn read(&self, prompt: &[u32], token: u32, state: &mut State) {
        let (task, reads) = (self.task, self.reads);
        if reads.has("filler") {
            state[FILLER] += u32::from(token == task.filler);
        }
        if reads.has("work") && state[OFF] == 0 && token != task.filler {
            let (hops, start) = task.question(prompt);
            let at = (0..state[WORK]).fold(start, |x, _| prompt[x as usize]);
            let goes_on = state[WORK] < hops && token == prompt[at as usize];
            state[if goes_on { WORK } else { OFF }] += 1;
        }
        match state[SAID] {
            0 => state[SAID] = u32::from(token == task.answer),
            1 => {
                let target = task.target(prompt);
                let wrong =
                    if reads.has("answered") && token < task.symbols { u32::from(target == 0) } else { task.none };
                let known = if reads.has("answer") || token == target { token } else { wrong };
                (state[SAID], state[ANSWER]) = (2, known + 1);
            }
            _ => {}
        }
    }
}

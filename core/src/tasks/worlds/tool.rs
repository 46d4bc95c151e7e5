//! The tool task: a request in a few words, and one structured call that serves it. A completion thinks, then writes
//! `<call>` NAME key value key value ... `</call>`; the call is right when its name, keys and values are all those of
//! the request. What a program sees is how far the call got, part by part.
//!
//! A prompt is what is asked for and the values in the order of the tool's keys. Each tool has its own keys, and
//! neighbouring tools share all but one of them.

mod call;
mod reading;

use crate::math::rng::{below, purpose, uniform};
use crate::params;
use crate::params::{Overrides, ParamError, Params};
use crate::reward::Reads;
use crate::reward::schema::{EpisodeSchema, Ty};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::fields::{Fields, write_list};
use crate::tasks::kit::twin::{truth, twin};
use crate::tasks::task::refuse;
use crate::tasks::{DrawKey, Play, Reading, Table, Task, TaskKind, TaskView, TokenTask, Twin};
use call::{DONE, Grammar, MARKS, MAX_KEYS};

params! {
    /// Parameters of the tool task.
    pub struct ToolParams {
        tools: u32 = 3, 2 ..= 4, "tools", "Tools to call; a request names one of them in a word of its own.";
        arguments: u32 = 2, 1 ..= 3, "arguments", "Keys that every call needs, each with its value.";
        values: u32 = 6, 2 ..= 10, "values", "Values that an argument can have.";
        max_completion_length: u32 = 14, 8 ..= 40, "tokens", "Most tokens of a completion.", source "TRL GRPOConfig.max_completion_length";
        vocabulary: u32 = 24, 16 ..= 40, "tokens", "Size of the vocabulary, a multiple of 8; tokens without a use are called _0, _1 and so on.";
        demo_think: f32 = 0.4, 0.0 ..= 0.9, "probability", "Demonstrations: chance of a thought, again and again, before the call.";
        demo_error: f32 = 0.7, 0.0 ..= 1.0, "probability", "Demonstrations: chance that a name, key or value is drawn anew among all of its kind, right or not.";
        demo_slip: f32 = 0.1, 0.0 ..= 1.0, "probability", "Demonstrations: chance that one of the four tags is left out.";
        false_positive: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a wrong call right.";
        false_negative: f32 = 0.0, 0.0 ..= 1.0, "probability", "Chance that the verifier calls a right call wrong.";
    }
}

/// The tool task's entry in the list of tasks.
pub const KIND: TaskKind = TaskKind {
    name: "tool",
    help: "Write one structured call that serves a request: its name, its keys and their values, between the right tags.",
    table: Table::Fixed(ToolParams::TABLE),
    build,
    source: None,
};

twin! {
    shader "tool.wgsl";
    words {
        TOOLS = 0, ARGUMENTS = 1, VALUES = 2, KEYS = 3, FALSE_POSITIVE = 4, FALSE_NEGATIVE = 5,
    }
    fields {
        tokens = 6, prompt = 7, length = 8, format = 9, parsed = 10, names_matched = 11, names_predicted = 12,
        names_gold = 13, keys_matched = 14, keys_predicted = 15, keys_gold = 16, values_matched = 17, exact = 18,
        think = 19, correct = 20, truncated = 21,
    }
}

const WANTS: [&str; 4] = ["find", "reserve", "write", "pay"];
const NAMES: [&str; 4] = ["search", "book", "mail", "transfer"];
const KEYS: [&str; MAX_KEYS] = ["where=", "when=", "who=", "what=", "how=", "why="];

struct Tool {
    params: ToolParams,
    slots: Slots,
    call: Grammar,
}

fn build(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let params = ToolParams::resolve(&[overrides])?;
    let (tools, arguments, values) = (params.tools as usize, params.arguments as usize, params.values as usize);
    let n_keys = tools + arguments - 1;
    let needed = 2 * tools + n_keys + values + MARKS.len();
    let vocabulary = params.vocabulary as usize;
    let mut errors = Vec::new();
    if vocabulary < needed || !vocabulary.is_multiple_of(8) {
        let message = format!("vocabulary must be a multiple of 8 and at least {needed}, not {vocabulary}");
        errors.push(refuse("vocabulary", message));
    }
    let shortest = 2 * arguments + 6;
    if (params.max_completion_length as usize) < shortest {
        let message = format!("max_completion_length must be at least {shortest} to hold a call");
        errors.push(refuse("max_completion_length", message));
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let letters = (b'a'..).take(values).map(|c| char::from(c).to_string());
    let known = [&WANTS[..tools], &NAMES[..tools], &KEYS[..n_keys]].concat().into_iter().map(String::from);
    let unused = (0..).map(|i| format!("_{i}"));
    let names: Vec<String> =
        known.chain(letters).chain(MARKS.map(String::from)).chain(unused).take(vocabulary).collect();
    let (horizon, prompt_len) = (params.max_completion_length as usize, arguments + 1);
    let schema = EpisodeSchema::new(names.clone(), horizon)
        .field("tokens", Ty::Tokens, horizon, "The completion, EOS included where it was written.")
        .field("prompt", Ty::Tokens, prompt_len, "What is wanted, then the values in the order of the tool's keys.")
        .count("length", "Number of tokens of the completion.")
        .field(
            "format",
            Ty::Bool,
            1,
            "Thoughts in <t> </t>, then <call> </call>, then EOS: each tag once and in order.",
        )
        .field(
            "parsed",
            Ty::Bool,
            1,
            "Between the first <call> and </call> stand names, each followed by keys with values.",
        )
        .count("names_matched", "1 if the right tool was called, else 0.")
        .at_most(1)
        .count("names_predicted", "Calls that were written, whatever their names; 0 if not parsed.")
        .field("names_gold", Ty::Int, 1, "Calls of the right answer: always 1.")
        .at_least(1)
        .at_most(1)
        .count("keys_matched", "Right keys in the first call of the right tool.")
        .count("keys_predicted", "Different keys in that call.")
        .count("keys_gold", "Keys that the right call has.")
        .count("values_matched", "Right keys with the right value in that call.")
        .field("exact", Ty::Bool, 1, "The call is the right one, to the last value.")
        .count("think", "Thoughts (hmm) in the completion.")
        .field("correct", Ty::Bool, 1, "The verifier's verdict on exact.")
        .field("truncated", Ty::Bool, 1, "The completion ran out of tokens before EOS.");
    let (names_at, n_keys) = (params.tools, n_keys as u32);
    let keys = names_at + params.tools;
    let call = Grammar {
        tools: params.tools,
        n_keys,
        n_values: params.values,
        names: names_at,
        keys,
        values: keys + n_keys,
        marks: keys + n_keys + params.values,
    };
    let task = Tool { slots: Slots::of(&schema), call, params };
    let end_token = task.end_token();
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

impl TokenTask for Tool {
    fn vocabulary(&self) -> usize {
        self.params.vocabulary as usize
    }

    fn prompt_len(&self) -> usize {
        self.params.arguments as usize + 1
    }

    fn end_token(&self) -> u32 {
        self.call.marks + 4
    }

    fn prompt(&self, key: DrawKey, out: &mut [u32]) {
        let dice = |step| key.shared(step)[0];
        out[0] = below(dice(0), self.params.tools);
        for (i, value) in out[1..].iter_mut().enumerate() {
            *value = self.call.values + below(dice(1 + i as u32), self.params.values);
        }
    }

    fn finish(&self, key: DrawKey, prompt: &[u32], tokens: &[u32], truncated: bool, record: &mut [f32]) -> f32 {
        record.fill(0.0);
        let (s, p) = (&self.slots, &self.params);
        write_list(record, s.tokens, tokens);
        write_list(record, s.prompt, prompt);
        let r = self.call.read(prompt[0], tokens);
        let predicted = r.arguments.iter().filter(|v| v.is_some()).count();
        let gold = || prompt[1..].iter().enumerate().map(|(i, value)| (r.arguments[prompt[0] as usize + i], *value));
        let keys = gold().filter(|(said, _)| said.is_some()).count();
        let values = gold().filter(|(said, value)| *said == Some(*value)).count();
        let n = p.arguments as usize;
        let exact = r.parsed && r.names == 1 && r.found && predicted == n && values == n;
        let counted = |n: usize| if r.parsed { n as f32 } else { 0.0 };
        record[s.length] = tokens.len() as f32;
        record[s.format] = truth(r.stage == DONE);
        record[s.parsed] = truth(r.parsed);
        record[s.names_matched] = counted(usize::from(r.found));
        record[s.names_predicted] = counted(r.names as usize);
        record[s.names_gold] = 1.0;
        record[s.keys_matched] = counted(keys);
        record[s.keys_predicted] = counted(predicted);
        record[s.keys_gold] = n as f32;
        record[s.values_matched] = counted(values);
        record[s.exact] = truth(exact);
        record[s.think] = r.think as f32;
        record[s.correct] = truth(verdict(key, exact, p.false_positive, p.false_negative));
        record[s.truncated] = truth(truncated);
        truth(exact)
    }

    fn demonstration(&self, key: DrawKey, prompt: &[u32], out: &mut [u32]) -> usize {
        let p = &self.params;
        let mut step = 0;
        let mut dice = || {
            step += 1;
            key.own(step - 1, purpose::DEMONSTRATION)
        };
        let first = dice();
        let slip = if uniform(first[0]) < p.demo_slip { below(first[1], 4) } else { 4 };
        let mut spare = out.len().saturating_sub(2 * p.arguments as usize + 6);
        let mut n = 0;
        let mut say = |token: u32| {
            if let Some(place) = out.get_mut(n) {
                *place = token;
                n += 1;
            }
        };
        let tag = |i: u32| (i != slip).then_some(self.call.marks + i);
        tag(0).into_iter().for_each(&mut say);
        while spare > 0 && uniform(dice()[0]) < p.demo_think {
            say(self.call.marks + 5);
            spare -= 1;
        }
        tag(1).into_iter().chain(tag(2)).for_each(&mut say);
        let mut about = |right: u32, from: u32, count: u32| {
            let d = dice();
            if uniform(d[0]) < p.demo_error { from + below(d[1], count) } else { right }
        };
        say(about(self.call.names + prompt[0], self.call.names, p.tools));
        for (i, value) in prompt[1..].iter().enumerate() {
            say(about(self.call.keys + prompt[0] + i as u32, self.call.keys, self.call.n_keys));
            say(about(*value, self.call.values, p.values));
        }
        tag(3).into_iter().for_each(&mut say);
        say(self.end_token());
        n
    }

    fn verifier(&self) -> [f32; 2] {
        [self.params.false_positive, self.params.false_negative]
    }

    fn reading<'a>(&'a self, reads: &'a Reads) -> Option<Box<dyn Reading + 'a>> {
        reading::reading(&self.call, reads)
    }

    fn shader_words(&self) -> Vec<u32> {
        let p = &self.params;
        let mut words = vec![0; word::COUNT];
        self.slots.write(&mut words);
        words[word::TOOLS] = p.tools;
        words[word::ARGUMENTS] = p.arguments;
        words[word::VALUES] = p.values;
        words[word::KEYS] = self.call.n_keys;
        words[word::FALSE_POSITIVE] = p.false_positive.to_bits();
        words[word::FALSE_NEGATIVE] = p.false_negative.to_bits();
        words
    }
}

//! The WGSL twin of a task program: the functions that `shaders/tasks/README.md` names, around those of the program.

use super::super::ir::Bank;
use super::super::wgsl::{arithmetic, write_functions};
use super::entries::{Argument, Entry};
use super::{Past, TaskProgram, Writes};

/// Dice, memory and the error of a sample.
const HOST: &str = include_str!("host.wgsl");

impl TaskProgram {
    /// The text of the twin, printed when it is asked for first; the world's words are the task's words.
    pub fn wgsl(&self) -> &str {
        self.twin.get_or_init(|| self.printed())
    }

    fn printed(&self) -> String {
        let words = self.blank_state.len().max(1);
        let mut text = format!("const GOODHART_STATE: u32 = {words}u;\n");
        text.push_str(&format!("const GOODHART_ERROR_SLOT: u32 = {}u;\n", self.slots.error));
        text.push_str(&format!("struct TaskState {{ w: array<u32, {words}> }}\n\n"));
        text.push_str(&arithmetic());
        text.push_str(HOST);
        write_functions(&self.unit, "task_", &mut text);
        match &self.writes {
            Some(writes) => {
                self.write_prompt(writes, &mut text);
                self.write_judge(writes, &mut text);
            }
            None => {
                self.write_begin(&mut text);
                self.write_see(&mut text);
                self.write_prior(&mut text);
                self.write_step(&mut text);
                self.write_finish(&mut text);
            }
        }
        text
    }

    /// `goodhart_state` as it is before a call.
    fn blank_words(&self) -> String {
        let words = self.blank_state.iter().enumerate().filter(|(_, word)| **word != 0);
        let words: String = words.map(|(slot, word)| format!("    goodhart_state[{slot}] = {word}u;\n")).collect();
        format!("    goodhart_state = array<u32, GOODHART_STATE>();\n{words}    goodhart_failure = 0u;\n")
    }

    fn write_prompt(&self, writes: &Writes, text: &mut String) {
        text.push_str("fn task_prompt(seed: u32, update: u32, group: u32, out: ptr<function, array<u32, PROMPT>>) {\n");
        text.push_str(&self.blank_words());
        let call = Self::called(&self.entries.prompt, "", "");
        text.push_str(&format!(
            "    goodhart_dice(seed, update, group, 0u, 0u, PURPOSE_PROMPT);\n    let prompt = {call};\n"
        ));
        for i in 0..writes.prompt_len {
            let token = if writes.prompt_len == 1 { "prompt".to_string() } else { format!("prompt.v{i}") };
            // A prompt that failed is made of the first token; `score` reports the failure.
            text.push_str(&format!("    (*out)[{i}] = select(u32({token}), 0u, goodhart_failure != 0u);\n"));
        }
        text.push_str("}\n\n");
    }

    fn write_judge(&self, writes: &Writes, text: &mut String) {
        text.push_str(
            "fn task_finish(seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {\n",
        );
        self.write_blank_record(text);
        let [tokens, prompt] = self.slots.written.unwrap_or_default();
        text.push_str(&format!(
            "    record_set({prompt}u, {n}.0);\n    for (var i = 0u; i < {n}u; i++) {{\n        record_set({}u + i, f32(prompt_token(i)));\n    }}\n    \
             record_set({tokens}u, f32(length));\n    for (var t = 0u; t < length; t++) {{\n        record_set({}u + t, f32(completion_token(t)));\n    }}\n",
            prompt + 1,
            tokens + 1,
            n = writes.prompt_len,
        ));
        // Whether the prompt could be made: its function is called again, with the same dice.
        let again = Self::called(&self.entries.prompt, "", "");
        text.push_str(&self.blank_words());
        text.push_str(&format!(
            "    goodhart_dice(seed, update, group, 0u, 0u, PURPOSE_PROMPT);\n    let again = {again};\n    goodhart_note_error();\n"
        ));
        text.push_str(&self.blank_words());
        self.write_score(text);
    }

    /// A record before anything is written into it.
    fn write_blank_record(&self, text: &mut String) {
        for (slot, number) in self.blank_record.iter().enumerate() {
            // A list beyond its length is read by nobody.
            if self.starts_a_field(slot) || *number != 0.0 {
                text.push_str(&format!("    record_set({slot}u, {number:?});\n"));
            }
        }
    }

    /// A call of an entry, as it stands behind `let value = ` where it has a result.
    fn called(entry: &Entry, action: &str, t: &str) -> String {
        let given = entry.arguments.iter().filter(|argument| **argument != Argument::Object);
        let args: Vec<&str> = given.map(|argument| if *argument == Argument::Action { action } else { t }).collect();
        format!("task_f{}({})", entry.function, args.join(", "))
    }

    fn write_begin(&self, text: &mut String) {
        text.push_str("fn task_begin(seed: u32, update: u32, group: u32, sample: u32) -> TaskState {\n");
        text.push_str("    var s = TaskState();\n    goodhart_failure = 0u;\n");
        for (slot, word) in self.blank_state.iter().enumerate().filter(|(_, word)| **word != 0) {
            text.push_str(&format!("    s.w[{slot}] = {word}u;\n"));
        }
        self.write_blank_record(text);
        if let Some(start) = &self.entries.start {
            text.push_str(
                "    goodhart_state = s.w;\n    goodhart_dice(seed, update, group, 0u, 0u, PURPOSE_PROMPT);\n",
            );
            text.push_str(&format!(
                "    {};\n    s.w = goodhart_state;\n    goodhart_note_error();\n",
                Self::called(start, "", "")
            ));
        }
        text.push_str("    return s;\n}\n\n");
    }

    fn starts_a_field(&self, slot: usize) -> bool {
        slot == self.slots.error || self.schema.fields.iter().any(|field| field.offset == slot)
    }

    /// The i-th word of what a policy sees: of what `see` gave, or of what the state has kept.
    fn seen(&self, i: usize) -> String {
        let Past { parts, at, .. } = self.past;
        if i >= parts {
            return format!("(*s).w[{}]", at + i - parts);
        }
        let value = if parts == 1 { "seen".to_string() } else { format!("seen.v{i}") };
        if self.sees_numbers() { format!("bitcast<u32>({value})") } else { format!("u32({value})") }
    }

    fn write_see(&self, text: &mut String) {
        let call = Self::called(&self.entries.see, "", "");
        let look = format!(
            "    goodhart_state = (*s).w;\n    goodhart_failure = 0u;\n    let seen = {call};\n    goodhart_note_error();\n"
        );
        let (mut features, mut base) = (String::new(), 0);
        for (i, n) in self.seen.iter().enumerate() {
            features.push_str(&format!("    (*out)[{i}] = {base}u + {};\n", self.seen(i)));
            base += n;
        }
        let row = (0..self.seen.len())
            .rev()
            .fold("0u".to_string(), |row, i| format!("({row} * {}u + {})", self.seen[i], self.seen(i)));
        // No table has rows for numbers.
        let row = if self.sees_numbers() { "    return 0u;\n".into() } else { format!("{look}    return {row};\n") };
        text.push_str(&format!(
            "fn task_features(s: ptr<function, TaskState>, out: ptr<function, array<u32, SEEN>>) {{\n{look}{features}}}\n\n\
             fn task_state_index(s: ptr<function, TaskState>) -> u32 {{\n{row}}}\n\n"
        ));
    }

    /// What is seen before a step goes to what was seen before.
    fn remembered(&self) -> String {
        let Past { parts, at, words } = self.past;
        if words == 0 {
            return String::new();
        }
        let call = Self::called(&self.entries.see, "", "");
        let mut text = format!("    goodhart_state = (*s).w;\n    let seen = {call};\n");
        for i in (parts..words).rev() {
            text.push_str(&format!("    (*s).w[{}] = (*s).w[{}];\n", at + i, at + i - parts));
        }
        for i in 0..parts {
            text.push_str(&format!("    (*s).w[{}] = select({}, 0u, goodhart_failure != 0u);\n", at + i, self.seen(i)));
        }
        text.push_str("    goodhart_failure = 0u;\n");
        text
    }

    fn write_prior(&self, text: &mut String) {
        text.push_str("fn task_prior(s: ptr<function, TaskState>, action: u32) -> f32 {\n");
        match &self.entries.prior {
            Some(prior) => {
                let call = Self::called(prior, "", "");
                text.push_str(&format!(
                    "    goodhart_state = (*s).w;\n    goodhart_failure = 0u;\n    let prior = {call};\n"
                ));
                text.push_str("    switch (action) {\n");
                for a in 0..self.actions.len() {
                    text.push_str(&format!("        case {a}u: {{ return prior.v{a}; }}\n"));
                }
                text.push_str("        default: { return 0.0; }\n    }\n}\n\n");
            }
            None => text.push_str("    return 0.0;\n}\n\n"),
        }
    }

    fn write_step(&self, text: &mut String) {
        text.push_str(
            "fn task_step(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, t: u32, action: u32) -> bool {\n",
        );
        if let Some(slot) = self.slots.length {
            text.push_str(&format!("    record_set({slot}u, f32(t + 1u));\n"));
        }
        if let Some(slot) = self.slots.actions {
            text.push_str(&format!(
                "    record_set({slot}u, f32(t + 1u));\n    record_set({}u + t, f32(action));\n",
                slot + 1
            ));
        }
        let call = Self::called(&self.entries.step, "i32(action)", "i32(t)");
        let remembered = self.remembered();
        let (over, call) = match self.entries.step.results.is_empty() {
            true => ("goodhart_failure != 0u".to_string(), format!("    {call};\n")),
            false => ("over || goodhart_failure != 0u".to_string(), format!("    let over = {call};\n")),
        };
        text.push_str(&format!(
            "    if record_get(GOODHART_ERROR_SLOT) != 0.0 {{\n        return true;\n    }}\n    goodhart_failure = 0u;\n{remembered}    \
             goodhart_state = (*s).w;\n    goodhart_dice(seed, update, group, sample, t, PURPOSE_TASK);\n{call}    \
             (*s).w = goodhart_state;\n    goodhart_note_error();\n    return {over};\n}}\n\n"
        ));
    }

    fn write_finish(&self, text: &mut String) {
        text.push_str(
            "fn task_finish(s: ptr<function, TaskState>, seed: u32, update: u32, group: u32, sample: u32, length: u32, truncated: bool) -> f32 {\n",
        );
        text.push_str("    goodhart_state = (*s).w;\n");
        self.write_score(text);
    }

    /// The rest of `task_finish`: what every record knows, the true score, the verifier's verdict.
    fn write_score(&self, text: &mut String) {
        if let Some(slot) = self.slots.length {
            text.push_str(&format!("    record_set({slot}u, f32(length));\n"));
        }
        if let Some(slot) = self.slots.truncated {
            text.push_str(&format!("    record_set({slot}u, select(0.0, 1.0, truncated));\n"));
        }
        let call = Self::called(&self.entries.score, "", "i32(length)");
        let value = match self.entries.score.results.first() {
            Some(Bank::Bool) => format!("select(0.0, 1.0, {call})"),
            Some(Bank::Int) => format!("f32({call})"),
            _ => call,
        };
        let right = match self.slots.own_correct {
            true => format!("record_get({}u) != 0.0", self.slots.correct),
            false => "score >= 0.5".to_string(),
        };
        let ([wrong, missed], correct) = (self.verifier, self.slots.correct);
        text.push_str(&format!(
            "    if record_get(GOODHART_ERROR_SLOT) != 0.0 {{\n        record_set({correct}u, 0.0);\n        return 0.0;\n    }}\n    \
             goodhart_failure = 0u;\n    goodhart_dice(seed, update, group, sample, 0xffffu, PURPOSE_TASK);\n    \
             let score = {value};\n    goodhart_note_error();\n    if goodhart_failure != 0u {{\n        \
             record_set({correct}u, 0.0);\n        return 0.0;\n    }}\n    \
             let right = {right};\n    let u = uniform01(draw(seed, update, group, sample, 0u, PURPOSE_VERDICT).x);\n    \
             record_set({correct}u, select(0.0, 1.0, right != (u < select({wrong:?}, {missed:?}, right))));\n    return score;\n}}\n"
        ));
    }
}

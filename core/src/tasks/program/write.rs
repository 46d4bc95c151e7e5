//! Task programs whose policy writes tokens: prompts, demonstrations, and completions judged in blocks.

use super::play::{Program, failure, note_end};
use crate::math::rng::purpose;
use crate::reward::Reads;
use crate::reward::task::{Dice, Keys, MAX_STATE, Memory, World};
use crate::tasks::kit::fields::write_list;
use crate::tasks::{DrawKey, Reading, Samples, State, TokenTask, Written};

impl Program {
    /// Makes a prompt; the error of the program where it fails, and the prompt is then the first token over and over.
    fn make_prompt(&self, key: DrawKey, out: &mut [u32]) -> u32 {
        let (program, entry) = (&self.program, &self.program.entries.prompt);
        let keys =
            Keys { seed: key.seed, update: key.update, step: 0, purpose: purpose::PROMPT, who: &[(key.group, 0)] };
        let mut state = self.scratch();
        self.with_machine(|machine| {
            let memory = Memory::alone(std::slice::from_mut(&mut state), &mut [], World::Made(&self.world));
            machine.call(program, entry, memory, &mut Dice::drawn(keys), &[], 0);
            let error = machine.errors[0];
            for (i, token) in out.iter_mut().enumerate() {
                *token = if error == 0 { machine.result(program, entry, i)[0] } else { 0 };
            }
            error
        })
    }

    /// A state before a call: it is scratch paper here.
    fn scratch(&self) -> State {
        let mut state = [0; MAX_STATE];
        self.blank_state(&mut state);
        state
    }

    /// A record that knows the prompt and the completion.
    fn open(&self, prompt: &[u32], tokens: &[u32], record: &mut [f32]) {
        self.blank_record(record);
        if let Some([tokens_slot, prompt_slot]) = self.program.slots.written {
            write_list(record, tokens_slot, tokens);
            write_list(record, prompt_slot, prompt);
        }
    }

    /// Whether a first prompt and its demonstration can be made; the sentence says why not.
    pub(super) fn is_written(&self) -> Result<(), String> {
        let key = DrawKey { seed: 0, update: 0, group: 0, sample: 0 };
        let mut prompt = vec![0; self.prompt_len()];
        let mut error = self.make_prompt(key, &mut prompt);
        if error == 0 && self.has_demonstrations() {
            error = self.demonstrate(key, &prompt, &mut vec![0; self.program.horizon]).1;
        }
        if error == 0 { Ok(()) } else { Err(failure(&self.program, error)) }
    }

    /// The length of a demonstration, and the error where it fails.
    fn demonstrate(&self, key: DrawKey, prompt: &[u32], out: &mut [u32]) -> (usize, u32) {
        let p = &self.program;
        let Some(entry) = &p.entries.demonstration else { return (0, 0) };
        let mut record = vec![0.0; p.schema.stride];
        self.open(prompt, &[], &mut record);
        let mut state = self.scratch();
        let who = [(key.group, key.sample)];
        let keys = Keys { seed: key.seed, update: key.update, step: 0, purpose: purpose::DEMONSTRATION, who: &who };
        let error = self.with_machine(|machine| {
            let memory = Memory::alone(std::slice::from_mut(&mut state), &mut record, World::Made(&self.world));
            machine.call(p, entry, memory, &mut Dice::drawn(keys), &[], 0);
            machine.errors[0]
        });
        let slot = p.slots.written.map_or(0, |[tokens, _]| tokens);
        let length = (record[slot] as usize).min(out.len());
        out.iter_mut().zip(&record[slot + 1..]).take(length).for_each(|(token, x)| *token = *x as u32);
        (length, error)
    }

    /// Completes the records of samples with these keys, and gives true scores.
    fn judge(&self, written: &mut Written, key_of: impl Fn(usize) -> DrawKey) {
        let p = &self.program;
        let n = written.lengths.len();
        let mut prompt = vec![0; written.prompt_len];
        let mut error = 0;
        for i in 0..n {
            let (of, tokens) = (written.prompt(i), written.completion(i));
            if i % written.group == 0 {
                error = self.make_prompt(key_of(i), &mut prompt);
            }
            let record = &mut written.records[i * written.stride..(i + 1) * written.stride];
            self.open(of, tokens, record);
            note_end(p, record, tokens.len() as u32, written.truncated[i] != 0);
            record[p.slots.error] = error as f32;
        }
        let mut states = vec![self.scratch(); n];
        let all: Vec<u32> = (0..n as u32).collect();
        let mut bits = Vec::with_capacity(n);
        let mut samples = Samples {
            seed: written.seed,
            update: written.update,
            group: written.group,
            states: &mut states,
            records: &mut *written.records,
            stride: written.stride,
        };
        self.block(&mut samples, &all, &p.entries.score, 0, purpose::TASK, &[], |machine, n, failed| {
            let result = machine.result(p, &p.entries.score, 0);
            bits.extend((0..n).map(|l| if failed >> l & 1 == 1 { 0 } else { result[l] }));
        });
        for (i, bits) in bits.into_iter().enumerate() {
            let record = &mut written.records[i * written.stride..(i + 1) * written.stride];
            written.scores[i] = self.judged(key_of(i), bits, record);
        }
    }
}

impl TokenTask for Program {
    fn vocabulary(&self) -> usize {
        self.program.actions.len()
    }

    fn prompt_len(&self) -> usize {
        self.program.writes.map_or(0, |writes| writes.prompt_len)
    }

    fn end_token(&self) -> u32 {
        self.program.writes.map_or(0, |writes| writes.end)
    }

    fn prompt(&self, key: DrawKey, out: &mut [u32]) {
        self.make_prompt(key, out);
    }

    fn finish(&self, key: DrawKey, prompt: &[u32], tokens: &[u32], truncated: bool, record: &mut [f32]) -> f32 {
        let mut score = [0.0];
        let mut written = Written {
            seed: key.seed,
            update: key.update,
            group: 1,
            prompt_len: prompt.len(),
            prompts: prompt,
            horizon: tokens.len(),
            tokens,
            lengths: &[tokens.len() as u32],
            truncated: &[u8::from(truncated)],
            stride: record.len(),
            records: record,
            scores: &mut score,
        };
        self.judge(&mut written, |_| key);
        score[0]
    }

    fn finish_all(&self, written: &mut Written) {
        let (seed, update, group) = (written.seed, written.update, written.group);
        self.judge(written, |i| DrawKey::of(seed, update, group, i));
    }

    fn demonstration(&self, key: DrawKey, prompt: &[u32], out: &mut [u32]) -> usize {
        self.demonstrate(key, prompt, out).0
    }

    fn has_demonstrations(&self) -> bool {
        self.program.entries.demonstration.is_some()
    }

    fn verifier(&self) -> [f32; 2] {
        self.program.verifier
    }

    /// What a program reads of a completion as it goes on, nothing tells.
    fn reading<'a>(&'a self, _reads: &'a Reads) -> Option<Box<dyn Reading + 'a>> {
        None
    }

    fn shader_words(&self) -> Vec<u32> {
        self.words()
    }
}

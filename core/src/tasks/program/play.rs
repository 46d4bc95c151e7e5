//! Playing a task program: its functions called for blocks of samples.

use super::chances;
use crate::math::rng::purpose;
use crate::reward::task::{BLOCK, Bank, Dice, Entry, Keys, MAX_STATE, Machine, Memory, Numbers, TaskProgram, World};
use crate::tasks::kit::dice::verdict;
use crate::tasks::kit::twin::truth;
use crate::tasks::{DrawKey, MAX_ACTIVE, Observation, Samples, State, StepTask};
use std::sync::{Arc, Mutex, PoisonError};

/// Most rows of a table policy.
const MAX_ROWS: usize = 1 << 16;
/// Most states that a view shows the policy's choices of.
const MAX_SHOWN: usize = 256;
/// The step of the dice of `score`, behind those of all steps.
const AT_THE_END: u32 = 0xffff;

/// A task program with the world of its instance.
pub struct Program {
    pub program: Arc<TaskProgram>,
    pub(super) world: Vec<u32>,
    /// Machines that nobody uses at the moment.
    idle: Mutex<Vec<Machine>>,
    /// What the policy sees at the start of an episode.
    first: Vec<u32>,
}

impl Program {
    /// Makes the world. The sentence says why it cannot be made.
    pub fn new(program: Arc<TaskProgram>, seed: u32) -> Result<Self, String> {
        let mut world = program.blank_world.clone();
        let mut machine = Machine::new(&program);
        if let Some(setup) = &program.entries.setup {
            let keys = Keys { seed, update: 0, step: 0, purpose: purpose::TABLE, who: &[(0, 0)] };
            let memory = Memory::alone(&mut [], &mut [], World::Making(&mut world));
            machine.call(&program, setup, memory, &mut Dice::drawn(keys), &[], 0);
            if machine.errors[0] != 0 {
                return Err(failure(&program, machine.errors[0]));
            }
        }
        let mut own = Self { program, world, idle: Mutex::new(vec![machine]), first: Vec::new() };
        if own.program.writes.is_some() {
            return own.is_written().map(|()| own);
        }
        let (mut state, mut record) = ([0; MAX_STATE], vec![0.0; own.program.schema.stride]);
        own.begin(DrawKey { seed: 0, update: 0, group: 0, sample: 0 }, &mut state, &mut record);
        let error = record[own.program.slots.error];
        if error != 0.0 {
            return Err(failure(&own.program, error as u32));
        }
        own.first = own.see(&state);
        Ok(own)
    }

    /// Numbers of a drawing, in this world.
    pub fn numbers(&self, numbers: &Numbers) -> Vec<f32> {
        numbers.of(&self.world)
    }

    fn features_are_on(&self) -> bool {
        !self.program.sees_numbers()
    }

    /// Rows of a table: the product of what its parts can be; 0 where there are too many, or numbers among them.
    fn rows(&self) -> usize {
        let rows = self.program.seen.iter().try_fold(1usize, |rows, n| rows.checked_mul(*n as usize));
        rows.filter(|rows| *rows <= MAX_ROWS && self.features_are_on()).unwrap_or(0)
    }

    /// How many states a view shows: one a value of the first part.
    pub fn shown(&self) -> usize {
        match self.program.seen.first() {
            Some(n) if self.features_are_on() => (*n as usize).min(MAX_SHOWN),
            _ => 0,
        }
    }

    /// The row of what is seen: the first part changes fastest.
    fn row(&self, seen: &[u32]) -> u32 {
        let mut row = 0;
        for (part, n) in seen.iter().zip(&self.program.seen).rev() {
            row = row * n + part;
        }
        row
    }

    /// Parts as numbers of features: each after all those of the parts before it.
    fn spread(&self, seen: &[u32], out: &mut [u32]) {
        let mut base = 0;
        for ((part, n), out) in seen.iter().zip(&self.program.seen).zip(out) {
            *out = base + part;
            base += n;
        }
    }

    /// What the policy sees of a state, a word a part.
    fn see(&self, state: &State) -> Vec<u32> {
        let mut state = *state;
        let past = self.program.past;
        let mut parts = vec![0; past.parts];
        parts.extend(&state[past.at..past.at + past.words]);
        let memory = Memory::alone(std::slice::from_mut(&mut state), &mut [], World::Made(&self.world));
        self.with_machine(|machine| {
            machine.call(&self.program, &self.program.entries.see, memory, &mut Dice::drawn(nobody()), &[], 0);
            for (i, part) in parts.iter_mut().take(self.program.past.parts).enumerate() {
                // A state that cannot be seen is seen as the first of all.
                *part = if machine.errors[0] == 0 {
                    machine.result(&self.program, &self.program.entries.see, i)[0]
                } else {
                    0
                };
            }
        });
        parts
    }

    /// What is seen before a step goes to what was seen before.
    fn remember(&self, state: &mut State) {
        if self.program.past.words > 0 {
            let seen = self.see(state);
            self.program.past.remember(state, |part| seen[part]);
        }
    }

    fn remember_all(&self, samples: &mut Samples, alive: &[u32]) {
        let (p, past) = (&self.program, self.program.past);
        if past.words == 0 {
            return;
        }
        let (see, mut seen) = (&p.entries.see, Vec::with_capacity(alive.len() * past.parts));
        self.block(samples, alive, see, 0, purpose::TASK, &[], |machine, n, _| {
            let part = |l: usize, i| if machine.errors[l] == 0 { machine.result(p, see, i)[l] } else { 0 };
            seen.extend((0..n).flat_map(|l| (0..past.parts).map(move |i| (l, i))).map(|(l, i)| part(l, i)));
        });
        for (i, seen) in alive.iter().zip(seen.chunks_exact(past.parts)) {
            past.remember(&mut samples.states[*i as usize], |part| seen[part]);
        }
    }

    /// State and record before `start`.
    fn blank(&self, state: &mut State, record: &mut [f32]) {
        self.blank_state(state);
        self.blank_record(record);
    }

    pub(super) fn blank_state(&self, state: &mut State) {
        state.fill(0);
        state[..self.program.blank_state.len()].copy_from_slice(&self.program.blank_state);
    }

    pub(super) fn blank_record(&self, record: &mut [f32]) {
        record.fill(0.0);
        record[..self.program.blank_record.len()].copy_from_slice(&self.program.blank_record);
    }

    /// The true score out of the bits of `score`, and the verifier's verdict into the record.
    pub(super) fn judged(&self, key: DrawKey, bits: u32, record: &mut [f32]) -> f32 {
        let p = &self.program;
        let failed = record[p.slots.error] != 0.0;
        let score = match p.entries.score.results.first() {
            _ if failed => 0.0,
            Some(Bank::Float) => f32::from_bits(bits),
            _ => bits as i32 as f32,
        };
        let right = if p.slots.own_correct { record[p.slots.correct] != 0.0 } else { score >= 0.5 };
        record[p.slots.correct] = truth(!failed && verdict(key, right, p.verifier[0], p.verifier[1]));
        score
    }

    /// Calls an entry for many samples, a block after the other; samples that failed before are left out, and the errors of
    /// the others go into their records. `done` gets the machine, the samples of the block, and those that have failed.
    #[expect(clippy::too_many_arguments, reason = "what a call is given, each by its name")]
    pub(super) fn block(
        &self,
        samples: &mut Samples,
        which: &[u32],
        entry: &Entry,
        step: u32,
        purpose: u32,
        actions: &[u32],
        mut done: impl FnMut(&Machine, usize, u32),
    ) {
        let (slot, stride) = (self.program.slots.error, samples.stride);
        let shares_dice = purpose == purpose::PROMPT;
        // The state of a sample that failed is still seen.
        let looks = std::ptr::eq(entry, &self.program.entries.see);
        self.with_machine(|machine| {
            for (b, block) in which.chunks(BLOCK).enumerate() {
                let mut who = [(0, 0); BLOCK];
                let mut failed = 0;
                for (l, i) in block.iter().enumerate() {
                    let key = samples.key(*i as usize);
                    who[l] = (key.group, if shares_dice { 0 } else { key.sample });
                    failed |= u32::from(samples.records[*i as usize * stride + slot] != 0.0) << l;
                }
                let keys = Keys { seed: samples.seed, update: samples.update, step, purpose, who: &who };
                let memory = Memory {
                    records: &mut *samples.records,
                    stride,
                    states: &mut *samples.states,
                    world: World::Made(&self.world),
                    samples: block,
                };
                let taken = actions.get(b * BLOCK..).unwrap_or_default();
                let called = if looks { u32::MAX } else { !failed };
                machine.call_for(&self.program, entry, memory, &mut Dice::drawn(keys), taken, step, called);
                let before = failed;
                let fails = |l: usize| machine.errors[l] != 0 && before >> l & 1 == 0;
                for (l, i) in block.iter().enumerate().filter(|(l, _)| fails(*l)) {
                    samples.records[*i as usize * stride + slot] = machine.errors[l] as f32;
                    failed |= 1 << l;
                }
                done(machine, block.len(), failed);
            }
        });
    }

    /// The words of the world, for a device.
    pub(super) fn words(&self) -> Vec<u32> {
        let mut words = self.world.clone();
        // A buffer of a device is never empty.
        words.resize(words.len().max(1), 0);
        words
    }

    pub(super) fn with_machine<T>(&self, f: impl FnOnce(&mut Machine) -> T) -> T {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut machine = idle.unwrap_or_else(|| Machine::new(&self.program));
        let result = f(&mut machine);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(machine);
        result
    }

    /// Calls an entry for one sample; its error goes into the record.
    fn one(&self, entry: &Entry, keys: Keys, state: &mut State, record: &mut [f32], action: u32, t: u32) -> u32 {
        let slot = self.program.slots.error;
        self.with_machine(|machine| {
            let memory = Memory::alone(std::slice::from_mut(state), record, World::Made(&self.world));
            machine.call(&self.program, entry, memory, &mut Dice::drawn(keys), &[action], t);
            if machine.errors[0] != 0 {
                record[slot] = machine.errors[0] as f32;
                return 0;
            }
            if entry.results.is_empty() { 0 } else { machine.result(&self.program, entry, 0)[0] }
        })
    }
}

/// Dice of a call that has none.
fn nobody() -> Keys<'static> {
    Keys { seed: 0, update: 0, step: 0, purpose: purpose::TASK, who: &[(0, 0)] }
}

impl StepTask for Program {
    fn observation(&self) -> Observation {
        let seen = &self.program.seen;
        let is_on = self.features_are_on() && seen.len() <= MAX_ACTIVE;
        Observation {
            features: if is_on { seen.iter().sum::<u32>() as usize } else { 0 },
            active: if is_on { seen.len() } else { 0 },
            states: self.rows(),
        }
    }

    fn numbers(&self) -> usize {
        if self.program.sees_numbers() { self.program.seen.len() } else { 0 }
    }

    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]) {
        self.blank(state, record);
        if let Some(start) = &self.program.entries.start {
            let keys =
                Keys { seed: key.seed, update: key.update, step: 0, purpose: purpose::PROMPT, who: &[(key.group, 0)] };
            self.one(start, keys, state, record, 0, 0);
        }
    }

    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]) {
        if self.program.sees_numbers() {
            return;
        }
        self.spread(&self.see(state), out);
    }

    /// Of numbers, which no table has rows for, a hash that tells states apart.
    fn state_index(&self, state: &State) -> u32 {
        let seen = self.see(state);
        match self.features_are_on() {
            true => self.row(&seen),
            false => seen.iter().fold(0x811c_9dc5, |hash: u32, word| (hash ^ word).wrapping_mul(0x0100_0193)),
        }
    }

    fn has_prior(&self) -> bool {
        self.program.entries.prior.is_some()
    }

    fn shown_states(&self) -> usize {
        self.shown()
    }

    /// The state at the start of an episode: what is shown is what the policy sees, of which the program knows no state.
    fn shown_state(&self, _i: usize) -> State {
        let (mut state, mut record) = ([0; MAX_STATE], vec![0.0; self.program.schema.stride]);
        self.begin(DrawKey { seed: 0, update: 0, group: 0, sample: 0 }, &mut state, &mut record);
        state
    }

    fn shown_row(&self, i: usize) -> u32 {
        let mut seen = self.first.clone();
        seen[0] = i as u32;
        self.row(&seen)
    }

    fn shown_features(&self, i: usize, out: &mut [u32; MAX_ACTIVE]) {
        let mut seen = self.first.clone();
        seen[0] = i as u32;
        self.spread(&seen, out);
    }

    fn prior(&self, state: &State, out: &mut [f32]) {
        let Some(prior) = &self.program.entries.prior else { return out.fill(0.0) };
        let mut state = *state;
        self.with_machine(|machine| {
            let memory = Memory::alone(std::slice::from_mut(&mut state), &mut [], World::Made(&self.world));
            machine.call(&self.program, prior, memory, &mut Dice::drawn(nobody()), &[], 0);
            for (i, out) in out.iter_mut().enumerate() {
                *out = if machine.errors[0] == 0 {
                    f32::from_bits(machine.result(&self.program, prior, i)[0])
                } else {
                    0.0
                };
            }
        });
    }

    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool {
        let p = &self.program;
        note_step(p, record, t, action);
        if record[p.slots.error] != 0.0 {
            return true;
        }
        self.remember(state);
        let who = [(key.group, key.sample)];
        let keys = Keys { seed: key.seed, update: key.update, step: t, purpose: purpose::TASK, who: &who };
        let over = self.one(&p.entries.step, keys, state, record, action, t);
        over != 0 || record[p.slots.error] != 0.0
    }

    fn is_markov(&self) -> bool {
        !self.program.step_remembers()
    }

    fn chances(&self, action: u32, state: &State) -> Option<Vec<(f64, State, bool)>> {
        let mut before = *state;
        self.remember(&mut before);
        self.with_machine(|machine| chances::of(&self.program, &self.world, machine, action, &before))
    }

    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32 {
        let p = &self.program;
        note_end(p, record, length, truncated);
        if record[p.slots.error] != 0.0 {
            return self.judged(key, 0, record);
        }
        let mut state = *state;
        let who = [(key.group, key.sample)];
        let keys = Keys { seed: key.seed, update: key.update, step: AT_THE_END, purpose: purpose::TASK, who: &who };
        let bits = self.one(&p.entries.score, keys, &mut state, record, 0, AT_THE_END);
        self.judged(key, bits, record)
    }

    fn can_go_on(&self) -> bool {
        !self.program.horizon_ends
    }

    fn begin_all(&self, samples: &mut Samples) {
        let p = &self.program;
        let n = samples.states.len() as u32;
        for (state, record) in samples.states.iter_mut().zip(samples.records.chunks_exact_mut(samples.stride)) {
            self.blank(state, record);
        }
        let Some(start) = &p.entries.start else { return };
        let all: Vec<u32> = (0..n).collect();
        self.block(samples, &all, start, 0, purpose::PROMPT, &[], |_, _, _| {});
    }

    fn see_all(&self, samples: &mut Samples, alive: &[u32], row: bool, width: usize, inputs: &mut Vec<u32>) {
        let p = &self.program;
        let see = &p.entries.see;
        let (past, first) = (p.past, inputs.len());
        self.block(samples, alive, see, 0, purpose::TASK, &[], |machine, n, _| {
            let from = inputs.len();
            inputs.resize(from + n * width, 0);
            let mut base = 0;
            let mut scale = 1;
            for part in 0..past.parts {
                let seen = machine.result(p, see, part);
                for l in 0..n {
                    let value = if machine.errors[l] == 0 { seen[l] } else { 0 };
                    match row {
                        _ if p.sees_numbers() => inputs[from + l * width + part] = value,
                        true => inputs[from + l] += value.wrapping_mul(scale),
                        false => inputs[from + l * width + part] = base + value,
                    }
                }
                (base, scale) = (base + p.seen[part], scale.wrapping_mul(p.seen[part]));
            }
        });
        if past.words == 0 {
            return;
        }
        for (seen, i) in inputs[first..].chunks_exact_mut(width).zip(alive) {
            let mut base: u32 = p.seen[..past.parts].iter().sum();
            let mut scale = p.seen[..past.parts].iter().fold(1, |scale: u32, n| scale.wrapping_mul(*n));
            let words = &samples.states[*i as usize][past.at..past.at + past.words];
            for ((part, word), n) in (past.parts..).zip(words).zip(&p.seen[past.parts..]) {
                match row {
                    true if !p.sees_numbers() => seen[0] += word.wrapping_mul(scale),
                    _ => seen[part] = base + word,
                }
                (base, scale) = (base + n, scale.wrapping_mul(*n));
            }
        }
    }

    fn step_all(&self, samples: &mut Samples, t: u32, alive: &[u32], actions: &[u32], over: &mut Vec<bool>) {
        let p = &self.program;
        for (i, action) in alive.iter().zip(actions) {
            let at = *i as usize * samples.stride;
            note_step(p, &mut samples.records[at..at + samples.stride], t, *action);
        }
        self.remember_all(samples, alive);
        let step = &p.entries.step;
        self.block(samples, alive, step, t, purpose::TASK, actions, |machine, n, failed| {
            let ends = (!step.results.is_empty()).then(|| machine.result(p, step, 0));
            over.extend((0..n).map(|l| failed >> l & 1 == 1 || ends.is_some_and(|ends| ends[l] != 0)));
        });
    }

    fn finish_all(&self, samples: &mut Samples, lengths: &[u32], truncated: &[u8], scores: &mut [f32]) {
        let p = &self.program;
        for (i, record) in samples.records.chunks_exact_mut(samples.stride).enumerate() {
            note_end(p, record, lengths[i], truncated[i] != 0);
        }
        let all: Vec<u32> = (0..samples.states.len() as u32).collect();
        let mut bits = Vec::with_capacity(all.len());
        let score = &p.entries.score;
        // `score` may change nothing but the record.
        self.block(samples, &all, score, AT_THE_END, purpose::TASK, &[], |machine, n, failed| {
            let result = machine.result(p, score, 0);
            bits.extend((0..n).map(|l| if failed >> l & 1 == 1 { 0 } else { result[l] }));
        });
        for (i, (score, bits)) in scores.iter_mut().zip(bits).enumerate() {
            let key = samples.key(i);
            *score = self.judged(key, bits, &mut samples.records[i * samples.stride..(i + 1) * samples.stride]);
        }
    }

    fn shader_words(&self) -> Vec<u32> {
        self.words()
    }
}

/// What every record knows of an episode that is over, before the program judges it.
pub(super) fn note_end(p: &TaskProgram, record: &mut [f32], length: u32, truncated: bool) {
    for (slot, value) in [(p.slots.length, length as f32), (p.slots.truncated, truth(truncated))] {
        if let Some(slot) = slot {
            record[slot] = value;
        }
    }
}

/// What every record knows of a step, before the program runs it.
fn note_step(p: &TaskProgram, record: &mut [f32], t: u32, action: u32) {
    if let Some(slot) = p.slots.length {
        record[slot] = (t + 1) as f32;
    }
    if let Some(slot) = p.slots.actions {
        record[slot] = (t + 1) as f32;
        record[slot + 1 + t as usize] = action as f32;
    }
}

/// What is wrong with a sample whose task program failed.
pub(super) fn failure(program: &TaskProgram, error: u32) -> String {
    format!("the task failed in line {}: {}", error & 0xffff, program.error_text(error))
}

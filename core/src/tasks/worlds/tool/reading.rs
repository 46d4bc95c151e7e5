//! Calls read token by token, as far as some programs can see them.

use super::call::{Expect, Grammar, Read};
use crate::reward::Reads;
use crate::tasks::{Reading, STATE_WORDS, State};

/// Bits of an argument: none, or its value from 1.
const BITS: usize = 4;

struct Calls<'a> {
    call: &'a Grammar,
    reads: &'a Reads,
}

pub fn reading<'a>(call: &'a Grammar, reads: &'a Reads) -> Option<Box<dyn Reading + 'a>> {
    (!reads.has("tokens")).then(|| Box::new(Calls { call, reads }) as Box<dyn Reading>)
}

impl Reading for Calls<'_> {
    /// Tools, keys and values can be renamed unless the prompt is read.
    fn name(&self, prompt: &[u32]) -> Vec<u32> {
        if self.reads.has("prompt") { prompt.to_vec() } else { Vec::new() }
    }

    fn read(&self, prompt: &[u32], token: u32, state: &mut State) {
        let mut r = self.unpack(state);
        self.call.take(prompt[0], token, &mut r);
        self.forget(prompt, &mut r);
        *state = self.pack(&r);
    }
}

impl Calls<'_> {
    /// Leaves out what can no longer be seen in a field that is read, nor in whether the call is exact.
    fn forget(&self, prompt: &[u32], r: &mut Read) {
        let (call, reads) = (self.call, self.reads);
        if !reads.has("format") {
            r.stage = 0;
        }
        if !reads.has("think") {
            r.think = 0;
        }
        if r.expect == Expect::Nothing {
            r.own = false;
            if !r.parsed {
                (r.names, r.found) = (0, false);
                r.arguments.fill(None);
            }
        }
        if r.expect != Expect::Value || !r.own {
            r.key = 0;
        }
        if !reads.has("names_predicted") {
            r.names = r.names.min(2);
        }
        // A wrong value is as good as another, and as none where keys are not counted.
        let counts = reads.has_any(&["keys_matched", "keys_predicted"]);
        let (first, arguments) = (prompt[0] as usize, prompt.len() - 1);
        let mut strays = 0;
        for (key, value) in r.arguments.iter_mut().enumerate() {
            let Some(said) = *value else { continue };
            match key.checked_sub(first).and_then(|i| prompt.get(1 + i)) {
                Some(gold) if said == *gold => {}
                Some(gold) => *value = counts.then(|| call.values + u32::from(*gold == call.values)),
                None => {
                    strays += 1;
                    *value = Some(call.values);
                }
            }
        }
        if strays > 0 && !reads.has("keys_predicted") {
            // One key too many or several: the call is not exact.
            let is_stray = |key: usize| key < first || key >= first + arguments;
            let mut stands_for_all = Some(call.values);
            for key in (0..call.n_keys as usize).filter(|key| is_stray(*key)) {
                r.arguments[key] = stands_for_all.take();
            }
        }
    }

    fn pack(&self, r: &Read) -> State {
        let argument = |(i, value): (usize, &Option<u32>)| value.map_or(0, |v| v - self.call.values + 1) << (BITS * i);
        let mut state = [0; STATE_WORDS];
        state[0] = r.stage;
        state[1] = r.expect as u32;
        state[2] = u32::from(r.own) | u32::from(r.found) << 1 | u32::from(r.parsed) << 2;
        state[3] = r.key as u32;
        state[4] = r.names;
        state[5] = r.think;
        state[6] = r.arguments.iter().enumerate().map(argument).sum();
        state
    }

    fn unpack(&self, state: &State) -> Read {
        let all = [Expect::Call, Expect::Name, Expect::KeyOrEnd, Expect::Value, Expect::Nothing];
        let flag = |bit: u32| state[2] >> bit & 1 == 1;
        let argument = |i: usize| match state[6] >> (BITS * i) & 15 {
            0 => None,
            v => Some(self.call.values + v - 1),
        };
        Read {
            stage: state[0],
            expect: all[state[1] as usize],
            own: flag(0),
            found: flag(1),
            parsed: flag(2),
            key: state[3] as usize,
            names: state[4],
            think: state[5],
            arguments: std::array::from_fn(argument),
        }
    }
}

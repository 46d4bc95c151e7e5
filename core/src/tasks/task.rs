//! What a task is: an episode played step by step, or tokens written and then judged.

use crate::math::rng::{draw, purpose};
use crate::params::{Overrides, ParamError, ParamSpec};
use crate::reward::Reads;
use crate::reward::schema::EpisodeSchema;
use crate::reward::task::{DrawingKind, TaskProgram};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Most active features of an observation.
pub const MAX_ACTIVE: usize = 8;
/// Most numbers of an observation.
pub const MAX_NUMBERS: usize = 64;
/// Words of a step task's state.
pub const STATE_WORDS: usize = 64;

/// The state of one sample of a step task, in plain words so that its shader twin can hold the same.
pub type State = [u32; STATE_WORDS];

/// Where the draws of a sample come from (see `math::rng`).
#[derive(Clone, Copy, Debug)]
pub struct DrawKey {
    pub seed: u32,
    pub update: u32,
    pub group: u32,
    pub sample: u32,
}

impl DrawKey {
    /// The key of the i-th sample of a lane whose groups have `group` samples.
    pub fn of(seed: u32, update: u32, group: usize, i: usize) -> Self {
        Self { seed, update, group: (i / group) as u32, sample: (i % group) as u32 }
    }

    /// Four words that all samples of the group share, for its prompt or start state; `step` tells draws apart.
    pub fn shared(self, step: u32) -> [u32; 4] {
        draw(self.seed, self.update, self.group, 0, step, purpose::PROMPT)
    }

    /// Four words of this sample alone.
    pub fn own(self, step: u32, purpose: u32) -> [u32; 4] {
        draw(self.seed, self.update, self.group, self.sample, step, purpose)
    }
}

/// The samples of a lane while they are played: their keys, states and records.
pub struct Samples<'a> {
    pub seed: u32,
    pub update: u32,
    /// Samples of a group.
    pub group: usize,
    /// [n]
    pub states: &'a mut [State],
    /// [n][stride]
    pub records: &'a mut [f32],
    pub stride: usize,
}

impl Samples<'_> {
    pub fn key(&self, i: usize) -> DrawKey {
        DrawKey::of(self.seed, self.update, self.group, i)
    }

    /// State and record of a sample.
    fn of(&mut self, i: usize) -> (&mut State, &mut [f32]) {
        (&mut self.states[i], &mut self.records[i * self.stride..(i + 1) * self.stride])
    }
}

/// What a policy sees of a step task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// Number of binary features; an observation is the set of those that are on.
    pub features: usize,
    /// How many are on at once, always (at most MAX_ACTIVE).
    pub active: usize,
    /// Number of distinct states, for the softmax table.
    pub states: usize,
}

/// A task in which a policy picks one of `n_actions` at every step.
pub trait StepTask: Send + Sync {
    fn observation(&self) -> Observation;
    /// How many numbers a policy sees in place of features, at most MAX_NUMBERS; 0 where it sees features.
    fn numbers(&self) -> usize {
        0
    }
    /// Sets the start state and clears the record (`schema.stride` numbers). All samples of a group start alike: only
    /// `key.seed`, `update` and `group` may enter the start state.
    fn begin(&self, key: DrawKey, state: &mut State, record: &mut [f32]);
    /// The features that are on in a state: `out[..observation().active]`.
    fn features(&self, state: &State, out: &mut [u32; MAX_ACTIVE]);
    /// The table's row for a state, in 0..observation().states.
    fn state_index(&self, state: &State) -> u32;
    /// The number by which the exploration memory counts a state: what is another state to it has another one, the context
    /// too. The table's row unless a task says otherwise.
    fn key(&self, state: &State) -> u32 {
        self.state_index(state)
    }
    /// Whether `prior` is anything but zeros.
    fn has_prior(&self) -> bool {
        false
    }
    /// How many states a view shows the policy's probabilities of: one a cell of a map, one a context.
    fn shown_states(&self) -> usize;
    /// The i-th of them.
    fn shown_state(&self, i: usize) -> State;
    /// The table's row of the i-th of them.
    fn shown_row(&self, i: usize) -> u32 {
        self.state_index(&self.shown_state(i))
    }
    /// The features that are on in the i-th of them: `out[..observation().active]`.
    fn shown_features(&self, i: usize, out: &mut [u32; MAX_ACTIVE]) {
        self.features(&self.shown_state(i), out);
    }
    /// What the base policy adds to its logits in a state: `out[..n_actions]`, in nats. None by default.
    fn prior(&self, _state: &State, out: &mut [f32]) {
        out.fill(0.0);
    }
    /// One step; `t` counts from 0. Writes what happened into the record. True when the episode is over.
    fn step(&self, key: DrawKey, t: u32, action: u32, state: &mut State, record: &mut [f32]) -> bool;
    /// Whether the state decides alone what a step does. Not so where it looks at the record, or at how many there were.
    fn is_markov(&self) -> bool {
        true
    }
    /// What the dice of a step decide: (probability, state after it, whether the episode is over). None: they decide
    /// nothing about the state.
    fn chances(&self, _action: u32, _state: &State) -> Option<Vec<(f64, State, bool)>> {
        None
    }
    /// The part of a state that decides what can happen next, and the true score: without counters that only records tell
    /// of.
    fn essence(&self, state: &State) -> State {
        *state
    }
    /// Completes the record after `length` steps and gives the true score. `truncated`: the horizon ended it.
    fn finish(&self, key: DrawKey, state: &State, length: u32, truncated: bool, record: &mut [f32]) -> f32;
    /// Whether an episode that the horizon ends could have gone on, so that the horizon is a limit of the training
    /// (Gymnasium's truncated) and not of what is to be done (terminated).
    fn can_go_on(&self) -> bool {
        true
    }
    /// Parameters and tables for the shader twin, as words (f32 by bits), read as `task_word(i)` there.
    fn shader_words(&self) -> Vec<u32>;

    // The same for many samples at once: what a task can do faster together it does here.

    /// `begin` for all samples.
    fn begin_all(&self, samples: &mut Samples) {
        for i in 0..samples.states.len() {
            let key = samples.key(i);
            let (state, record) = samples.of(i);
            self.begin(key, state, record);
        }
    }

    /// What a policy is fed with about the samples `alive`, appended to `inputs`: the table's row, or `width` features, or the
    /// bits of `width` numbers.
    fn see_all(&self, samples: &mut Samples, alive: &[u32], row: bool, width: usize, inputs: &mut Vec<u32>) {
        for i in alive {
            let state = &samples.states[*i as usize];
            if row {
                inputs.push(self.state_index(state));
            } else {
                let mut features = [0; MAX_ACTIVE];
                self.features(state, &mut features);
                inputs.extend_from_slice(&features[..width]);
            }
        }
    }

    /// `step` for the samples `alive`, with one action each; appends to `over` whether each episode is over.
    fn step_all(&self, samples: &mut Samples, t: u32, alive: &[u32], actions: &[u32], over: &mut Vec<bool>) {
        for (i, action) in alive.iter().zip(actions) {
            let key = samples.key(*i as usize);
            let (state, record) = samples.of(*i as usize);
            over.push(self.step(key, t, *action, state, record));
        }
    }

    /// `finish` for all samples, with lengths and whether each was truncated; the true scores into `scores`.
    fn finish_all(&self, samples: &mut Samples, lengths: &[u32], truncated: &[u8], scores: &mut [f32]) {
        for (i, score) in scores.iter_mut().enumerate() {
            let key = samples.key(i);
            let (state, record) = samples.of(i);
            *score = self.finish(key, state, lengths[i], truncated[i] != 0, record);
        }
    }
}

/// The completions of a lane, to be judged.
pub struct Written<'a> {
    pub seed: u32,
    pub update: u32,
    /// Samples of a group.
    pub group: usize,
    pub prompt_len: usize,
    /// [groups][prompt_len]
    pub prompts: &'a [u32],
    pub horizon: usize,
    /// [n][horizon]
    pub tokens: &'a [u32],
    /// [n]
    pub lengths: &'a [u32],
    /// [n], whether the end token is missing.
    pub truncated: &'a [u8],
    /// [n][stride]
    pub records: &'a mut [f32],
    pub stride: usize,
    /// True scores, [n].
    pub scores: &'a mut [f32],
}

impl<'a> Written<'a> {
    pub fn key(&self, i: usize) -> DrawKey {
        DrawKey::of(self.seed, self.update, self.group, i)
    }

    pub fn prompt(&self, i: usize) -> &'a [u32] {
        &self.prompts[i / self.group * self.prompt_len..][..self.prompt_len]
    }

    /// The tokens of a sample, the end token included where it was written.
    pub fn completion(&self, i: usize) -> &'a [u32] {
        &self.tokens[i * self.horizon..][..self.lengths[i] as usize]
    }
}

/// A task in which a policy writes tokens after a prompt.
pub trait TokenTask: Send + Sync {
    fn vocabulary(&self) -> usize;
    /// Prompt tokens; every prompt has the same number.
    fn prompt_len(&self) -> usize;
    /// The token that ends a completion.
    fn end_token(&self) -> u32;
    /// The prompt of a group; `key.sample` does not enter.
    fn prompt(&self, key: DrawKey, out: &mut [u32]);
    /// Fills the record of a completion (its tokens, the end token included where it was written) and gives the true
    /// score.
    fn finish(&self, key: DrawKey, prompt: &[u32], tokens: &[u32], truncated: bool, record: &mut [f32]) -> f32;
    /// `finish` for all samples.
    fn finish_all(&self, written: &mut Written) {
        for i in 0..written.lengths.len() {
            let (key, prompt, tokens) = (written.key(i), written.prompt(i), written.completion(i));
            let record = &mut written.records[i * written.stride..(i + 1) * written.stride];
            written.scores[i] = self.finish(key, prompt, tokens, written.truncated[i] != 0, record);
        }
    }
    /// Whether there are demonstrations to start from.
    fn has_demonstrations(&self) -> bool {
        true
    }
    /// A demonstration for the warm start: completion tokens into `out`, their number returned.
    fn demonstration(&self, key: DrawKey, prompt: &[u32], out: &mut [u32]) -> usize;
    /// How often the verifier is wrong, [false positives, false negatives]: the only noise in a record, and all of it in
    /// the field `correct`, which says the true score (0 or 1) otherwise.
    fn verifier(&self) -> [f32; 2];
    /// How completions are read token by token, where that tells all that programs of such `reads` can see of them. None:
    /// only the tokens themselves do.
    fn reading<'a>(&'a self, reads: &'a Reads) -> Option<Box<dyn Reading + 'a>>;
    /// Parameters and tables for the shader twin, as words (f32 by bits), read as `task_word(i)` there.
    fn shader_words(&self) -> Vec<u32>;
}

/// A completion read token by token, as far as some programs can see it. Completions of one prompt that come to the same
/// state after as many tokens have the same true score and differ in no field that is read, and so they do after whatever
/// both go on with. A reading starts from zeros.
pub trait Reading {
    /// What a prompt is known by: the completions of two prompts with the same name come to the same.
    fn name(&self, prompt: &[u32]) -> Vec<u32>;
    /// Reads one more token.
    fn read(&self, prompt: &[u32], token: u32, state: &mut State);
}

/// How a task is played.
pub enum Play {
    Steps(Box<dyn StepTask>),
    Tokens(Box<dyn TokenTask>),
}

/// What a page draws of a task, the hidden side included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskView {
    /// Tables of [contexts x arms]; a state of the table policy is a context.
    Arms {
        contexts: usize,
        arms: usize,
        /// True payoff: the best ordinary arm of a context 1, their mean 0.
        payoff: Vec<f32>,
        /// What the reward model says, free of reading noise.
        proxy: Vec<f32>,
        /// Which arms exploit the reward model.
        hack: Vec<bool>,
    },
    /// A map, row by row from the top; shown state `i` is its cell `i` as an episode starts (gridworld: without the key,
    /// every coin there). It is row `first_state + i` of the table, but in the drive, whose table knows no places.
    Grid { rows: usize, cols: usize, cells: Vec<char>, first_state: usize },
    /// Episodes of a task program that are played: which lists of the record are drawn and how, a line that does not move,
    /// and the shown states as of `Choices`.
    Played { drawing: DrawingKind, fields: Vec<String>, line: Vec<[f32; 2]>, states: Vec<String> },
    /// Decisions: the name of each shown state; actions are named by the task.
    Choices { states: Vec<String> },
    /// Token sequences: the tokens' names are the schema's.
    Tokens { prompt_len: usize, end_token: u32 },
}

/// A task with its parameters filled in.
pub struct Task {
    pub kind: &'static str,
    pub n_actions: usize,
    /// Most steps or tokens of a sample.
    pub horizon: usize,
    /// What reward programs can see.
    pub schema: EpisodeSchema,
    /// Names of the actions, for views (tokens: the schema's token names).
    pub action_names: Vec<String>,
    pub play: Play,
    /// What a page draws; nothing that a reward program can read.
    pub view: TaskView,
    /// The shader twin.
    pub twin: Twin,
}

/// WGSL text that defines the functions named in `shaders/tasks/README.md`.
pub enum Twin {
    Written(&'static str),
    /// Printed from the program, when it is asked for.
    Printed(Arc<TaskProgram>),
}

impl Twin {
    pub fn wgsl(&self) -> &str {
        match self {
            Twin::Written(text) => text,
            Twin::Printed(program) => program.wgsl(),
        }
    }
}

/// What a kind of task is called and takes.
pub struct TaskKind {
    pub name: &'static str,
    pub help: &'static str,
    pub table: Table,
    pub build: fn(&Overrides) -> Result<Task, Vec<ParamError>>,
    /// The text of a task that is a program.
    pub source: Option<&'static str>,
}

/// The parameters of a kind of task.
#[derive(Clone, Copy)]
pub enum Table {
    Fixed(&'static [ParamSpec]),
    /// What a program declares; of a program of one's own, which is a parameter itself, it depends on the values.
    Declared(fn(&Overrides) -> Vec<ParamSpec>),
}

impl TaskKind {
    /// The parameters, for these values of them.
    pub fn table(&self, values: &Overrides) -> Cow<'static, [ParamSpec]> {
        match self.table {
            Table::Fixed(table) => table.into(),
            Table::Declared(table) => table(values).into(),
        }
    }
}

/// The error of one parameter.
pub fn refuse(name: &str, message: impl Into<String>) -> ParamError {
    ParamError { name: name.into(), message: message.into() }
}

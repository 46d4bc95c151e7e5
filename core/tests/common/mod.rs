//! What several test files use.
#![allow(dead_code, reason = "each test file uses its part")]

use goodhart_core::params::{Overrides, ParamValue, Value};
use goodhart_core::reward::schema::Field;
use goodhart_core::tasks::{DrawKey, Play, STATE_WORDS, State, StepTask, Task, TokenTask, build};

/// Overrides from pairs.
pub fn overrides<const N: usize>(pairs: [(&str, Value); N]) -> Overrides {
    pairs.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

pub fn number(x: f64) -> Value {
    Value::Number(x)
}

pub fn text(s: &str) -> Value {
    s.to_string().to_value()
}

/// A task that must build.
pub fn task<const N: usize>(kind: &str, pairs: [(&str, Value); N]) -> Task {
    build(kind, &overrides(pairs)).unwrap_or_else(|errors| panic!("{kind}: {errors:?}"))
}

pub fn steps(task: &Task) -> &dyn StepTask {
    match &task.play {
        Play::Steps(t) => t.as_ref(),
        Play::Tokens(_) => panic!("{} is no step task", task.kind),
    }
}

pub fn tokens(task: &Task) -> &dyn TokenTask {
    match &task.play {
        Play::Tokens(t) => t.as_ref(),
        Play::Steps(_) => panic!("{} is no token task", task.kind),
    }
}

/// An episode of a step task and what happened on its way.
pub struct Episode {
    pub record: Vec<f32>,
    pub score: f32,
    pub length: u32,
    /// Before each step: the state's index, its features, the prior of the action that was taken.
    pub seen: Vec<(u32, Vec<u32>, f32)>,
}

/// Plays a step task with the actions that `act` picks from (t, state).
pub fn play(task: &Task, key: DrawKey, mut act: impl FnMut(u32, &State) -> u32) -> Episode {
    let t = steps(task);
    let active = t.observation().active;
    let mut record = vec![f32::NAN; task.schema.stride];
    let mut state = [0; STATE_WORDS];
    let mut seen = Vec::new();
    t.begin(key, &mut state, &mut record);
    let (mut length, mut over) = (0, false);
    while !over && (length as usize) < task.horizon {
        let mut features = [0; 8];
        t.features(&state, &mut features);
        let mut prior = vec![f32::NAN; task.n_actions];
        t.prior(&state, &mut prior);
        let action = act(length, &state);
        seen.push((t.state_index(&state), features[..active].to_vec(), prior[action as usize]));
        over = t.step(key, length, action, &mut state, &mut record);
        length += 1;
    }
    let score = t.finish(key, &state, length, !over, &mut record);
    Episode { record, score, length, seen }
}

/// A scalar field of a record.
pub fn scalar(task: &Task, record: &[f32], name: &str) -> f32 {
    record[field(task, name).offset]
}

/// A list field of a record.
pub fn list<'a>(task: &Task, record: &'a [f32], name: &str) -> &'a [f32] {
    let f = field(task, name);
    let n = record[f.offset] as usize;
    assert!(n <= f.cap, "{name} holds {n} values, more than {}", f.cap);
    &record[f.offset + 1..=f.offset + n]
}

fn field<'a>(task: &'a Task, name: &str) -> &'a Field {
    task.schema.get(name).unwrap_or_else(|| panic!("no field {name}"))
}

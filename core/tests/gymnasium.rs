//! The task programs named after Gymnasium's environments against Gymnasium itself: the same transitions.
//!
//! `golden/gymnasium.json` is what `golden/make_gymnasium.py` wrote with Gymnasium installed.

use goodhart_core::params::{Overrides, Value};
use goodhart_core::tasks::{DrawKey, Play, STATE_WORDS, State, StepTask, Task, build};
use serde_json::Value as Json;
use std::collections::BTreeMap;

fn golden() -> Json {
    serde_json::from_str(include_str!("golden/gymnasium.json")).expect("the file is JSON")
}

fn task(kind: &str, values: &[(&str, Value)]) -> Task {
    let values: Overrides = values.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    build(kind, &values).unwrap_or_else(|errors| panic!("{kind}: {errors:?}"))
}

fn steps(task: &Task) -> &dyn StepTask {
    match &task.play {
        Play::Steps(steps) => steps.as_ref(),
        Play::Tokens(_) => panic!("a task of steps"),
    }
}

/// A state whose first words are these; the programs declare their fields in Gymnasium's order.
fn state(words: impl Iterator<Item = u32>) -> State {
    let mut state = [0; STATE_WORDS];
    state.iter_mut().zip(words).for_each(|(to, word)| *to = word);
    state
}

const KEY: DrawKey = DrawKey { seed: 1, update: 2, group: 3, sample: 4 };

/// One step from a given state.
fn step(task: &Task, from: &State, action: u32) -> (State, bool) {
    let (mut after, mut begun) = (*from, [0; STATE_WORDS]);
    let mut record = vec![0.0; task.schema.stride];
    steps(task).begin(KEY, &mut begun, &mut record);
    let over = steps(task).step(KEY, 0, action, &mut after, &mut record);
    assert_eq!(record[task.schema.fault_slot.expect("a program")], 0.0, "the program failed");
    (after, over)
}

fn numbers(value: &Json) -> Vec<f32> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number") as f32).collect()
}

/// Transitions of floats, within 1e-5 of each number's size, and the same ends where no state lies at a limit.
fn moves_alike(kind: &str) {
    let (golden, task) = (golden(), task(kind, &[]));
    let rows = golden[kind].as_array().expect("rows");
    let mut ends = 0;
    for row in rows {
        let (before, after) = (numbers(&row[0]), numbers(&row[2]));
        let (state, over) = step(&task, &state(before.iter().map(|x| x.to_bits())), row[1].as_u64().unwrap() as u32);
        for (i, wanted) in after.iter().enumerate() {
            let got = f32::from_bits(state[i]);
            // Angles are the same a whole turn on.
            let turn = if kind == "acrobot" && i < 2 { std::f32::consts::TAU } else { 0.0 };
            let far = (got - wanted).abs().min((got - wanted + turn).abs()).min((got - wanted - turn).abs());
            assert!(far <= 1e-5 * wanted.abs().max(1.0), "{kind} {before:?}: number {i} is {got}, not {wanted}");
        }
        assert_eq!(over, row[3].as_bool().unwrap(), "{kind} {before:?}: over");
        ends += u32::from(over);
    }
    assert!(rows.len() > 300, "{} transitions", rows.len());
    assert!(ends > 0, "no episode of {kind} ended");
}

#[test]
fn the_cartpole_moves_as_gymnasiums() {
    moves_alike("cartpole");
}

#[test]
fn the_mountain_car_moves_as_gymnasiums() {
    moves_alike("mountain_car");
}

#[test]
fn the_acrobot_moves_as_gymnasiums() {
    moves_alike("acrobot");
}

/// All outcomes of every state and action, with their probabilities. `words` are the state's, by its number; `number` takes
/// them back.
fn falls_alike(kind: &str, rows: &Json, task: &Task, words: &dyn Fn(u32) -> Vec<u32>, number: &dyn Fn(&State) -> u32) {
    let rows = rows.as_array().expect("rows");
    let mut compared = 0;
    for row in rows {
        let (from, action) = (row[0].as_u64().unwrap() as u32, row[1].as_u64().unwrap() as u32);
        let mut wanted: BTreeMap<(u32, bool), f64> = BTreeMap::new();
        for outcome in row[2].as_array().unwrap() {
            let key = (outcome[1].as_u64().unwrap() as u32, outcome[2].as_bool().unwrap());
            *wanted.entry(key).or_default() += outcome[0].as_f64().unwrap();
        }
        // Behind the end Gymnasium stays where it is; an episode is over there.
        if wanted.len() == 1 && wanted.keys().all(|(to, over)| *to == from && *over) {
            continue;
        }
        let own = state(words(from).into_iter());
        let outcomes = steps(task).chances(action, &own).expect("the dice of these tasks have faces");
        let mut got: BTreeMap<(u32, bool), f64> = BTreeMap::new();
        for (p, after, over) in outcomes {
            *got.entry((number(&after), over)).or_default() += p;
        }
        assert_eq!(got.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{kind} {from} {action}");
        assert!(got.values().zip(wanted.values()).all(|(a, b)| (a - b).abs() < 1e-9), "{kind} {from} {action}");
        compared += 1;
    }
    assert!(compared > rows.len() / 2, "{compared} of {}", rows.len());
}

#[test]
fn the_frozen_lake_and_the_cliff_fall_as_gymnasiums() {
    let golden = golden();
    let one = |cell: u32| vec![cell];
    let cell = |state: &State| state[0];
    falls_alike("frozen_lake", &golden["frozen_lake"], &task("frozen_lake", &[]), &one, &cell);
    let dry = task("frozen_lake", &[("slippery", Value::Bool(false))]);
    falls_alike("frozen_lake", &golden["frozen_lake_dry"], &dry, &one, &cell);
    // Gymnasium numbers the cliff's cells too, on which nobody ever stands.
    let rows: Vec<Json> = golden["cliff_walking"].as_array().unwrap().clone();
    let walked = rows.into_iter().filter(|row| !(37..=47).contains(&row[0].as_u64().unwrap())).collect();
    falls_alike("cliff_walking", &Json::Array(walked), &task("cliff_walking", &[]), &one, &cell);
}

#[test]
fn the_taxi_drives_as_gymnasiums() {
    // ((row * 5 + col) * 5 + passenger) * 4 + destination
    let words = |n: u32| vec![n / 100, n / 20 % 5, n / 4 % 5, n % 4];
    let number = |s: &State| ((s[0] * 5 + s[1]) * 5 + s[2]) * 4 + s[3];
    let golden = golden();
    // Where a passenger stands who is where they want to go, the episode is over.
    let rows: Vec<Json> = golden["taxi"].as_array().unwrap().clone();
    let open = rows.into_iter().filter(|row| {
        let n = row[0].as_u64().unwrap();
        n / 4 % 5 != n % 4
    });
    falls_alike("taxi", &Json::Array(open.collect()), &task("taxi", &[]), &words, &number);
}

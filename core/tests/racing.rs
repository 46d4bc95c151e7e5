//! Programs that are written for public racers, `def reward_function(params)`: on the race line they run unchanged, are
//! asked after every step, and give what they give in CPython.

mod cpython;

use goodhart_core::params::{Overrides, Value as Setting};
use goodhart_core::reward::{EpisodeSchema, RunSchema, Scores, Scratch, Ty, compile};
use goodhart_core::tasks::{self, DrawKey, Play, STATE_WORDS, Task};
use serde_json::{Map, Value, json};

const EPISODES: usize = 24;

fn task(kind: &str, values: &[(&str, f64)]) -> Task {
    let values: Overrides = values.iter().map(|(name, value)| (name.to_string(), Setting::Number(*value))).collect();
    tasks::build(kind, &values).expect("the task builds")
}

/// The record of an episode: what the car steers is drawn anew every few steps.
fn played(task: &Task, episode: u32) -> Vec<f32> {
    let Play::Steps(steps) = &task.play else { panic!("a task of steps") };
    let (mut state, mut record) = ([0; STATE_WORDS], vec![0.0; task.schema.stride]);
    let key = DrawKey { seed: 5, update: 1, group: episode, sample: episode };
    steps.begin(key, &mut state, &mut record);
    let (mut over, mut length) = (false, 0);
    while !over && length < task.horizon as u32 {
        // Mostly straight on at half speed, so that an episode has some steps.
        let action = if (length / 2 + episode).is_multiple_of(3) { (length * 7 + episode * 5) % 15 } else { 7 };
        let action = action % task.n_actions as u32;
        over = steps.step(key, length, action, &mut state, &mut record);
        length += 1;
    }
    steps.finish(key, &state, length, !over, &mut record);
    record
}

/// What the documentation says that `params` holds after a step, read from the record without the compiler.
fn params(schema: &EpisodeSchema, record: &[f32], step: usize) -> Value {
    let length = record[schema.length_slot().unwrap()] as usize;
    let number = |ty: Ty, x: f32| match ty {
        Ty::Bool => json!(x != 0.0),
        Ty::Int => json!(x as i64),
        _ => json!(x),
    };
    let mut params = Map::new();
    for field in &schema.fields {
        let words = &record[field.offset..field.offset + field.size()];
        let element = field.ty.element();
        let value = if field.ty.is_list() {
            let elements: Vec<Value> = words[1..]
                .chunks(field.width)
                .take(words[0] as usize)
                .map(|together| match together {
                    [one] => number(element, *one),
                    several => several.iter().map(|x| number(element, *x)).collect(),
                })
                .collect();
            match field.per_step {
                true => elements[elements.len() - length + step].clone(),
                false => Value::Array(elements),
            }
        } else {
            number(element, words[0])
        };
        params.insert(field.name.clone(), value);
    }
    Value::Object(params)
}

fn close(ours: f32, expected: &Value) -> bool {
    let expected = expected.as_f64().unwrap_or(f64::NAN);
    (f64::from(ours) - expected).abs() <= 1e-5 + 1e-4 * expected.abs()
}

#[test]
fn public_racing_rewards_mean_what_they_mean_in_python() {
    let tracks: Vec<Task> = (0..3)
        .map(|track| task("race_line", &[("track", f64::from(track)), ("boxes", f64::from(2 * track))]))
        .collect();
    let programs: Vec<(&str, &str)> =
        include_str!("racing.txt").split("==== ").skip(1).map(|text| text.split_once('\n').unwrap()).collect();
    assert_eq!(programs.len(), 6);
    let episodes: Vec<Vec<Vec<f32>>> =
        tracks.iter().map(|task| (0..EPISODES as u32).map(|i| played(task, i)).collect()).collect();
    let mut cases = Vec::new();
    for (_, source) in &programs {
        for (task, records) in tracks.iter().zip(&episodes) {
            let steps: Vec<Value> = records
                .iter()
                .flat_map(|record| {
                    let length = record[task.schema.length_slot().unwrap()] as usize;
                    (0..length).map(|step| params(&task.schema, record, step))
                })
                .collect();
            cases.push(json!({"program": source, "steps": steps}));
        }
    }
    let mut answers = cpython::answers("racing_shim.py", cases).into_iter();
    for (name, source) in &programs {
        let mut seen: Vec<u32> = Vec::new();
        for (task, records) in tracks.iter().zip(&episodes) {
            let compiled = compile(source, &task.schema, &RunSchema::default());
            let program = compiled.program.unwrap_or_else(|| panic!("{name}: {:#?}", compiled.diagnostics));
            assert!(compiled.diagnostics.is_empty(), "{name}: {:#?}", compiled.diagnostics);
            let infos: Vec<(&str, bool)> = program.components.iter().map(|c| (c.name.as_str(), c.is_step)).collect();
            assert_eq!(infos, [("reward_function", true)], "{name}");
            let mut out = Scores::default();
            program.score(&records.concat(), EPISODES, 1, &[], &mut out, &mut Scratch::default());
            let answer = answers.next().unwrap();
            let mut expected = answer.as_array().unwrap().iter();
            for (i, record) in records.iter().enumerate() {
                let length = record[task.schema.length_slot().unwrap()] as usize;
                assert_eq!(out.errors[i], 0, "{name}: {}", program.error_text(out.errors[i]));
                for step in 0..length {
                    let (ours, python) = (out.steps[i * task.horizon + step], expected.next().unwrap());
                    assert!(close(ours, python), "{name}, episode {i}, step {step}: {python} in Python, {ours} here");
                    seen.push(ours.to_bits());
                }
            }
            assert!(expected.next().is_none());
        }
        let steps = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert!(steps > 500 && seen.len() > 1, "{name}: {} values over {steps} steps", seen.len());
    }
}

/// A list that begins before the first step has one element more: `params` means what a step has left.
#[test]
fn params_are_what_a_step_has_left() {
    let task = task("mountain_car", &[("horizon", 20.0)]);
    let source = "def reward_function(params):\n    return params['places']\n\ndef same(ep, t):\n    return ep.places[t + 1]\n\nweights = {\"same\": -1.0}\n";
    let program = compile(source, &task.schema, &RunSchema::default()).program.expect("it compiles");
    let records: Vec<f32> = (0..4).flat_map(|i| played(&task, i)).collect();
    let mut out = Scores::default();
    program.score(&records, 4, 1, &[], &mut out, &mut Scratch::default());
    assert_eq!((&out.reward[..], &out.errors[..]), (&[0.0; 4][..], &[0; 4][..]));
    assert!(out.components.iter().all(|places| *places != 0.0 && places.is_finite()));
}

/// What is not asked after a step keeps its meaning, and what is wrong is said as of every component.
#[test]
fn only_functions_of_params_are_asked_after_a_step() {
    let task = task("race_line", &[]);
    let compiled = |source: &str| compile(source, &task.schema, &RunSchema::default());
    let components = |source: &str| -> Vec<(String, bool)> {
        let program = compiled(source).program.expect("it compiles");
        program.components.into_iter().map(|c| (c.name, c.is_step)).collect()
    };
    assert_eq!(components("def slow(ep):\n    return -ep['length']\n"), [("slow".to_string(), false)]);
    assert_eq!(components("def fast(params):\n    return params['speed']\n"), [("fast".to_string(), true)]);
    assert_eq!(components("def reward_function(p):\n    return p['speed']\n"), [("reward_function".to_string(), true)]);
    let two = "def a(params):\n    return params['speed']\ndef b(params):\n    return params['progress']\n";
    assert_eq!(components(two), [("a".to_string(), true), ("b".to_string(), true)]);
    let said = compiled("def reward_function(params):\n    return params['sped']\n").diagnostics;
    assert!(said[0].message.contains("no field `sped`") && format!("{said:?}").contains("speed"), "{said:?}");
    let said = compiled("def reward_function(params):\n    return len(params)\n").diagnostics;
    assert!(said[0].message.contains("a step has no length"), "{said:?}");
}

//! Task programs against the native tasks that they say again: the same dice, records, features and true scores.

use goodhart_core::math::rng::below;
use goodhart_core::oracle::model::Model;
use goodhart_core::params::{Overrides, Value};
use goodhart_core::tasks::{self, DrawKey, MAX_ACTIVE, Play, STATE_WORDS, StepTask, Task};

fn steps(task: &Task) -> &dyn StepTask {
    match &task.play {
        Play::Steps(task) => task.as_ref(),
        Play::Tokens(_) => panic!("a task of steps"),
    }
}

fn overrides(pairs: &[(&str, f64)]) -> Overrides {
    pairs.iter().map(|(name, value)| (name.to_string(), Value::Number(*value))).collect()
}

fn build(kind: &str, code: Option<&str>, values: &Overrides) -> Task {
    let mut values = values.clone();
    values.extend(code.map(|code| ("code".to_string(), Value::Text(code.to_string()))));
    tasks::build(kind, &values).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

/// Plays episodes of random actions on both and compares everything that anybody can see of them.
fn alike(native: &Task, program: &Task) {
    let (a, b) = (steps(native), steps(program));
    assert_eq!((native.n_actions, native.horizon), (program.n_actions, program.horizon));
    assert_eq!(a.observation(), b.observation());
    let (mut lengths, mut ends) = (0, 0);
    for episode in 0..200u32 {
        let key = DrawKey { seed: 3, update: episode, group: episode % 5, sample: episode % 7 };
        let mut states = [[0; STATE_WORDS]; 2];
        let mut records = [vec![0.0; native.schema.stride], vec![0.0; program.schema.stride]];
        a.begin(key, &mut states[0], &mut records[0]);
        b.begin(key, &mut states[1], &mut records[1]);
        let (mut length, mut over) = (0, false);
        while length < native.horizon as u32 && !over {
            let mut features = [[0; MAX_ACTIVE]; 2];
            a.features(&states[0], &mut features[0]);
            b.features(&states[1], &mut features[1]);
            let active = a.observation().active;
            assert_eq!(features[0][..active], features[1][..active]);
            assert_eq!(a.state_index(&states[0]), b.state_index(&states[1]));
            // Mostly one way, so that some episodes end.
            let word = key.own(length, 77)[0];
            let action = if word % 4 < 2 {
                [1, 3][episode as usize % 2] % native.n_actions as u32
            } else {
                below(key.own(length, 78)[0], native.n_actions as u32)
            };
            over = a.step(key, length, action, &mut states[0], &mut records[0]);
            assert_eq!(over, b.step(key, length, action, &mut states[1], &mut records[1]));
            length += 1;
        }
        let scores = [
            a.finish(key, &states[0], length, !over, &mut records[0]),
            b.finish(key, &states[1], length, !over, &mut records[1]),
        ];
        assert_eq!(scores[0], scores[1]);
        assert_eq!(records[1].last(), Some(&0.0), "the program failed");
        for field in &native.schema.fields {
            let own = program.schema.get(&field.name).unwrap_or_else(|| panic!("no field {}", field.name));
            let of = |record: &[f32], offset: usize| match field.ty.is_list() {
                true => record[offset + 1..][..record[offset] as usize].to_vec(),
                false => vec![record[offset]],
            };
            assert_eq!(of(&records[0], field.offset), of(&records[1], own.offset), "{}", field.name);
        }
        lengths += length;
        ends += u32::from(over);
    }
    assert!(lengths > 1000, "{lengths} steps of 200 episodes");
    assert!(ends > 0, "no episode ended before the horizon");
}

#[test]
fn the_gridworld_as_a_program_is_the_gridworld() {
    let code = include_str!("tasks/gridworld.py");
    let maps = ["SC.G", "S.C#/.K#D/C..L/S.CG", "SC.../.#.#./..L../C.#.G"];
    let all: [&[(&str, f64)]; 3] = [
        &[],
        &[("slip", 0.3), ("coin_respawn", 0.0)],
        &[("coin_respawn", 3.0), ("horizon", 20.0), ("false_negative", 0.5)],
    ];
    for (map, values) in maps.iter().zip(all) {
        let mut values = overrides(values);
        values.insert("map".into(), Value::Text(map.to_string()));
        alike(&build("gridworld", None, &values), &build("program", Some(code), &values));
    }
    alike(&build("gridworld", None, &overrides(&[])), &build("program", Some(code), &overrides(&[])));
}

/// The oracle walks states: a step that looks at more than the state cannot be walked, and it says so.
#[test]
fn a_step_that_reads_the_episode_is_not_walked() {
    let corridor = include_str!("../../tasks/corridor.py");
    let walked = |code: &str| Model::explore(&build("program", Some(code), &overrides(&[("cells", 4.0)])));
    assert!(walked(corridor).is_ok());
    for (more, given) in [("len(ep.cells) > 9", "p, action, dice"), ("t > 9", "p, action, t, dice")] {
        let code = corridor
            .replace("p, action, dice", given)
            .replace("return s.cell ==", &format!("return {more} or s.cell =="));
        let Err(why) = walked(&code) else { panic!("it is walked") };
        assert!(why.contains("reads the episode or the number of the step"), "{why}");
    }
}

#[test]
fn the_chain_as_a_program_is_the_chain() {
    let code = include_str!("tasks/chain.py");
    let all: [&[(&str, f64)]; 4] = [
        &[("cells", 6.0)],
        &[("cells", 8.0), ("slip", 0.2)],
        &[("cells", 8.0), ("slip", 0.1), ("distractor", 2.0), ("horizon", 40.0)],
        &[("cells", 8.0), ("channels", 5.0), ("slip", 0.3), ("false_positive", 0.2), ("false_negative", 0.3)],
    ];
    for values in all {
        let values = overrides(values);
        alike(&build("chain", None, &values), &build("program", Some(code), &values));
    }
}

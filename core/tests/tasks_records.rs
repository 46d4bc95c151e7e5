//! What holds for the episode records of every task in `TASKS` that is no program.

mod common;

use common::{number, play, tokens};
use goodhart_core::tasks::{DrawKey, Play, TASKS, Task, build};
use std::collections::BTreeMap;

/// Episodes of a task.
const EPISODES: u32 = 6000;

/// Fields that tell the true score, by task: what they say is what happened, and the true score is about that. Nothing
/// else in any record tells it.
const NAME_THE_OUTCOME: &[(&str, &[&str])] = &[
    // The goal was reached, or nothing else ended the episode.
    ("chain", &["goal", "truncated"]),
    ("gridworld", &["goal"]),
    ("pointmass", &["reached", "truncated"]),
    ("rooms", &["goal", "truncated"]),
    // All hidden tests pass.
    ("steps", &["tests"]),
    // The call is the right one, which it is where all of its values are right and nothing else was changed.
    ("tool", &["values_matched", "exact"]),
];

/// The verifier of a task that has one is a coin, so that `correct` cannot tell the true score either.
fn with_a_coin_as_verifier(name: &str) -> Task {
    let kind = TASKS.iter().find(|kind| kind.name == name).expect("a kind of task");
    let coin = ["false_positive", "false_negative"]
        .into_iter()
        .filter(|p| kind.table(&Default::default()).iter().any(|row| row.name == *p));
    build(name, &coin.map(|p| (p.to_string(), number(0.5))).collect())
        .unwrap_or_else(|errors| panic!("{name}: {errors:?}"))
}

/// Numbers that look random.
fn noise(state: &mut u32) -> u32 {
    *state = state.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((*state >> ((*state >> 28) + 4)) ^ *state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// The record and the true score of an episode: of a policy that prefers one action for an episode, or of a demonstration
/// in which some tokens are others.
fn episode(task: &Task, number: u32) -> (Vec<f32>, f32) {
    let key = DrawKey { seed: 3, update: number / 4, group: 0, sample: number % 4 };
    let mut state = number;
    match &task.play {
        Play::Steps(_) => {
            let n = task.n_actions as u32;
            let (liked, often) = (noise(&mut state) % n, noise(&mut state) % 4);
            let episode =
                play(task, key, |_, _| if noise(&mut state) % 4 < often { liked } else { noise(&mut state) % n });
            (episode.record, episode.score)
        }
        Play::Tokens(_) => {
            let t = tokens(task);
            let (mut prompt, mut said) = (vec![0; t.prompt_len()], vec![0; task.horizon]);
            t.prompt(key, &mut prompt);
            let length = t.demonstration(key, &prompt, &mut said);
            let said = &mut said[..length];
            if noise(&mut state) & 1 == 0 {
                let at = noise(&mut state) as usize % length;
                said[at] = noise(&mut state) % t.vocabulary() as u32;
            }
            let end = said.iter().position(|token| *token == t.end_token()).map_or(length, |at| at + 1);
            let mut record = vec![f32::NAN; task.schema.stride];
            let score = t.finish(key, &prompt, &said[..end], end == task.horizon, &mut record);
            (record, score)
        }
    }
}

/// Whether a slot holds the true score, as it is or coded: the slot takes a few values, often enough to judge, and each
/// comes with one true score; or the true score is a line of it.
fn tells(slot: &[f32], scores: &[f32]) -> bool {
    let mut by_value: BTreeMap<u32, Vec<f32>> = BTreeMap::new();
    for (x, score) in slot.iter().zip(scores) {
        by_value.entry(x.to_bits()).or_default().push(*score);
    }
    if by_value.len() <= 8 {
        return by_value.values().all(|of| of.len() >= 3 && of.iter().all(|score| *score == of[0]));
    }
    let Some(other) = (1..slot.len()).find(|i| slot[*i] != slot[0] && scores[*i] != scores[0]) else { return false };
    let slope = f64::from(scores[other] - scores[0]) / f64::from(slot[other] - slot[0]);
    let line = |x: f32| f64::from(scores[0]) + slope * f64::from(x - slot[0]);
    slot.iter().zip(scores).all(|(x, score)| (line(*x) - f64::from(*score)).abs() < 1e-4)
}

/// It finds a field that alone tells the true score, by a line or by few values. It does not find what several fields tell
/// together, nor what only other policies would bring about.
#[test]
fn only_fields_that_name_the_outcome_tell_the_true_score() {
    // A task that is a program writes its record in its own text, where everybody can read what a field tells.
    for kind in TASKS.iter().filter(|kind| kind.source.is_none()) {
        let task = with_a_coin_as_verifier(kind.name);
        let (records, scores): (Vec<Vec<f32>>, Vec<f32>) = (0..EPISODES).map(|i| episode(&task, i)).unzip();
        let others = scores.iter().filter(|score| **score != scores[0]).count();
        assert!(others >= 30 && others <= scores.len() - 3, "{}: the true score hardly varies ({others})", kind.name);
        let telling = task.schema.fields.iter().filter(|field| {
            let slots = if field.ty.is_list() { field.cap + 1 } else { 1 };
            (field.offset..field.offset + slots).any(|at| {
                let slot: Vec<f32> = records.iter().map(|record| record[at]).collect();
                tells(&slot, &scores)
            })
        });
        let telling: Vec<&str> = telling.map(|field| field.name.as_str()).collect();
        let known = NAME_THE_OUTCOME.iter().find(|(name, _)| *name == kind.name).map_or(&[][..], |(_, fields)| fields);
        assert_eq!(telling, known, "{}", kind.name);
    }
}

#[test]
fn a_score_in_the_record_is_found_however_it_is_coded() {
    let scores: Vec<f32> = (0..400).map(|i| ((i * 7) % 11) as f32 - 4.0).collect();
    let coded = |code: fn(f32) -> f32| scores.iter().map(|score| code(*score)).collect::<Vec<f32>>();
    assert!(tells(&coded(|score| score), &scores) && tells(&coded(|score| 3.0 - 0.5 * score), &scores));
    let won: Vec<f32> = scores.iter().map(|score| f32::from(*score > 0.0)).collect();
    assert!(tells(&won.iter().map(|x| if *x > 0.0 { -7.0 } else { 2.0 }).collect::<Vec<f32>>(), &won));
    assert!(!tells(&won, &scores), "a verdict does not tell a score of many values");
    assert!(!tells(&(0..400).map(|i| i as f32).collect::<Vec<f32>>(), &scores));
}

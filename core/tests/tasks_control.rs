//! The point mass and the drive: what their records say is what happened.

mod common;

use common::{Episode, list, number, overrides, play, scalar, steps, task};
use goodhart_core::math::rng::{below, draw};
use goodhart_core::params::Value;
use goodhart_core::tasks::{DrawKey, STATE_WORDS, Task, build};
use proptest::prelude::*;

fn key(sample: u32) -> DrawKey {
    DrawKey { seed: 3, update: 9, group: sample / 4, sample }
}

fn random(t: &Task, sample: u32) -> Episode {
    play(t, key(sample), |step, _| below(draw(4, sample, step, 0, 0, 0)[0], t.n_actions as u32))
}

fn features_fit(t: &Task, e: &Episode) {
    let o = steps(t).observation();
    for (state, features, _) in &e.seen {
        assert!((*state as usize) < o.states && features.len() == o.active);
        assert!(features.windows(2).all(|w| w[0] < w[1]), "{features:?}");
        assert!((features[o.active - 1] as usize) < o.features, "{features:?}");
    }
}

fn refused(kind: &str, name: &str, value: f64) -> String {
    let errors = build(kind, &overrides([(name, number(value))])).err().unwrap_or_default();
    errors.into_iter().map(|e| e.message).collect::<Vec<_>>().join("; ")
}

/// Thrusts against the larger part of the place, as long as the velocity does not already lead there.
fn steer(state: &[u32; STATE_WORDS]) -> u32 {
    let [x, y, vx, vy] = [0, 1, 2, 3].map(|i| state[i] as i32);
    let (wx, wy) = (-x - 8 * vx, -y - 8 * vy);
    if wx.abs() > wy.abs() {
        if wx > 0 { 3 } else { 2 }
    } else if wy > 0 {
        1
    } else {
        0
    }
}

#[test]
fn steering_at_the_target_reaches_it_and_thrusting_away_does_not() {
    let t = task("pointmass", []);
    for sample in 0..40 {
        let e = play(&t, key(sample), |_, state| steer(state));
        assert_eq!(e.score, 1.0, "sample {sample}");
        let distance = list(&t, &e.record, "distance");
        assert!(distance[distance.len() - 1] <= 0.5 && distance[distance.len() - 2] > 0.5);
        assert_eq!(scalar(&t, &e.record, "reached_at"), e.length as f32);
        let away = play(&t, key(sample), |_, state| steer(state) ^ 1);
        assert_eq!((away.score, away.length, scalar(&t, &away.record, "reached_at")), (0.0, 48, 0.0));
    }
}

#[test]
fn speed_settles_at_the_greatest_and_drag_brings_it_to_rest() {
    let t = task("pointmass", [("horizon", number(64.0)), ("start_speed", number(0.0))]);
    let mut state = [0; STATE_WORDS];
    let mut record = vec![0.0; t.schema.stride];
    steps(&t).begin(key(0), &mut state, &mut record);
    state[0] = -1000i32 as u32;
    for step in 0..28 {
        steps(&t).step(key(0), step, 3, &mut state, &mut record);
    }
    let speed = |record: &[f32], at: usize| record[t.schema.get("speed").unwrap().offset + 1 + at];
    assert!((speed(&record, 28) - 1.0).abs() < 0.12, "{}", speed(&record, 28));
    for step in 28..60 {
        steps(&t).step(key(0), step, 8, &mut state, &mut record);
    }
    assert!(speed(&record, 60) < 0.15, "{}", speed(&record, 60));
}

#[test]
fn an_episode_that_does_not_end_goes_on_to_the_horizon() {
    let t = task("pointmass", [("ends", Value::Bool(false))]);
    let e = play(&t, key(1), |_, state| steer(state));
    assert_eq!((e.length, e.score, scalar(&t, &e.record, "truncated")), (48, 1.0, 1.0));
    assert!(scalar(&t, &e.record, "reached_at") < 48.0);
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    assert_eq!(
        refused("pointmass", "start_distance", 0.5),
        "radius (0.5) must be less than start_distance (0.5), or every episode starts at the target"
    );
    assert_eq!(refused("drive", "road", 20.0), "6 cars need a road of at least 28 cells, not 20");
}

/// Changes lanes for cars, waits for the light, keeps to the limit.
fn careful(t: &Task, state: &[u32; STATE_WORDS], step: u32, sample: u32) -> u32 {
    let after = |action: u32, then: u32| {
        let (mut s, mut record) = (*state, vec![0.0; t.schema.stride]);
        let mut over = false;
        for k in 0..5 {
            over =
                over || steps(t).step(key(sample), step + k, if k == 0 { action } else { then }, &mut s, &mut record);
        }
        let line = t.schema.get("outside").unwrap().offset + 1 + step as usize;
        let safe = s[7] <= 1 && (s[2] <= 4) && record[line] == 0.0;
        if safe { s[1] + 4 * u32::from(over) } else { 0 }
    };
    let best = |action| (0..5).map(|then| after(action, then)).max().unwrap();
    (0..5).max_by_key(|a| 2 * best(*a) + u32::from(*a == 4)).unwrap()
}

#[test]
fn careful_driving_completes_the_route_without_an_infraction() {
    let t = task("drive", []);
    let mut finished = 0;
    for sample in (0..160).step_by(4) {
        let e = play(&t, key(sample), |step, state| if step < 59 { careful(&t, state, step, sample) } else { 4 });
        finished += i32::from(scalar(&t, &e.record, "finished") == 1.0);
        let total: f32 = list(&t, &e.record, "progress").iter().sum();
        assert!((total - scalar(&t, &e.record, "completion")).abs() < 1e-3);
    }
    assert!(finished >= 30, "{finished} of 40");
}

#[test]
fn each_infraction_ends_the_drive_and_costs_the_score() {
    let ended = |t: &Task, name: &str, act: &dyn Fn(u32) -> u32| {
        (0..60)
            .map(|s| play(t, key(s), |step, _| act(step)))
            .filter(|e| {
                let here = scalar(t, &e.record, name) == 1.0;
                let score = if name == "finished" { 1.0 } else { 0.0 };
                assert!(!here || ((e.score - score).abs() < 1e-6 && scalar(t, &e.record, "truncated") == 0.0));
                here
            })
            .count()
    };
    let t = task("drive", []);
    assert_eq!(ended(&t, "off_road", &|_| 0), 60);
    assert!(ended(&t, "collision", &|_| 4) > 40);
    let free = task("drive", [("cars", number(0.0))]);
    let (red, green) = (ended(&free, "red_light", &|_| 4), ended(&free, "finished", &|_| 4));
    assert!(red > 10 && red + green == 60, "{red} at red, {green} through");
    let open = task("drive", [("cars", number(0.0)), ("light", Value::Bool(false))]);
    let e = play(&open, key(0), |step, _| if step < 2 { 3 } else { 4 });
    assert_eq!((e.length, scalar(&open, &e.record, "finished")), (31, 1.0));
    assert!((e.score - 1.0).abs() < 1e-6);
}

#[test]
fn overspeed_shoulders_and_jerks_are_noted() {
    let t = task("drive", [("cars", number(0.0)), ("light", Value::Bool(false)), ("lanes", number(1.0))]);
    let e = play(&t, key(0), |step, _| [3, 3, 3, 3, 2, 3, 1, 4][step.min(7) as usize]);
    assert_eq!(list(&t, &e.record, "overspeed")[..7], [0.0, 0.0, 1.0, 2.0, 1.0, 2.0, 2.0]);
    assert_eq!(list(&t, &e.record, "comfortable")[..7], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(list(&t, &e.record, "outside")[..8], [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn pointmass_records_stay_in_bounds(thrust in 1u32..=16, speed in 0u32..=1, far in 2u32..=4, sample in 0u32..400) {
        let t = task("pointmass", [
            ("thrust", number(f64::from(thrust))), ("start_speed", number(f64::from(speed))),
            ("start_distance", number(f64::from(far))), ("horizon", number(64.0)),
        ]);
        let e = random(&t, sample);
        features_fit(&t, &e);
        let (distance, speed) = (list(&t, &e.record, "distance"), list(&t, &e.record, "speed"));
        prop_assert_eq!((distance.len(), speed.len()), (e.length as usize + 1, e.length as usize + 1));
        prop_assert!(distance.iter().all(|d| (0.0..5.7).contains(d)) && speed.iter().all(|v| (0.0..2.6).contains(v)));
        prop_assert!(list(&t, &e.record, "alignment").iter().all(|a| a.abs() <= 1.0));
        prop_assert!(list(&t, &e.record, "cells").iter().all(|c| *c < 100.0));
        // A distance changes by no more than the speed: the greatest is 8 thrusts of 1/256.
        for i in 0..e.length as usize {
            let most = (speed[i].max(speed[i + 1]) + 0.2) * 8.0 * thrust as f32 / 256.0;
            prop_assert!((distance[i + 1] - distance[i]).abs() <= most, "{} {} {most}", distance[i], distance[i + 1]);
        }
    }

    #[test]
    fn drive_records_stay_in_bounds(lanes in 1u32..=4, cars in 0u32..=12, limit in 1u32..=6, sample in 0u32..400) {
        let t = task("drive", [
            ("lanes", number(f64::from(lanes))), ("cars", number(f64::from(cars))), ("speed_limit", number(f64::from(limit))),
        ]);
        let e = random(&t, sample);
        features_fit(&t, &e);
        let speed = list(&t, &e.record, "speed");
        prop_assert_eq!(speed.len(), e.length as usize + 1);
        for (i, over) in list(&t, &e.record, "overspeed").iter().enumerate() {
            prop_assert_eq!(*over, (speed[i + 1] - limit as f32).max(0.0));
            prop_assert!((speed[i + 1] - speed[i]).abs() <= 1.0 && speed[i + 1] <= 6.0);
        }
        let ends = ["collision", "off_road", "red_light", "finished", "truncated"].map(|f| scalar(&t, &e.record, f));
        prop_assert_eq!(ends.iter().sum::<f32>(), 1.0, "one end each");
        let completion = scalar(&t, &e.record, "completion");
        prop_assert!((0.0..100.01).contains(&completion));
        let clean = ends[3] + ends[4];
        prop_assert!((e.score - clean * completion / 100.0).abs() < 1e-5);
    }
}

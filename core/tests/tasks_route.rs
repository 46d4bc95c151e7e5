//! The routing task: what experts know and cost, how answers are made of what they say, what breaks the format.

mod common;

use common::{list, number, play, scalar, task};
use goodhart_core::tasks::{DrawKey, Task};

fn key(update: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 8, update, group: update % 3, sample }
}

const NOBODY: u32 = 4;
const ANSWER: u32 = 5;

/// Mean true score and cost over many episodes of the same plan.
fn over(t: &Task, plan: &[u32]) -> (f32, f32) {
    let n = 4000;
    let (mut score, mut cost) = (0.0, 0.0);
    for update in 0..n {
        let e = play(t, key(update, update % 7), |step, _| plan[step as usize]);
        score += e.score;
        cost += scalar(t, &e.record, "cost");
    }
    (score / n as f32, cost / n as f32)
}

#[test]
fn experts_are_right_and_cost_as_stated() {
    let t = task("route", [("topics", number(1.0))]);
    // One topic, that of expert 0.
    for (expert, accuracy, price) in [(0, 0.7, 1.0), (1, 0.55, 2.0), (2, 0.7, 4.0), (3, 0.85, 8.0)] {
        let (score, cost) = over(&t, &[expert, ANSWER]);
        assert!((score - accuracy).abs() < 0.03, "expert {expert}: {score}");
        assert!((cost - price).abs() < 0.03 * price, "expert {expert}: {cost}");
    }
    let (score, cost) = over(&t, &[ANSWER]);
    assert!((score - 0.3).abs() < 0.03 && cost == 0.0);
}

#[test]
fn an_answer_is_what_most_experts_said_and_the_last_one_where_they_are_split() {
    let t = task("route", [("topics", number(1.0))]);
    let (a, b) = (0.7f32, 0.85f32);
    let (score, cost) = over(&t, &[3, 0, ANSWER]);
    assert!((score - a).abs() < 0.03 && (cost - 9.0).abs() < 0.2, "{score} {cost}");
    let (score, _) = over(&t, &[0, 0, 3, ANSWER]);
    let most = a * a * b + a * a * (1.0 - b) + 2.0 * a * (1.0 - a) * b;
    assert!((score - most).abs() < 0.03, "{score} {most}");
}

#[test]
fn calls_of_nobody_and_missing_answers_are_violations() {
    let t = task("route", []);
    let see = |plan: &[u32]| {
        let e = play(&t, key(5, 1), |step, _| plan[step as usize]);
        let fields = ["violations", "answered", "truncated", "length"].map(|f| scalar(&t, &e.record, f));
        (fields, list(&t, &e.record, "calls").to_vec(), e.score)
    };
    assert_eq!(see(&[2, ANSWER]).0, [0.0, 1.0, 0.0, 2.0]);
    assert_eq!(see(&[2, NOBODY, ANSWER]).0, [1.0, 1.0, 0.0, 3.0]);
    assert_eq!(see(&[2, NOBODY, 1, ANSWER]).1, [2.0, 1.0]);
    let (fields, calls, score) = see(&[0, 1, 2, 3]);
    assert_eq!((fields, calls, score), ([1.0, 0.0, 1.0, 4.0], vec![0.0, 1.0, 2.0, 3.0], 0.0));
    assert_eq!(see(&[NOBODY, NOBODY, NOBODY, NOBODY]).0, [5.0, 0.0, 1.0, 4.0]);
}

#[test]
fn who_knows_most_for_its_price_depends_on_the_topic() {
    let t = task("route", []);
    let mut right = [[0.0f32; 4]; 4];
    let mut n = [0.0f32; 4];
    for update in 0..6000 {
        let expert = update % 4;
        let e = play(&t, key(update / 4, update / 16), |step, _| [expert, ANSWER][step as usize]);
        let topic = scalar(&t, &e.record, "topic") as usize;
        right[topic][expert as usize] += e.score;
        n[topic] += 0.25;
    }
    for topic in 0..4 {
        let at = |e: usize| right[topic][e] / n[topic];
        let off = 0.4 + 0.15 * topic as f32;
        assert!((at(topic) - (off + 0.3).min(0.95)).abs() < 0.08, "{topic}: {}", at(topic));
    }
}

#[test]
fn a_noisy_verifier_does_not_touch_the_score() {
    let clean = task("route", []);
    let noisy = task("route", [("false_positive", number(1.0)), ("false_negative", number(1.0))]);
    for update in 0..100 {
        let at = |t: &Task| {
            let e = play(t, key(update, 0), |step, _| [1, ANSWER][step as usize]);
            (scalar(t, &e.record, "correct"), e.score)
        };
        let (x, y) = (at(&clean), at(&noisy));
        assert_eq!((x.0, x.1, 1.0 - x.0), (x.1, y.1, y.0));
    }
}

//! The steps task: what makes an answer right, checks and luck, process scores, readings, provers.

mod common;

use common::{Episode, list, number, overrides, play, scalar, steps, task};
use goodhart_core::math::rng::{draw, uniform};
use goodhart_core::tasks::{DrawKey, State, Task, build};

/// Actions of the default four operations.
const FILLER: u32 = 4;
const CHECK: u32 = 5;
const ANSWER: u32 = 6;

fn key(update: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 3, update, group: update % 5, sample }
}

/// The operation that is right in a state, which the base policy's prior of a skilled twin shows.
fn right(skilled: &Task, state: &State) -> Option<u32> {
    let mut prior = vec![0.0; skilled.n_actions];
    steps(skilled).prior(state, &mut prior);
    prior.iter().position(|x| *x > 0.0).map(|a| a as u32)
}

fn skilled() -> Task {
    task("steps", [("skill", number(1.0))])
}

/// All work, done right, then the answer.
fn solve(t: &Task, key: DrawKey) -> Episode {
    let skilled = skilled();
    play(t, key, |_, state| right(&skilled, state).unwrap_or(ANSWER))
}

/// An action of the base policy.
fn base_action(t: &Task, state: &State, word: u32) -> u32 {
    let mut prior = vec![0.0; t.n_actions];
    steps(t).prior(state, &mut prior);
    let total: f32 = prior.iter().map(|x| x.exp()).sum();
    let (u, mut sum) = (uniform(word), 0.0);
    let at = prior.iter().position(|x| {
        sum += x.exp() / total;
        u < sum
    });
    at.unwrap_or(t.n_actions - 1) as u32
}

#[test]
fn an_answer_is_right_when_all_work_is_done_and_otherwise_by_luck() {
    let t = task("steps", []);
    for update in 0..50 {
        let e = solve(&t, key(update, 0));
        assert_eq!((e.score, e.length), (1.0, 5));
        assert_eq!(list(&t, &e.record, "kinds"), [0.0, 0.0, 0.0, 0.0, 3.0]);
        assert_eq!(list(&t, &e.record, "valid"), [1.0; 5]);
        for (name, expected) in [("correct", 1.0), ("consistent", 1.0), ("submitted", 1.0), ("tests", 1.0)] {
            assert_eq!(scalar(&t, &e.record, name), expected, "{name}");
        }
    }
    let n = 4000;
    let lucky = (0..n).filter(|update| play(&t, key(*update, 1), |_, _| ANSWER).score == 1.0).count();
    assert!((lucky as f64 / f64::from(n) - 0.05).abs() < 0.012, "{lucky}");
    let e = play(&t, key(0, 0), |_, _| FILLER);
    assert_eq!((e.score, e.length, scalar(&t, &e.record, "truncated")), (0.0, 24, 1.0));
    assert_eq!((scalar(&t, &e.record, "submitted"), scalar(&t, &e.record, "fillers")), (0.0, 24.0));
    assert_eq!(list(&t, &e.record, "prover_strong").last(), Some(&0.0), "no answer within the horizon");
}

#[test]
fn a_wrong_step_derails_until_a_check_finds_it() {
    let t = task("steps", []);
    let skilled = skilled();
    let (mut repaired, n) = (0, 2000);
    for update in 0..n {
        let mut derailed_after_check = 0;
        let e = play(&t, key(update, 2), |step, state| match step {
            0 => (right(&skilled, state).expect("work is left") + 1) % 4,
            1 => {
                assert_eq!(right(&skilled, state), None, "nothing is right while an error is in the work");
                CHECK
            }
            2 => {
                derailed_after_check = u32::from(right(&skilled, state).is_none());
                right(&skilled, state).unwrap_or(0)
            }
            _ => ANSWER,
        });
        let valid = list(&t, &e.record, "valid");
        assert_eq!(valid[..2], [0.0, 1.0]);
        assert_eq!(valid[2] == 1.0, derailed_after_check == 0);
        assert_eq!(scalar(&t, &e.record, "consistent"), 0.0);
        repaired += 1 - derailed_after_check;
    }
    assert!((f64::from(repaired) / f64::from(n) - 0.5).abs() < 0.04, "{repaired}");
    let never = task("steps", [("repair", number(0.0))]);
    for update in 0..100 {
        let e = play(&never, key(update, 0), |step, state| match step {
            0 => (right(&skilled, state).expect("work is left") + 1) % 4,
            _ => {
                assert_eq!(right(&skilled, state), None, "such checks are only phrases");
                CHECK
            }
        });
        assert_eq!(scalar(&never, &e.record, "patterns"), 23.0);
    }
}

#[test]
fn samples_of_a_group_start_from_one_problem_and_problems_differ() {
    let t = task("steps", [("problems", number(8.0))]);
    let problem = |update, sample| scalar(&t, &play(&t, key(update, sample), |_, _| ANSWER).record, "problem");
    let drawn: std::collections::BTreeSet<u32> = (0..200).map(|update| problem(update, 0) as u32).collect();
    assert_eq!(drawn.len(), 8);
    assert!((0..40).all(|update| (1..6).all(|sample| problem(update, sample) == problem(update, 0))));
    let skilled = task("steps", [("problems", number(8.0)), ("skill", number(1.0))]);
    let orders: std::collections::BTreeSet<Vec<Option<u32>>> =
        (0..8).map(|c| (0..4).map(|j| right(&skilled, &steps(&t).shown_state(5 * c + j))).collect()).collect();
    assert!(orders.len() > 6, "problems need different orders of work");
}

#[test]
fn process_scores_have_the_stated_means_and_fillers_score_best() {
    let t = task("steps", [("prm_noise", number(0.05))]);
    let skilled = skilled();
    let mut sums = [(0.0, 0); 5];
    for update in 0..600 {
        let e = play(&t, key(update, 0), |step, state| match step {
            0 => FILLER,
            1 => CHECK,
            2 => right(&skilled, state).expect("work is left"),
            3 => (right(&skilled, state).expect("work is left") + 1) % 4,
            _ => ANSWER,
        });
        for (sum, q) in sums.iter_mut().zip(list(&t, &e.record, "prm")) {
            assert!((0.0..=1.0).contains(q));
            *sum = (sum.0 + q, sum.1 + 1);
        }
    }
    for ((sum, n), expected) in sums.into_iter().zip([0.9, 0.7, 0.8, 0.3, 0.3]) {
        let mean = sum / n as f32;
        assert!((mean - expected).abs() < 0.01, "{mean} for {expected}");
    }
}

/// Correlation of two lists.
fn correlation(xs: &[f32], ys: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|x| f64::from(*x)).sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(xs), mean(ys));
    let dot = |a: &[f32], ma: f64, b: &[f32], mb: f64| -> f64 {
        a.iter().zip(b).map(|(x, y)| (f64::from(*x) - ma) * (f64::from(*y) - mb)).sum()
    };
    dot(xs, mx, ys, my) / (dot(xs, mx, xs, mx) * dot(ys, my, ys, my)).sqrt()
}

#[test]
fn thinking_rewards_follow_sound_work_as_stated() {
    for c in [-1.0, -0.6, 0.0, 0.6, 1.0] {
        // Without lucky guesses the graded outcome of what was submitted rises with the work that was done soundly.
        let t = task("steps", [("thinking_correlation", number(c)), ("skill", number(1.0)), ("guess", number(0.0))]);
        let (mut thinking, mut misled, mut sound) = (Vec::new(), Vec::new(), Vec::new());
        for update in 0..3000 {
            let e = play(&t, key(update, 4), |step, state| base_action(&t, state, draw(9, update, step, 0, 0, 0)[0]));
            if scalar(&t, &e.record, "submitted") == 0.0 {
                continue;
            }
            thinking.push(scalar(&t, &e.record, "thinking"));
            misled.push(scalar(&t, &e.record, "thinking_misled"));
            sound.push(scalar(&t, &e.record, "tests"));
        }
        assert!(sound.len() > 1000, "{}", sound.len());
        let (follows, against) = (correlation(&thinking, &sound), correlation(&misled, &sound));
        assert!(against < -0.3, "{against}");
        let as_stated = if c == 0.0 { follows.abs() < 0.05 } else { follows * c > 0.3 * c * c };
        assert!(as_stated, "{follows} for {c}");
    }
}

#[test]
fn the_reward_model_is_right_as_often_as_stated_and_a_noisy_verifier_does_not_touch_the_score() {
    for accuracy in [0.65, 0.75, 0.85] {
        let more =
            [("rm_accuracy", number(accuracy)), ("false_positive", number(1.0)), ("false_negative", number(1.0))];
        let t = task("steps", more);
        let (mut agrees, n) = (0, 4000);
        for update in 0..n {
            let e = if update % 2 == 0 { solve(&t, key(update, 0)) } else { play(&t, key(update, 0), |_, _| ANSWER) };
            assert_eq!(scalar(&t, &e.record, "correct"), 1.0 - e.score);
            agrees += i32::from((scalar(&t, &e.record, "rm") > 0.5) == (e.score > 0.5));
        }
        assert!((f64::from(agrees) / f64::from(n) - accuracy).abs() < 0.025, "{agrees} for {accuracy}");
    }
}

/// What to do at a step, or None where the base policy goes on.
type Prefix = fn(&Task, u32, &State) -> Option<u32>;

/// The provers' values against rollouts of the base policy from the same prefix.
#[test]
fn provers_know_the_chance_of_a_right_answer() {
    let t = task(
        "steps",
        [("skill", number(2.0)), ("answer_prior", number(-0.5)), ("horizon", number(12.0)), ("guess", number(0.1))],
    );
    let skilled = skilled();
    // No prefix; two valid steps and a filler; a wrong step.
    let prefixes: [Prefix; 3] = [
        |_, _, _| None,
        |s, step, state| match step {
            0 | 1 => right(s, state),
            2 => Some(FILLER),
            _ => None,
        },
        |s, step, state| (step == 0).then(|| (right(s, state).expect("work is left") + 1) % 4),
    ];
    for (which, (prefix, at)) in prefixes.into_iter().zip([0, 3, 1]).enumerate() {
        let (mut solved, n, mut values) = (0.0, 8000, [0.0; 3]);
        for update in 0..n {
            let e = play(&t, key(update, 7), |step, state| {
                let free = || base_action(&t, state, draw(1, update, step, which as u32, 0, 0)[0]);
                prefix(&skilled, step, state).unwrap_or_else(free)
            });
            solved += f64::from(e.score);
            values = ["prover_weak", "prover_mid", "prover_strong"].map(|name| list(&t, &e.record, name)[at]);
            for name in ["prover_weak", "prover_mid", "prover_strong"] {
                let values = list(&t, &e.record, name);
                assert_eq!(values.len(), e.length as usize + 1);
                assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
                assert_eq!(*values.last().expect("values"), e.score, "at the end the verdict is known");
            }
        }
        let rate = solved / f64::from(n);
        let deviation = (rate * (1.0 - rate) / f64::from(n)).sqrt();
        let [weak, mid, strong] = values.map(f64::from);
        assert!((weak - rate).abs() < 4.0 * deviation, "prefix {which}: {weak} for {rate}");
        assert!(
            (mid - (1.0 - (1.0 - weak).powi(4))).abs() < 1e-5 && (strong - (1.0 - (1.0 - weak).powi(64))).abs() < 1e-4
        );
    }
}

#[test]
fn a_horizon_without_room_for_the_work_is_refused_in_a_sentence() {
    let refused = build("steps", &overrides([("depth", number(8.0)), ("horizon", number(8.0))])).err().unwrap();
    assert_eq!(refused[0].message, "horizon (8) must leave room for 8 steps of work and the answer");
}

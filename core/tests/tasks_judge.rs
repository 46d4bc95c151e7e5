//! The judge task: what makes an answer right, what a text of openers is, and whom it fools.

mod common;

use common::{Episode, list, number, overrides, play, scalar, steps, task};
use goodhart_core::tasks::{DrawKey, State, Task, build};

/// Actions of the default four operations.
const SOLUTION: u32 = 0;
const COLON: u32 = 1;
const ANSWER: u32 = 7;
const END: u32 = 8;

fn key(update: u32) -> DrawKey {
    DrawKey { seed: 8, update, group: update % 5, sample: update % 3 }
}

/// What leads on to a right answer: the one action whose prior a very skilled base policy raises.
fn right(state: &State) -> u32 {
    let skilled = task("judge", [("skill", number(9.0))]);
    let mut prior = vec![0.0; skilled.n_actions];
    steps(&skilled).prior(state, &mut prior);
    prior.iter().position(|x| *x == 9.0).expect("something is right") as u32
}

fn solve(t: &Task, key: DrawKey, opener: Option<u32>) -> Episode {
    play(t, key, |step, state| opener.filter(|_| step == 0).unwrap_or_else(|| right(state)))
}

#[test]
fn the_work_then_the_answer_is_right_with_or_without_an_opener() {
    let t = task("judge", []);
    for update in 0..40 {
        for opener in [None, Some(COLON)] {
            let e = solve(&t, key(update), opener);
            let openers = u32::from(opener.is_some());
            assert_eq!((e.score, e.length), (1.0, 8 + openers));
            assert_eq!((scalar(&t, &e.record, "work"), scalar(&t, &e.record, "correct")), (6.0, 1.0));
            assert_eq!((scalar(&t, &e.record, "openers"), scalar(&t, &e.record, "opener_only")), (openers as f32, 0.0));
            assert_eq!(list(&t, &e.record, "tokens").last(), Some(&(END as f32)));
        }
    }
    let n = 4000;
    let lucky = (0..n).filter(|u| play(&t, key(*u), |s, _| if s == 0 { ANSWER } else { END }).score == 1.0).count();
    assert!((lucky as f64 / f64::from(n) - 0.02).abs() < 0.008, "{lucky}");
}

#[test]
fn wrong_work_leads_nowhere_and_the_first_answer_counts() {
    let t = task("judge", [("guess", number(0.0))]);
    let wrong = |state: &State| 3 + (right(state) - 3 + 1) % 4;
    let e = play(&t, key(0), |step, state| if step < 5 { wrong(state) } else { right(state) });
    assert_eq!((e.score, e.length), (1.0, 13));
    let e = play(&t, key(0), |step, _| [ANSWER, ANSWER, SOLUTION, END][step as usize]);
    assert_eq!((e.score, e.length, scalar(&t, &e.record, "answered")), (0.0, 4, 1.0));
    let e = play(&t, key(0), |step, state| if step == 0 { ANSWER } else { right(state) });
    assert_eq!((e.score, e.length, scalar(&t, &e.record, "work")), (0.0, 2, 0.0));
    let e = play(&t, key(0), |_, _| END);
    assert_eq!((e.score, e.length, scalar(&t, &e.record, "opener_only")), (0.0, 1, 0.0));
}

#[test]
fn bare_openers_fool_the_judge_as_stated_and_the_hardened_one_hardly_ever() {
    let t = task("judge", []);
    let n = 3000;
    let rate = |act: &dyn Fn(u32, &State) -> u32, judge: &str| {
        let yes = (0..n).filter(|update| scalar(&t, &play(&t, key(*update), act).record, judge) == 1.0).count();
        yes as f64 / f64::from(n)
    };
    for (opener, expected) in [(SOLUTION, 0.9), (COLON, 0.54), (2, 0.27)] {
        let bare = move |step: u32, _: &State| if step == 0 { opener } else { END };
        let (judge, hardened) = (rate(&bare, "judge"), rate(&bare, "judge_hardened"));
        assert!((judge - expected).abs() < 0.03 && hardened < 0.02, "{judge} {hardened} for opener {opener}");
    }
    let wrong = |step: u32, _: &State| [SOLUTION, ANSWER, END][step as usize];
    let solved = |_: u32, state: &State| right(state);
    for judge in ["judge", "judge_hardened"] {
        let (yes, agrees) = (rate(&wrong, judge), rate(&solved, judge));
        assert!(yes < 0.06 && (agrees - 0.95).abs() < 0.02, "{judge}: {yes} {agrees}");
    }
    let all_openers = play(&t, key(0), |_, _| COLON);
    assert_eq!(
        (scalar(&t, &all_openers.record, "opener_only"), scalar(&t, &all_openers.record, "truncated")),
        (1.0, 1.0)
    );
}

#[test]
fn the_view_shows_the_states_that_its_rows_are_of() {
    let t = task("judge", [("problems", number(3.0))]);
    let s = steps(&t);
    for i in 0..s.shown_states() {
        assert_eq!(s.state_index(&s.shown_state(i)) as usize, i);
    }
}

#[test]
fn a_horizon_without_room_for_the_work_is_refused_in_a_sentence() {
    let refused = build("judge", &overrides([("depth", number(8.0)), ("horizon", number(9.0))])).err().unwrap();
    assert_eq!(refused[0].message, "horizon (9) must leave room for 8 steps of work, the answer and the end");
}

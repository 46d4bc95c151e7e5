//! The quiz: pairs of groups that ask the same, what the base policy knows, and what its styles lean to.

mod common;

use common::{number, play, scalar, steps, task};
use goodhart_core::tasks::{DrawKey, STATE_WORDS, Task};

fn key(update: u32, group: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 4, update, group, sample }
}

/// Question, style, pair and wording of a group.
fn asked(t: &Task, update: u32, group: u32) -> [u32; 4] {
    let e = play(t, key(update, group, 0), |_, _| 0);
    ["question", "style", "pair", "wording"].map(|f| scalar(t, &e.record, f) as u32)
}

/// The base policy's probabilities for a question and a style.
fn base(t: &Task, question: u32, style: u32) -> Vec<f32> {
    let mut state = [0; STATE_WORDS];
    (state[0], state[1]) = (question, style);
    let mut logits = vec![0.0; t.n_actions];
    steps(t).prior(&state, &mut logits);
    let total: f32 = logits.iter().map(|x| x.exp()).sum();
    logits.iter().map(|x| x.exp() / total).collect()
}

/// The right answer to the question of a group, found by trying.
fn right(t: &Task, update: u32, group: u32) -> u32 {
    (0..t.n_actions as u32).find(|a| play(t, key(update, group, 0), |_, _| *a).score == 1.0).expect("one is right")
}

#[test]
fn neighbouring_groups_ask_the_same_question_in_another_style() {
    let t = task("quiz", []);
    let mut questions = std::collections::BTreeSet::new();
    for update in 0..200 {
        let (a, b) = (asked(&t, update, 6), asked(&t, update, 7));
        assert_eq!((a[0], a[2], a[3], b[2], b[3]), (b[0], 3, 0, 3, 1));
        assert_ne!(a[1], b[1]);
        assert_eq!(right(&t, update, 6), right(&t, update, 7), "an answer means the same in both");
        questions.insert(a[0]);
    }
    assert!(questions.len() > 25);
}

#[test]
fn without_paraphrase_a_pair_reads_the_same_words_and_by_halves_half_of_them_do() {
    let share = |strength| {
        let t = task("quiz", [("paraphrase", number(strength))]);
        (0..1000).filter(|u| asked(&t, *u, 0)[1] != asked(&t, *u, 1)[1]).count()
    };
    assert_eq!((share(0.0), share(1.0)), (0, 1000));
    assert!((450..550).contains(&share(0.5)));
}

#[test]
fn one_answer_is_right_and_a_group_shares_its_question() {
    let t = task("quiz", []);
    for update in 0..50 {
        let score = |a: u32, sample| play(&t, key(update, 2, sample), |_, _| a).score;
        assert_eq!((0..8).map(|a| score(a, 0)).sum::<f32>(), 1.0);
        assert!((0..8).all(|a| score(a, 0) == score(a, 5)));
    }
}

/// The base policy is right more often than a guess, its styles pull each to one answer, and averaging over styles
/// helps.
#[test]
fn what_styles_lean_to_has_nothing_to_do_with_what_is_right() {
    let t = task("quiz", [("questions", number(200.0))]);
    let mut by_style = vec![vec![0.0; 8]; 4];
    let (mut own, mut most, mut agreed) = (0.0, 0, 0);
    let best = |p: &[f32]| (0..8).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap();
    for q in 0..200 {
        let mut joint = vec![1.0; 8];
        let update = (0..).find(|u| asked(&t, *u, 0)[0] == q).unwrap();
        let right = right(&t, update, 0) as usize;
        for (s, mean) in by_style.iter_mut().enumerate() {
            let p = base(&t, q, s as u32);
            mean.iter_mut().zip(&p).for_each(|(m, x)| *m += x / 200.0);
            joint.iter_mut().zip(&p).for_each(|(m, x)| *m *= x);
            own += p[right] / 800.0;
            most += usize::from(best(&p) == right);
        }
        agreed += usize::from(best(&joint) == right);
    }
    let favourites: std::collections::BTreeSet<usize> = by_style.iter().map(|p| best(p)).collect();
    assert_eq!(favourites.len(), 4);
    assert!((0.2..0.6).contains(&own), "{own}");
    assert!(agreed as f32 / 200.0 > most as f32 / 800.0 + 0.05, "{agreed} of 200, {most} of 800");
}

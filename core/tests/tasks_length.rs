//! The length task: prompts, verdicts, demonstrations, and how far a guess gets.

mod common;

use common::{list, number, overrides, scalar, task, tokens};
use goodhart_core::params::Value;
use goodhart_core::tasks::{DrawKey, Task, build};

fn key(update: u32, group: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 9, update, group, sample }
}

fn prompt(task: &Task, key: DrawKey) -> Vec<u32> {
    let mut prompt = vec![0; tokens(task).prompt_len()];
    tokens(task).prompt(key, &mut prompt);
    prompt
}

fn finish(task: &Task, key: DrawKey, prompt: &[u32], said: &[u32]) -> (Vec<f32>, f32) {
    let mut record = vec![f32::NAN; task.schema.stride];
    let ended = said.last() == Some(&tokens(task).end_token());
    let score = tokens(task).finish(key, prompt, said, !ended, &mut record);
    (record, score)
}

fn demonstration(task: &Task, key: DrawKey, prompt: &[u32]) -> Vec<u32> {
    let mut out = vec![u32::MAX; task.horizon];
    let n = tokens(task).demonstration(key, prompt, &mut out);
    out.truncate(n);
    out
}

/// The token of that name.
fn token(task: &Task, name: &str) -> u32 {
    task.schema.tokens.iter().position(|t| t == name).unwrap_or_else(|| panic!("no token {name}")) as u32
}

/// Follows the function by itself.
fn answer(prompt: &[u32], k: usize) -> (u32, u32) {
    let hops = prompt[k] - k as u32 + 1;
    ((0..hops).fold(prompt[k + 1], |x, _| prompt[x as usize]), hops)
}

#[test]
fn the_vocabulary_has_a_name_for_each_token() {
    let t = task("length", []);
    let names = &t.schema.tokens;
    assert_eq!(names.len(), 24);
    assert_eq!(names[..16].join(" "), "a b c d e f g h 1 2 3 4 5 ANS EOS hmm");
    assert_eq!(names[16], "_0");
    assert_eq!(tokens(&t).end_token(), token(&t, "EOS"));
    assert_eq!((t.horizon, tokens(&t).prompt_len()), (24, 10));
}

/// A guess is right one time in k, and what one look-up can tell is little better.
#[test]
fn without_work_an_answer_is_a_guess() {
    for (k, most) in [(4usize, 3u32), (6, 3), (8, 5), (12, 5)] {
        let t = task("length", [("symbols", number(k as f64)), ("work_max", number(f64::from(most)))]);
        let n = 20_000;
        let mut by_symbol = vec![0; k];
        let (mut start, mut before_start, mut one_hop) = (0, 0, 0);
        for i in 0..n {
            let p = prompt(&t, key(i, 0, 0));
            let mut values = p[..k].to_vec();
            values.sort_unstable();
            assert_eq!(values, (0..k as u32).collect::<Vec<_>>(), "a permutation");
            let (right, _) = answer(&p, k);
            by_symbol[right as usize] += 1;
            start += usize::from(right == p[k + 1]);
            one_hop += usize::from(right == p[p[k + 1] as usize]);
            before_start += usize::from(p[right as usize] == p[k + 1]);
        }
        let share = |count: usize| count as f64 / f64::from(n);
        let guess = 1.0 / k as f64;
        assert!(by_symbol.iter().all(|c| (share(*c) - guess).abs() < 0.015), "{by_symbol:?}");
        assert!((share(start) - guess).abs() < 0.015);
        assert_eq!(one_hop, 0);
        // Hops from 2 to `most` are drawn evenly.
        let stated: f64 =
            (2..=most).map(|m| (1.0 - guess) / (k as f64 - f64::from(m))).sum::<f64>() / f64::from(most - 1);
        assert!((share(before_start) - stated).abs() < 0.015, "{} {stated}", share(before_start));
        assert!(k < 8 || stated < 1.75 * guess);
    }
}

#[test]
fn hops_are_drawn_evenly_and_a_group_shares_its_prompt() {
    let t = task("length", []);
    let mut by_hops = [0; 6];
    for i in 0..4000 {
        let p = prompt(&t, key(i, 1, 0));
        assert_eq!(p, prompt(&t, key(i, 1, 7)));
        by_hops[answer(&p, 8).1 as usize] += 1;
    }
    assert_eq!(by_hops[..2], [0, 0]);
    assert!(by_hops[2..].iter().all(|n| (800..1200).contains(n)), "{by_hops:?}");
}

#[test]
fn demonstrations_without_errors_are_right_and_show_all_the_work() {
    let t = task("length", [("demo_error", number(0.0)), ("demo_skip", number(0.0))]);
    for i in 0..500 {
        let p = prompt(&t, key(i, 0, 0));
        let said = demonstration(&t, key(i, 0, i % 3), &p);
        let (record, score) = finish(&t, key(i, 0, 0), &p, &said);
        assert_eq!(score, 1.0);
        let (right, hops) = answer(&p, 8);
        assert_eq!(scalar(&t, &record, "work"), hops as f32);
        assert_eq!(scalar(&t, &record, "answer"), right as f32);
        let filler = scalar(&t, &record, "filler");
        assert_eq!(scalar(&t, &record, "length"), hops as f32 + 3.0 + filler);
        assert_eq!(scalar(&t, &record, "truncated"), 0.0);
    }
}

#[test]
fn demonstrations_keep_their_stated_rates() {
    let t = task("length", [("demo_error", number(0.08)), ("demo_skip", number(0.2)), ("demo_filler", number(0.3))]);
    let (filler, ans) = (token(&t, "hmm"), token(&t, "ANS"));
    let (mut skipped, mut skipped_right, mut hops, mut wrong, mut places, mut fillers) = (0, 0, 0, 0, 0, 0);
    let n = 6000;
    for i in 0..n {
        let p = prompt(&t, key(i, 2, 0));
        let said = demonstration(&t, key(i, 2, 1), &p);
        let work: Vec<u32> = said.iter().copied().take_while(|x| *x != ans).filter(|x| *x != filler).collect();
        fillers += said.iter().filter(|x| **x == filler).count();
        places += work.len() + 1;
        if work.is_empty() {
            skipped += 1;
            skipped_right += finish(&t, key(i, 2, 1), &p, &said).1 as i32;
        }
        let mut at = p[9];
        for x in work {
            hops += 1;
            wrong += i32::from(x != p[at as usize]);
            at = x;
        }
    }
    let near = |count: i32, of: i32, rate: f64, by: f64| {
        let share = f64::from(count) / f64::from(of);
        assert!((share - rate).abs() < by, "{share} for {rate}");
    };
    near(skipped, n as i32, 0.2, 0.02);
    near(skipped_right, skipped, 1.0 / 8.0, 0.03);
    near(wrong, hops, 0.08, 0.01);
    near(fillers as i32, (fillers + places) as i32, 0.3, 0.01);
}

#[test]
fn records_say_what_a_completion_did() {
    let t = task("length", [("work_min", number(2.0)), ("work_max", number(2.0))]);
    let p = prompt(&t, key(0, 0, 0));
    let (one, two) = (p[p[9] as usize], p[p[p[9] as usize] as usize]);
    let (hmm, ans, eos) = (token(&t, "hmm"), token(&t, "ANS"), token(&t, "EOS"));
    let fields = ["work", "filler", "answered", "correct", "truncated"];
    let see = |said: &[u32]| {
        let (record, score) = finish(&t, key(0, 0, 0), &p, said);
        assert_eq!(list(&t, &record, "tokens"), said.iter().map(|x| *x as f32).collect::<Vec<_>>());
        (fields.map(|f| scalar(&t, &record, f)), score)
    };
    assert_eq!(see(&[hmm, one, hmm, two, ans, two, eos]), ([2.0, 2.0, 1.0, 1.0, 0.0], 1.0));
    assert_eq!(see(&[ans, two, eos]), ([0.0, 0.0, 1.0, 1.0, 0.0], 1.0));
    assert_eq!(see(&[one, ans, one, eos]), ([1.0, 0.0, 1.0, 0.0, 0.0], 0.0));
    assert_eq!(see(&[one, two, ans, eos]), ([2.0, 0.0, 0.0, 0.0, 0.0], 0.0));
    assert_eq!(see(&[one, two, ans, two]), ([2.0, 0.0, 1.0, 1.0, 1.0], 1.0));
    assert_eq!(see(&[ans, one, ans, two, eos]), ([0.0, 0.0, 1.0, 0.0, 0.0], 0.0));
    assert_eq!(see(&[two, one, two]), ([0.0, 0.0, 0.0, 0.0, 1.0], 0.0));
    assert_eq!(see(&[]), ([0.0, 0.0, 0.0, 0.0, 1.0], 0.0));
    let (record, _) = finish(&t, key(0, 0, 0), &p, &[one, eos]);
    assert_eq!(scalar(&t, &record, "answer"), token(&t, "_0") as f32);
}

#[test]
fn a_noisy_verifier_does_not_touch_the_score() {
    let t = task("length", [("false_positive", number(1.0)), ("false_negative", number(1.0))]);
    let p = prompt(&t, key(0, 0, 0));
    let (right, _) = answer(&p, 8);
    let said = |x| [token(&t, "ANS"), x, token(&t, "EOS")];
    let (record, score) = finish(&t, key(0, 0, 0), &p, &said(right));
    assert_eq!((scalar(&t, &record, "correct"), score), (0.0, 1.0));
    let (record, score) = finish(&t, key(0, 0, 0), &p, &said((right + 1) % 8));
    assert_eq!((scalar(&t, &record, "correct"), score), (1.0, 0.0));
}

#[test]
fn settings_that_do_not_fit_together_are_refused_in_a_sentence() {
    let message = |pairs: [(&str, Value); 1]| build("length", &overrides(pairs)).err().unwrap()[0].message.clone();
    assert_eq!(message([("work_min", number(6.0))]), "work_min (6) must not exceed work_max (5)");
    assert_eq!(message([("work_max", number(8.0))]), "work_max (8) must be less than symbols (8)");
    assert_eq!(
        message([("max_completion_length", number(7.0))]),
        "max_completion_length must be at least work_max + 3 = 8 to hold the work"
    );
    assert_eq!(message([("vocabulary", number(20.0))]), "vocabulary must be a multiple of 8 and at least 17, not 20");
}

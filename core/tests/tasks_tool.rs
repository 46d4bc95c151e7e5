//! The tool task: prompts, demonstrations, and what the record says of a call.

mod common;

use common::{list, number, overrides, scalar, task, tokens};
use goodhart_core::params::Value;
use goodhart_core::tasks::{DrawKey, Task, build};

fn key(update: u32, sample: u32) -> DrawKey {
    DrawKey { seed: 6, update, group: update % 3, sample }
}

fn prompt(t: &Task, key: DrawKey) -> Vec<u32> {
    let mut out = vec![0; tokens(t).prompt_len()];
    tokens(t).prompt(key, &mut out);
    out
}

fn finish(t: &Task, prompt: &[u32], said: &[u32]) -> (Vec<f32>, f32) {
    let mut record = vec![f32::NAN; t.schema.stride];
    let ended = said.last() == Some(&tokens(t).end_token());
    let score = tokens(t).finish(key(0, 0), prompt, said, !ended, &mut record);
    (record, score)
}

/// Ids of tokens by name.
fn ids(t: &Task, text: &str) -> Vec<u32> {
    let id = |name: &str| t.schema.tokens.iter().position(|x| x == name).unwrap_or_else(|| panic!("no {name}")) as u32;
    text.split_whitespace().map(id).collect()
}

const PARTS: [&str; 9] = [
    "format",
    "parsed",
    "names_matched",
    "names_predicted",
    "keys_matched",
    "keys_predicted",
    "values_matched",
    "exact",
    "think",
];

/// The record's parts for a completion after "reserve b e", whose call is "book when= b who= e".
fn parts(text: &str) -> ([i32; 9], f32) {
    let t = task("tool", [("max_completion_length", number(24.0))]);
    let (record, score) = finish(&t, &ids(&t, "reserve b e"), &ids(&t, text));
    assert_eq!(list(&t, &record, "tokens").len(), text.split_whitespace().count());
    (PARTS.map(|f| scalar(&t, &record, f) as i32), score)
}

#[test]
fn a_right_call_has_every_part() {
    let all = ([1, 1, 1, 1, 2, 2, 2, 1, 0], 1.0);
    assert_eq!(parts("<t> </t> <call> book when= b who= e </call> EOS"), all);
    assert_eq!(parts("<t> </t> <call> book who= e when= b </call> EOS"), all, "in any order");
    assert_eq!(parts("<t> </t> <call> book when= c who= e when= b </call> EOS"), all, "the last word counts");
    assert_eq!(parts("<t> hmm hmm </t> <call> book when= b who= e </call> EOS"), ([1, 1, 1, 1, 2, 2, 2, 1, 2], 1.0));
}

#[test]
fn the_format_and_the_call_are_read_apart() {
    let call = [1, 1, 1, 2, 2, 2, 1];
    for text in [
        "<call> book when= b who= e </call> EOS",
        "<t> <call> book when= b who= e </call> EOS",
        "<t> </t> hmm <call> book when= b who= e </call> EOS",
        "<t> </t> <call> book when= b who= e </call>",
        "<t> </t> <call> book when= b who= e </call> <t> EOS",
    ] {
        let (parts, score) = parts(text);
        assert_eq!((parts[0], &parts[1..8], score), (0, &call[..], 1.0), "{text}");
    }
    for text in [
        "<t> </t> <call> EOS </call> EOS",
        "<t> </t> <call> book when= b who= e EOS",
        "<t> </t> <call> when= b who= e </call> EOS",
        "<t> </t> <call> book when= who= e </call> EOS",
        "<t> </t> <call> book when= b who= </call> EOS",
        "<t> </t> <call> hmm book when= b who= e </call> EOS",
        "",
    ] {
        let (parts, score) = parts(text);
        assert_eq!((&parts[1..8], score), (&[0; 7][..], 0.0), "{text}");
    }
    assert_eq!(parts("<t> </t> <call> hmm </call> EOS").0[..2], [1, 0], "a call need not make sense");
}

#[test]
fn parts_are_counted_one_by_one() {
    let of = |call: &str| parts(&format!("<t> </t> <call> {call} </call> EOS")).0[2..8].to_vec();
    assert_eq!(of("book when= c who= e"), [1, 1, 2, 2, 1, 0]);
    assert_eq!(of("book when= b where= e"), [1, 1, 1, 2, 1, 0]);
    assert_eq!(of("book when= b"), [1, 1, 1, 1, 1, 0]);
    assert_eq!(of("book when= b who= e where= e"), [1, 1, 2, 3, 2, 0]);
    assert_eq!(of("mail when= b who= e"), [0, 1, 0, 0, 0, 0]);
    assert_eq!(of("mail book when= b who= e"), [1, 2, 2, 2, 2, 0]);
    assert_eq!(of("book when= b book who= e"), [1, 2, 1, 1, 1, 0]);
    assert_eq!(of("book"), [1, 1, 0, 0, 0, 0]);
}

#[test]
fn demonstrations_err_and_slip_at_the_stated_rates() {
    let run = |error: f64, slip: f64| {
        let t = task("tool", [("demo_error", number(error)), ("demo_slip", number(slip))]);
        let (mut exact, mut format, n) = (0.0, 0.0, 4000u16);
        for update in 0..u32::from(n) {
            let p = prompt(&t, key(update, 0));
            let mut out = vec![u32::MAX; t.horizon];
            let len = tokens(&t).demonstration(key(update, 1), &p, &mut out);
            let (record, score) = finish(&t, &p, &out[..len]);
            assert_eq!(scalar(&t, &record, "truncated"), 0.0);
            exact += score;
            format += scalar(&t, &record, "format");
        }
        (exact / f32::from(n), format / f32::from(n))
    };
    assert_eq!(run(0.0, 0.0), (1.0, 1.0));
    let (exact, format) = run(0.5, 0.2);
    // A part drawn anew is right one time in as many as there are of its kind: 3 names, 4 keys, 6 values.
    let part = |kinds: f32| 0.5 + 0.5 / kinds;
    let stated = part(3.0) * (part(4.0) * part(6.0)).powi(2);
    // Both arguments may be there although drawn in each other's place, which adds little; <call> or </call> left out
    // leaves nothing to read, which is half of the slips.
    assert!((exact - 0.9 * stated).abs() < 0.025, "{exact} {stated}");
    assert!((format - 0.8).abs() < 0.02, "{format}");
}

#[test]
fn a_group_shares_its_prompt_and_all_requests_occur() {
    let t = task("tool", []);
    let mut seen = std::collections::BTreeSet::new();
    for update in 0..2000 {
        assert_eq!(prompt(&t, key(update, 0)), prompt(&t, key(update, 6)));
        seen.insert(prompt(&t, key(update, 0)));
    }
    assert_eq!(seen.len(), 3 * 6 * 6);
}

#[test]
fn settings_that_do_not_fit_together_are_refused_in_a_sentence() {
    let message = |pairs: [(&str, Value); 1]| build("tool", &overrides(pairs)).err().unwrap()[0].message.clone();
    assert_eq!(message([("vocabulary", number(20.0))]), "vocabulary must be a multiple of 8 and at least 22, not 20");
    assert_eq!(
        message([("max_completion_length", number(9.0))]),
        "max_completion_length must be at least 10 to hold a call"
    );
}

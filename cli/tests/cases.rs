//! `goodhart advantages` and `goodhart loss` against the values of TRL itself, and against bad input.

mod common;

use common::{assert_refused, goodhart, root};
use serde_json::Value;

/// The cases of a golden file, or none (said aloud) where the shared folder is not there.
fn golden(name: &str) -> Vec<Value> {
    let shared = std::env::var_os("GOODHART_SHARED").map_or_else(|| root().join("../shared"), Into::into);
    let path = shared.join("golden").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return Vec::new();
    };
    serde_json::from_str(&text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn assert_close(name: &Value, got: &Value, wanted: &Value) {
    let (got, wanted) = (numbers(got), numbers(wanted));
    assert_eq!(got.len(), wanted.len(), "{name}");
    for (g, w) in got.iter().zip(&wanted) {
        assert!((g - w).abs() <= 1e-5 + 1e-4 * w.abs(), "{name}: {g} is not {w}");
    }
}

#[test]
fn advantages_are_trls() {
    for case in golden("trl_advantages.json") {
        let said = goodhart(&["advantages"], &case.to_string());
        assert_eq!(said.code, 0, "{}: {}", case["name"], said.err);
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_close(&case["name"], &answer["advantages"], &case["advantages"]);
    }
}

#[test]
fn losses_and_their_gradients_are_trls() {
    for case in golden("trl_losses.json") {
        let said = goodhart(&["loss"], &case.to_string());
        assert_eq!(said.code, 0, "{}: {}", case["name"], said.err);
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_close(&case["name"], &answer["loss"], &case["loss"]);
        assert_close(&case["name"], &answer["dloss_dlogp"], &case["dloss_dlogp"]);
    }
}

#[test]
fn a_case_that_cannot_be_read_is_refused_in_one_line() {
    assert_refused(&goodhart(&["advantages"], ""), "");
    assert_refused(&goodhart(&["advantages"], "{\"rewards\": 3}"), "rewards");
    assert_refused(&goodhart(&["loss"], "[1, 2"), "");
    assert_refused(&goodhart(&["loss"], "{}"), "logp");
}

#[test]
fn a_mistyped_command_is_refused_in_one_line() {
    assert_refused(&goodhart(&["advantage"], ""), "advantage");
    assert_refused(&goodhart(&[], ""), "");
    assert_eq!(goodhart(&["--help"], "").code, 0);
}

//! `goodhart advantages` and `goodhart loss` against the values of TRL itself, and against bad input.

mod common;

use common::{assert_refused, goodhart, root};
use serde_json::{Value, json};

/// What TRL itself answers, made by `core/tests/golden/make.py`.
fn golden(name: &str) -> Vec<Value> {
    let path = root().join("core/tests/golden").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
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

/// One case of every estimator and framework that the golden vectors of TRL do not have, by the formulas of verl and
/// OpenRLHF written out.
#[test]
fn the_advantages_of_other_frameworks_are_theirs() {
    let group = [3.0f64, 1.0, 2.0, 6.0];
    let mean = 3.0;
    let std = (group.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 3.0).sqrt();
    let centred = group.map(|x| x - mean);
    let lengths = [1.0, 2.0, 3.0, 2.0];
    let baseline = group.iter().zip(lengths).map(|(r, l)| r * l).sum::<f64>() / lengths.iter().sum::<f64>();
    let cases = [
        (json!({"framework": "verl"}), centred.map(|x| x / (std + 1e-6))),
        (json!({"framework": "openrlhf"}), centred.map(|x| x / (std + 1e-9))),
        (json!({"framework": "verl", "scale_rewards": false}), centred),
        (json!({"estimator": "dr_grpo"}), centred),
        (json!({"estimator": "rloo"}), centred.map(|x| x * 4.0 / 3.0)),
        (json!({"estimator": "opo", "lengths": lengths}), group.map(|r| r - baseline)),
        (json!({"estimator": "grpo_passk", "framework": "verl"}), [0.0, 0.0, 0.0, 3.0 / (std + 1e-6)]),
        (json!({"estimator": "gpg"}), centred),
    ];
    for (mut case, expected) in cases {
        case["rewards"] = json!([group]);
        case["group_size"] = json!(4);
        let said = goodhart(&["advantages"], &case.to_string());
        assert_eq!(said.code, 0, "{}", said.err);
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_close(&case, &answer["advantages"], &json!(expected));
    }
}

/// verl's dual clip and its CISPO, by their formulas written out for single tokens: [ratio, advantage].
#[test]
fn the_losses_of_verl_are_verls() {
    let tokens = [(1.5f64, 1.0f64), (5.0, -1.0), (0.5, 1.0), (1.1, -2.0)];
    let n = tokens.len() as f64;
    let loss = |options: Value| {
        let case = json!({
            "logp": tokens.map(|t| [t.0.ln()]), "logp_old": [[0.0], [0.0], [0.0], [0.0]],
            "advantages": tokens.map(|t| t.1), "options": options,
        });
        let said = goodhart(&["loss"], &case.to_string());
        assert_eq!(said.code, 0, "{}", said.err);
        serde_json::from_str::<Value>(&said.out).unwrap()
    };
    let answer = loss(json!({"dual_clip": 3.0}));
    assert_close(&json!("dual clip"), &answer["loss"], &json!((-1.2 + 3.0 - 0.5 + 2.2) / n));
    assert_close(&json!("dual clip"), &answer["dloss_dlogp"], &json!([0.0, 0.0, -0.5 / n, 2.2 / n]));
    let answer = loss(json!({"loss_type": "cispo_verl"}));
    assert_close(&json!("cispo"), &answer["dloss_dlogp"], &json!([-1.2 / n, 1.2 / n, -0.8 / n, 2.2 / n]));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_goodhart"));
    let out = command.args(["link", "experiments/par.toml"]).current_dir(root()).stdout(full).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("standard output cannot be written"));
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn a_mistyped_command_is_refused_in_one_line() {
    assert_refused(&goodhart(&["advantage"], ""), "'advantages'");
    assert_refused(&goodhart(&["rnu"], ""), "run, check, alarms, power");
    assert_refused(&goodhart(&[], ""), "a command is needed: run, check");
    assert_refused(&goodhart(&["score"], ""), "--program");
    assert_refused(&goodhart(&["run", "x.toml", "--engine", "tpu"], ""), "auto, cpu, gpu");
    assert_refused(&goodhart(&["run", "x.toml", "--engin", "cpu"], ""), "'--engine'");
    assert_refused(&goodhart(&["run", "x.toml", "--updates", "-1"], ""), "'-1' for '--updates");
    assert_eq!(goodhart(&["--help"], "").code, 0);
}

use super::{advantages_json, loss_json};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What TRL itself answers, made by `core/tests/golden/make.py`.
const ADVANTAGES: &str = include_str!("../../../../core/tests/golden/trl_advantages.json");
const LOSSES: &str = include_str!("../../../../core/tests/golden/trl_losses.json");

fn golden(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(xs) => xs.iter().flat_map(numbers).collect(),
        x => vec![x.as_f64().unwrap()],
    }
}

fn assert_close(name: &str, got: &Value, expected: &Value) {
    let (got, expected) = (numbers(got), numbers(expected));
    assert_eq!(got.len(), expected.len(), "{name}");
    for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
        assert!((g - e).abs() <= 1e-5 + 1e-4 * e.abs(), "{name}[{i}]: {g} instead of {e}");
    }
}

#[test]
fn the_advantages_are_those_of_trl() {
    for case in golden(ADVANTAGES) {
        let got = advantages_json(&case.to_string()).unwrap();
        assert_close(case["name"].as_str().unwrap(), &got["advantages"], &case["advantages"]);
    }
}

#[test]
fn the_losses_are_those_of_trl() {
    for case in golden(LOSSES) {
        let got = loss_json(&case.to_string()).unwrap();
        let name = format!("{} {}", case["name"], case["options"]);
        assert_close(&name, &got["loss"], &case["loss"]);
        assert_close(&name, &got["dloss_dlogp"], &case["dloss_dlogp"]);
    }
}

#[test]
fn bad_cases_get_one_clear_sentence() {
    let advantages = [
        ("", "not valid JSON"),
        ("[1]", "one JSON object"),
        ("{}", "no \"rewards\""),
        (r#"{"rewards":[]}"#, "at least one"),
        (r#"{"rewards":[[1,2,3]]}"#, "no \"group_size\""),
        (r#"{"rewards":[[1,2,3]],"group_size":2}"#, "3 samples cannot be split into groups of 2"),
        (r#"{"rewards":[[1,2,3]],"group_size":0}"#, "at least 1"),
        (r#"{"rewards":[[1,2],[1]],"group_size":1}"#, "differ in length"),
        (r#"{"rewards":[[1,2]],"weights":[1,2],"group_size":2}"#, "2 weights for 1"),
        (r#"{"rewards":[[1,"x"]],"group_size":2}"#, "numbers only"),
        (r#"{"rewards":[[1,1e300]],"group_size":2}"#, "too large"),
        (r#"{"rewards":[[1,2]],"group_size":2,"estimatr":"rloo"}"#, "did you mean \"estimator\""),
        (r#"{"rewards":[[1,2]],"group_size":2,"estimator":"rlo"}"#, "did you mean \"rloo\""),
        (r#"{"rewards":[[1,2]],"group_size":2,"estimator":"group_norm"}"#, "framework \"openrlhf\""),
        (r#"{"rewards":[[1,2]],"groupsize":2}"#, "did you mean \"group_size\""),
        (r#"{"rewards":[[1,2]],"group_size":2,"lam":0.9}"#, "did you mean \"gae_lambda\""),
        (r#"{"rewards":[[1e38,-3e38]],"group_size":2}"#, "not finite"),
        (r#"{"rewards":[[1,2]],"group_size":2,"estimator":"gae"}"#, "needs \"values\""),
        (r#"{"rewards":[[1,2]],"group_size":2,"lengths":[1]}"#, "1 lengths for 2"),
        (r#"{"rewards":[[1,2]],"group_size":2,"lengths":[9,1],"values":[[1],[2]]}"#, "greater than"),
    ];
    for (case, expected) in advantages {
        let message = advantages_json(case).unwrap_err();
        assert!(message.contains(expected), "{case}: {message}");
    }
    let losses = [
        ("{}", "no \"logp\""),
        (r#"{"logp":[[-1]]}"#, "no \"advantages\""),
        (r#"{"logp":[[-1]],"advantages":[1,2]}"#, "2 advantages for 1"),
        (r#"{"logp":[[-1,-2]],"mask":[[0,1]],"advantages":[1]}"#, "ones followed by zeros"),
        (r#"{"logp":[[-1]],"advantages":[1],"options":{"beta":0.1}}"#, "needs \"logp_ref\""),
        (r#"{"logp":[[-1]],"advantages":[1],"options":{"loss_type":"pop"}}"#, "must be one of"),
        (r#"{"logp":[[-1]],"advantages":[1],"options":{"loss_type":"gspo"}}"#, "importance_sampling_level"),
        (r#"{"logp":[[-1]],"advantages":[1],"options":{"clip_ratio_c":3}}"#, "did you mean \"dual_clip\""),
        (r#"{"logp":[[-1]],"logp_old":[[-1,2]],"advantages":[1]}"#, "1 x 2, but 1 x 1"),
        (r#"{"logp":[[-1]],"advantages":[1],"options":{"entropy_coef":0.1}}"#, "need \"entropy\""),
    ];
    for (case, expected) in losses {
        let message = loss_json(case).unwrap_err();
        assert!(message.contains(expected), "{case}: {message}");
    }
}

#[test]
fn a_case_may_use_the_names_of_trl() {
    let ours = advantages_json(r#"{"rewards":[[1,2,4,0],[1,0,0,1]],"group_size":2,"weights":[1,0.5]}"#);
    let theirs = advantages_json(
        r#"{"rewards":[[1,2,4,0],[1,0,0,1]],"options":{"num_generations":2.0,"reward_weights":[1,0.5]}}"#,
    );
    assert_eq!(ours.unwrap(), theirs.unwrap());
}

#[test]
fn a_case_with_steps_gives_advantages_by_step() {
    let case = r#"{"estimator":"gae","gamma":0.5,"gae_lambda":1.0,"whiten_advantages":false,"group_size":1,
        "rewards":[[4.0,1.0]],"lengths":[3,1],"values":[[1,1,1],[0,0,0]]}"#;
    let got = advantages_json(case).unwrap();
    assert_close("gae", &got["advantages"], &json!([[0.0, 1.0, 3.0], [1.0]]));
    assert_close("gae", &got["returns"], &json!([[1.0, 2.0, 4.0], [1.0]]));
}

#[test]
fn the_kl_comes_out_of_the_reward() {
    // k1 of the steps is 0.5 and -1 for the first sample, 0.25 for the second.
    let case = r#"{"group_size":2,"rewards":[[2.0,1.0]],"lengths":[2,1],"estimator":"dr_grpo","kl_in_reward":2.0,
        "logp":[[-1.0,-2.0],[-1.0,0.0]],"logp_ref":[[-1.5,-1.0],[-1.25,0.0]]}"#;
    let (first, second) = (2.0 - 2.0 * -0.5, 1.0 - 2.0 * 0.25);
    let half = (first - second) / 2.0;
    assert_close("kl", &advantages_json(case).unwrap()["advantages"], &json!([half, -half]));
    let steps = case.replace(
        "dr_grpo",
        "gae\",\"gae_lambda\":1.0,\"whiten_advantages\":false,\"values\":[[0,0],[0,0]],\"name\":\"",
    );
    assert_close("by step", &advantages_json(&steps).unwrap()["advantages"], &json!([[3.0, 4.0], [0.5]]));
    let without = r#"{"group_size":2,"rewards":[[2.0,1.0]],"kl_in_reward":2.0}"#;
    assert!(advantages_json(without).unwrap_err().contains("\"logp_ref\""));
}

/// A case with every field of the right name and anything in it.
fn any_case(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let number = prop_oneof![Just("0"), Just("1"), Just("-1.5"), Just("2"), Just("1e30"), Just("null"), Just("\"x\"")];
    let list = prop::collection::vec(number.clone(), 0..4).prop_map(|xs| format!("[{}]", xs.join(",")));
    let lists = prop::collection::vec(list.clone(), 0..4).prop_map(|xs| format!("[{}]", xs.join(",")));
    let words = prop_oneof![Just("\"gae\""), Just("\"bnpo\""), Just("\"opo\""), Just("\"vespo\""), Just("{}")];
    let value = prop_oneof![number.prop_map(String::from), list, lists.clone(), lists, words.prop_map(String::from)];
    prop::collection::vec((prop::sample::select(names), value), 0..8).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

proptest! {
    #[test]
    fn no_case_panics(
        a in any_case(&["rewards", "weights", "group_size", "lengths", "values", "step_rewards", "estimator", "logp", "logp_ref", "kl_in_reward"]),
        l in any_case(&["logp", "logp_old", "logp_ref", "entropy", "mask", "advantages", "truncated", "loss_type"]),
        garbage in ".{0,40}",
    ) {
        for answer in [advantages_json(&a), advantages_json(&garbage), loss_json(&l), loss_json(&garbage)] {
            if let Err(message) = answer {
                prop_assert!(!message.is_empty() && !message.contains('\n'), "{message}");
            }
        }
    }
}

//! Episodes and scores as JSON, the format of `goodhart score`.

use goodhart_core::reward::json::{schema_from_json, score_json};
use goodhart_core::reward::schema::Ty;
use serde_json::{Value, json};

const PROGRAM: &str = "weights = {\"inverse\": 2.0}
def inverse(ep):
    return 1 / ep.x
def kept(ep):
    return ep.x if ep.ok else None
def rise(ep, t):
    return ep.path[t + 1] - ep.path[t]
";

fn input() -> Value {
    json!({
        "run": {"step": 3},
        "groups": [
            [
                {"x": 2, "ok": true, "path": [0.5, 1.5, 1.0], "length": 2},
                {"x": 0, "ok": false, "path": [1.0], "length": 0},
            ],
            [{"x": 4, "ok": false, "path": [1.0, 2.0], "length": 2}],
        ],
    })
}

#[test]
fn scores_have_the_shape_of_the_groups() {
    let output = score_json(PROGRAM, &input().to_string()).unwrap();
    let division = json!({"error": "division by zero", "line": 3});
    let index = json!({"error": "list index out of range", "line": 7});
    let expected = json!({
        "components": {
            "inverse": [[0.5, division], [0.25]],
            "kept": [[2.0, null], [null]],
            "rise": [[0.5, 0.0], [index]],
        },
        "steps": {"rise": [[1.0, -0.5], [], [1.0, index]]},
        "reward": [[3.5, division], [index]],
    });
    assert_eq!(output, expected);
}

#[test]
fn types_come_from_the_values() {
    let episodes = schema_from_json(&json!({"groups": [[
        {"a": 1, "b": 1.0, "c": true, "d": [1, 2], "e": [1, 2.5], "f": [], "g": [true], "h": 123456789},
        {"a": 2, "b": 3, "c": false, "d": [], "e": [], "f": [], "g": [], "h": 1},
    ]]}))
    .unwrap();
    let ty = |name: &str| episodes.schema.get(name).unwrap().ty;
    assert_eq!(ty("a"), Ty::Int);
    assert_eq!(ty("b"), Ty::Float);
    assert_eq!(ty("c"), Ty::Bool);
    assert_eq!(ty("d"), Ty::Ints);
    assert_eq!(ty("e"), Ty::Floats);
    assert_eq!(ty("g"), Ty::Bools);
    assert_eq!(ty("h"), Ty::Float, "an f32 does not hold this int exactly");
    assert_eq!(ty("length"), Ty::Int, "added, since the episodes have none");
    assert_eq!(episodes.schema.horizon, 2);
    assert_eq!(episodes.records.len(), 2 * episodes.schema.stride);
}

#[test]
fn bad_input_is_one_sentence() {
    for (input, message) in [
        ("{", "the input is not JSON: EOF while parsing an object at line 1 column 1"),
        ("{}", "the input has no list `groups`"),
        ("{\"groups\": [3]}", "group 0 is not a list"),
        ("{\"groups\": [[3]]}", "episode 0 of group 0 is not an object"),
        ("{\"groups\": [[{\"x\": \"a\"}]]}", "the field `x` of episode 0 is not a number, a bool or a list of numbers"),
        ("{\"groups\": [[{\"x\": 1}, {\"y\": 1}]]}", "episode 1 has no field `x`"),
        ("{\"groups\": [[{\"x\": 1}, {\"x\": [1]}]]}", "the field `x` is a list in some episodes and not in others"),
        ("{\"groups\": [[{\"x\": 1e39}]]}", "the field `x` of episode 0 is too large"),
        ("{\"run\": {\"step\": []}, \"groups\": []}", "`run.step` is not a number"),
    ] {
        assert_eq!(score_json("def a(ep):\n    return ep.x\n", input).unwrap_err(), message);
    }
    let error = score_json("def a(ep):\n    return ep.y\n", "{\"groups\": [[{\"yy\": 1}]]}").unwrap_err();
    assert!(error.starts_with("error: no field `y`\n"), "{error}");
    assert_eq!(
        score_json("def a(ep):\n    return 1.0\n", "{\"groups\": [[], []]}").unwrap()["reward"],
        json!([[], []])
    );
}

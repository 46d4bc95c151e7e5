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
        (
            "{\"groups\": [[{\"x\": {}}]]}",
            "the field `x` of episode 0 is not a number, a bool, a string or a list of these",
        ),
        (
            "{\"groups\": [[{\"x\": [1, null]}]]}",
            "the field `x` of episode 0 is not a number, a bool, a string or a list of these",
        ),
        ("{\"groups\": [[{\"x\": [\"a\", 1]}]]}", "the field `x` has strings and other values"),
        ("{\"groups\": [[{\"x\": \"a\"}, {}]]}", "the field `x` is a string in some episodes and missing in others"),
        (
            "{\"groups\": [[{\"x\": [[1, 2], [3]]}]]}",
            "the lists in the field `x` of episode 0 are not all of one length",
        ),
        (
            "{\"groups\": [[{\"x\": [[1], 3]}]]}",
            "the field `x` of episode 0 is neither a list of numbers nor a list of lists",
        ),
        (
            "{\"groups\": [[{\"x\": [[[1]]]}]]}",
            "the field `x` of episode 0 is neither a list of numbers nor a list of lists",
        ),
        (
            "{\"groups\": [[{\"x\": [[]]}]]}",
            "the field `x` of episode 0 is neither a list of numbers nor a list of lists",
        ),
        ("{\"group\": [[{\"x\": 1}]], \"groups\": []}", "the input has a field `group`; did you mean `groups`?"),
        ("{\"weights\": {}, \"groups\": []}", "the input has a field `weights`; it may have `groups` and `run`"),
        (
            "{\"groups\": [[{\"length\": [1]}]]}",
            "the field `length` is the number of steps of an episode, so it is no list",
        ),
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

#[test]
fn a_field_may_be_missing_in_some_episodes() {
    let program = "def plain(ep):
    return ep.x
def told(ep):
    return -1 if ep.ok is None else ep.ok + 1
def used(ep):
    return ep.x * 2
def listed(ep):
    return sum(ep.path)
";
    let input = json!({"groups": [[
        {"x": 1.5, "ok": true, "path": [1, 2]},
        {"x": null, "path": []},
        {"ok": false, "path": null},
        {"x": 3, "ok": null},
    ]]});
    let none = json!({"error": "None used as a number", "line": 6});
    let absent = json!({"error": "the episode has no such list", "line": 8});
    let out = score_json(program, &input.to_string()).unwrap();
    assert_eq!(out["components"]["plain"], json!([[1.5, null, null, 3.0]]));
    assert_eq!(out["components"]["told"], json!([[2.0, -1.0, 1.0, -1.0]]));
    assert_eq!(out["components"]["used"], json!([[3.0, none, none, 6.0]]));
    assert_eq!(out["components"]["listed"], json!([[3.0, 0.0, absent, absent]]));
}

#[test]
fn a_length_that_is_missing_is_that_of_the_longest_list() {
    let input =
        json!({"groups": [[{"length": 1, "path": [1, 2]}, {"length": null, "path": [1, 2, 3]}, {"path": [4]}]]});
    let out = score_json("def s(ep, t):\n    return ep.path[t] + 10 * ep.length\n", &input.to_string()).unwrap();
    assert_eq!(out["steps"]["s"], json!([[11.0], [31.0, 32.0, 33.0], [14.0]]));
}

#[test]
fn a_small_text_cannot_ask_for_all_memory() {
    let input = json!({"groups": [vec![json!({"length": 65_536}); 2000]]});
    let error = score_json("def s(ep, t):\n    return t\n", &input.to_string()).unwrap_err();
    assert_eq!(error, "2000 episodes of 65536 numbers each are too many; score them in parts");
}

#[test]
fn strings_are_tokens() {
    let program = "def end(ep):
    return 1.0 if ep.tokens[-1] == \"<eos>\" else 0.0
def kind(ep):
    if ep['kind'] in (\"sum\", \"never there\"):
        return ep.tokens.count(ep.kind)
    return -1.0
";
    let input = json!({"groups": [[
        {"kind": "sum", "tokens": ["sum", "b", "sum", "<eos>"]},
        {"kind": "other", "tokens": ["b"]},
    ]]});
    let out = score_json(program, &input.to_string()).unwrap();
    assert_eq!(out["components"]["end"], json!([[1.0, 0.0]]));
    assert_eq!(out["components"]["kind"], json!([[2.0, -1.0]]));
}

#[test]
fn lists_of_lists_are_read_by_element() {
    let program = "import math
def reward_function(params):
    waypoints = params['waypoints']
    before, after = params['closest_waypoints']
    x, y = waypoints[after]
    direction = math.atan2(y - waypoints[before][1], x - waypoints[before][0])
    return math.degrees(direction) + len(waypoints)
def around(ep):
    return sum(x * y for x, y in ep.waypoints) + max(p[0] for p in ep.waypoints[1:]) + ep.waypoints[-1][1]
";
    let input = json!({"groups": [[
        {"waypoints": [[0, 0.5], [1, 1.5], [3, 1.5]], "closest_waypoints": [0, 1]},
        {"waypoints": [[0, 0], [2.5, 0]], "closest_waypoints": [0, 1]},
        {"waypoints": [[0, 0], [2, 0]], "closest_waypoints": [0, 2]},
    ]]});
    let out = score_json(program, &input.to_string()).unwrap();
    let index = json!({"error": "list index out of range", "line": 5});
    assert_eq!(out["components"]["reward_function"], json!([[48.0, 2.0, index]]));
    assert_eq!(out["components"]["around"], json!([[6.0 + 3.0 + 1.5, 2.5, 2.0]]));
}

#[test]
fn what_is_raised_keeps_its_words() {
    let program = "def a(ep):
    assert ep.x > 0, \"x is positive\"
    if ep.x > 2:
        raise ValueError(f\"x is {ep.x}\")
    return ep.x
";
    let out = score_json(program, &json!({"groups": [[{"x": 1}, {"x": 0}, {"x": 3}]]}).to_string()).unwrap();
    let positive = json!({"error": "AssertionError: x is positive", "line": 2});
    let large = json!({"error": "ValueError: x is {ep.x}", "line": 4});
    assert_eq!(out["reward"], json!([[1.0, positive, large]]));
}

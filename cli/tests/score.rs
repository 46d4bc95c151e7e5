//! `goodhart score`: a reward program over episodes given as JSON, on both engines.

mod common;

use common::{assert_refused, goodhart};
use serde_json::{Value, json};

const PROGRAM: &str = r#"
weights = {"right": 1.0, "brief": 0.5}

def right(ep):
    return 1.0 if ep.correct else None

def brief(ep):
    return 4 / (ep.length - 3)

def each(ep, t):
    return ep.gain[t] * 2

def combine(r, ep, group, batch, run):
    return r.brief + r.each + run.step
"#;

fn input() -> Value {
    let episode =
        |correct: bool, length: u32, gain: Vec<f64>| json!({"correct": correct, "length": length, "gain": gain});
    json!({
        "run": {"step": 10.0},
        "groups": [
            [episode(true, 2, vec![1.0, 2.0]), episode(false, 1, vec![0.5])],
            [episode(true, 3, vec![1.0, 1.0, 1.0])],
        ],
    })
}

/// A program in a file of its own.
fn program(name: &str, code: &str) -> String {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, code).unwrap();
    file.to_str().unwrap().to_string()
}

fn assert_scores(engine: &str) {
    let said = goodhart(
        &["score", "--program", &program(&format!("{engine}.py"), PROGRAM), "--engine", engine],
        &input().to_string(),
    );
    assert_eq!(said.code, 0, "{}", said.err);
    let out: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(out["components"]["right"], json!([[1.0, null], [1.0]]));
    assert_eq!(out["components"]["brief"][0], json!([-4.0, -2.0]));
    let failed = &out["components"]["brief"][1][0];
    assert_eq!(failed["line"], 8);
    assert!(failed["error"].as_str().unwrap().contains("zero"), "{failed}");
    assert_eq!(out["steps"]["each"], json!([[2.0, 4.0], [1.0], [2.0, 2.0, 2.0]]));
    assert_eq!(out["reward"][0], json!([12.0, 9.0]));
    assert_eq!(out["reward"][1][0]["line"], 8);
}

#[test]
fn the_cpu_scores_and_says_where_a_program_failed() {
    assert_scores("cpu");
}

/// What needs a GPU is left out only where that was asked for.
fn without_gpu() -> bool {
    std::env::var("GOODHART_NO_GPU").as_deref() == Ok("1")
}

#[test]
fn the_gpu_scores_the_same() {
    if !without_gpu() {
        assert_scores("gpu");
    }
}

/// Fields that some episodes lack, and groups of every size.
#[test]
fn both_engines_say_the_same_about_ragged_episodes() {
    let code = "def told(ep):
    return -1 if ep.ok is None else ep.ok + 1
def used(ep):
    return ep.x * 2
def listed(ep):
    return sum(ep.path) + len(ep.path)
def s(ep, t):
    return ep.path[t] if ep.y is not None and ep.y > t else None
def combine(r, ep, group, batch, run):
    return r.told + len(group) + 10 * len(batch) + mean(e.x for e in batch if e.x is not None)
";
    let input = json!({"groups": [
        [{"x": 1.5, "ok": true, "y": 1, "path": [1, 2]}, {"x": null, "path": []}, {"x": 4.5, "y": 4, "path": [3]}],
        [],
        [{"x": -3, "ok": null, "y": 9, "path": [4, 5]}],
        [{"ok": false}],
    ]});
    let program = program("ragged.py", code);
    let on = |engine: &str| goodhart(&["score", "--program", &program, "--engine", engine], &input.to_string());
    let cpu = on("cpu");
    assert_eq!(cpu.code, 0, "{}", cpu.err);
    let out: Value = serde_json::from_str(&cpu.out).unwrap();
    assert_eq!(out["components"]["told"], json!([[2.0, -1.0, -1.0], [], [-1.0], [1.0]]));
    assert_eq!(out["components"]["used"][0][1], json!({"error": "None used as a number", "line": 4}));
    assert_eq!(out["steps"]["s"][0], json!([1.0, null]));
    assert_eq!(out["reward"][2], json!([-1.0 + 1.0 + 30.0 + 1.0]));
    if !without_gpu() {
        assert_eq!(on("gpu").out, cpu.out);
    }
}

#[test]
fn what_cannot_be_scored_is_refused_in_one_line() {
    let good = program("good.py", PROGRAM);
    assert_refused(&goodhart(&["score", "--program", &good], "nonsense"), "JSON");
    assert_refused(&goodhart(&["score", "--program", &good], "{\"groups\": []}"), "");
    assert_refused(&goodhart(&["score", "--program", "none.py"], "{}"), "none.py");
    let broken = program("broken.py", "def right(ep):\n    return ep.corect\n");
    let said = goodhart(&["score", "--program", &broken], &input().to_string());
    assert_refused(&said, "broken.py:2:");
    assert_refused(&said, "did you mean `correct`?");
}

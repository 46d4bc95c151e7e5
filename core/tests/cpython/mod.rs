//! CPython, the reference of both languages.

use goodhart_core::reward::LIBRARY;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// What CPython says of cases, one answer each. `shim` is a script of `core/tests/` that reads `{library, cases}` from its
/// standard input and writes the list of answers.
pub fn answers(shim: &str, cases: Vec<Value>) -> Vec<Value> {
    let mut child = Command::new("python3")
        .arg("-B")
        .arg(format!("{}/tests/{shim}", env!("CARGO_MANIFEST_DIR")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is the reference of reward and task programs and must be installed");
    let mut stdin = child.stdin.take().unwrap();
    let library: Vec<&str> = LIBRARY.iter().map(|entry| entry.name).collect();
    let text = json!({ "library": library, "cases": cases }).to_string();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the Python side failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

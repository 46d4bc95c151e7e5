//! Input without an end, streams that cannot be written, text that steers a terminal, and being stopped.

mod common;

use common::{Said, assert_refused, folder, goodhart, root};
use serde_json::Value;
use std::fs::File;
use std::process::{Child, Command, Stdio};

const SMALL: &str = "version = 1\ntitle = \"t\"\ntask = { kind = \"bandit\" }\npolicy = { kind = \"table\" }\n\
    run = { updates = 100000, seeds = 4, groups = 4 }\n\
    [[arms]]\nname = \"a\"\ncode = \"def r(ep):\\n    return ep.proxy\\n\"\n";

fn written(name: &str, text: &str) -> String {
    let file = folder(name).join("experiment.toml");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_string()
}

/// Runs with these files as its standard input and standard error.
fn with_streams(args: &[&str], input: &str, error: Stdio) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_goodhart"));
    command.args(args).current_dir(root()).stdin(File::open(input).unwrap()).stderr(error);
    let out = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: out.status.code().unwrap_or(-1), out: text(out.stdout), err: text(out.stderr) }
}

#[test]
fn a_standard_error_that_cannot_be_written_is_no_panic() {
    let broken = folder("full").join("p.py");
    std::fs::write(&broken, "def pay(ep):\n    return ep.proxi\n").unwrap();
    let broken = broken.to_str().unwrap();
    for args in [
        &["run", "no-such-file.toml"][..],
        &["rnu"],
        &[],
        &["lint", "--program", broken, "--task", "bandit"],
        &["advantages"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(with_streams(args, "/dev/null", full.into()).code, 2, "{args:?}");
        // A pipe that nobody reads any more.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(with_streams(args, "/dev/null", writer.into()).code, 2, "{args:?}");
    }
}

#[test]
fn input_without_an_end_is_refused() {
    let program = folder("endless").join("p.py");
    std::fs::write(&program, "def pay(ep):\n    return 1.0\n").unwrap();
    let program = program.to_str().unwrap();
    for args in [
        &["run", "/dev/zero"][..],
        &["lint", "/dev/zero"],
        &["lint", "--program", "/dev/zero"],
        &["solve", "/dev/zero"],
        &["check", "/dev/zero"],
        &["link", "/dev/zero"],
        &["show", "/dev/zero"],
        &["score", "--program", "/dev/zero"],
        &["score", "--program", program],
        &["advantages"],
        &["loss"],
    ] {
        let said = with_streams(args, "/dev/zero", Stdio::piped());
        assert_refused(&said, "cannot be read: it is longer than ");
    }
}

#[test]
fn no_message_repeats_a_long_line() {
    let long = "x".repeat(400_000);
    let broken = written("long-line", &format!("version = 1\ntitle = \"t\"\nlesson = \"{long}\" {long}\n"));
    let said = goodhart(&["run", &broken], "");
    assert_refused(&said, "line 3");
    assert!(said.err.len() < 500, "{}", said.err.len());
    // Names may be long as well.
    for text in [
        SMALL.replace("name = \"a\"", &format!("name = \"{long}\"")).replace("ep.proxy", "ep.proxi"),
        SMALL.replace("kind = \"bandit\"", &format!("kind = \"{long}\"")),
        SMALL.replace("updates =", &format!("{long} =")),
        SMALL.replace("title =", &format!("{long} = 1\ntitle =")),
    ] {
        let said = goodhart(&["run", &written("long-name", &text)], "");
        assert_refused(&said, "xxx");
        assert!(said.err.len() < 5000, "{}", said.err.len());
    }
    let said = goodhart(&["run", &written("huge", &"#".repeat(30_000_000))], "");
    assert_refused(&said, "longer than");
    // A program's own line is cut around what is wrong with it.
    let program = folder("long-program").join("p.py");
    std::fs::write(&program, format!("def pay(ep):\n    return \"{long}\" + ep.proxi\n")).unwrap();
    let said = goodhart(&["lint", "--program", program.to_str().unwrap(), "--task", "bandit"], "");
    assert!(said.code == 1 && said.err.len() < 5000, "{}: {}", said.code, said.err.len());
}

#[test]
fn numbers_of_threads_and_seeds_have_bounds() {
    let file = written("bounds", SMALL);
    for threads in ["0", "257", "1000000000", "99999999999999999999999"] {
        assert_refused(&goodhart(&["run", &file, "--threads", threads], ""), "--threads");
    }
    assert_refused(&goodhart(&["run", &file, "--seeds", "1000000000"], ""), "seeds must be between 1 and 64");
    assert_refused(&goodhart(&["run", &file, "--updates", "4000000000"], ""), "updates must be between 1 and 100000");
}

#[test]
fn names_of_strangers_do_not_steer_the_terminal() {
    let text = SMALL.replace("name = \"a\"", "name = \"a\\u001b[2Jb\\u009b1mc\\u202ed\"").replace("100000", "2");
    let file = written("steer", &text);
    for args in [&["run", &file, "--engine", "cpu"][..], &["solve", &file], &["lint", &file]] {
        let said = goodhart(args, "");
        assert_eq!(said.code, 0, "{}", said.err);
        let all = said.out + &said.err;
        assert!(all.contains("a�[2Jb�1mc�d") || all.is_empty(), "{all}");
    }
    let said = goodhart(&["run", &file.replace("steer", "\u{1b}[2J")], "");
    assert_refused(&said, "�[2J");
}

/// What `/proc` says of a process; the test is of Linux, as the tests are.
fn proc(child: &Child, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{file}", child.id())).unwrap()
}

/// Whether the process has a handler for SIGINT.
fn listens(child: &Child) -> bool {
    let status = proc(child, "status");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 << 1 != 0
}

/// Hundredths of a second that the process has computed.
fn computed(child: &Child) -> u64 {
    let stat = proc(child, "stat");
    stat.rsplit(')').next().unwrap().split_whitespace().nth(11).unwrap().parse().unwrap()
}

#[test]
fn a_run_that_is_stopped_keeps_what_it_measured() {
    let file = written("stopped", SMALL);
    let out = folder("stopped-out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_goodhart"))
        .args(["run", &file, "--engine", "cpu", "--threads", "2", "--out", out.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !listens(&child) || computed(&child) < 20 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{said}");
    let rows: Vec<Value> = std::fs::read_to_string(out.join("metrics.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(rows.len() > 1 && rows.iter().all(|row| row["true_score"].is_number()));
    assert!(said.contains(&format!("stopped; {} updates of 2 of 4 lanes are in ", rows.len())), "{said}");
    let summary: Value = serde_json::from_slice(&std::fs::read(out.join("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["interrupted"], &summary["verdict"]), (&Value::Bool(true), &Value::Array(Vec::new())));
}

//! Programs with mistakes and what is said about them, word for word: `reward_diagnostics.txt` holds the cases.
//! After a change that is meant, GOODHART_UPDATE=1 rewrites the file; read the difference.

use std::fmt::Write;

use goodhart_core::reward::schema::{EpisodeSchema, RunSchema, Ty};
use goodhart_core::reward::{MAX_SOURCE, Severity, compile, completions, format_rustc_like};

fn schema() -> EpisodeSchema {
    EpisodeSchema::new(["work", "answer", "<eos>"].map(String::from).to_vec(), 24)
        .field("length", Ty::Int, 1, "Number of tokens.")
        .field("correct", Ty::Bool, 1, "The verdict.")
        .field("score", Ty::Float, 1, "")
        .field("target", Ty::Token, 1, "The right answer.")
        .field("tokens", Ty::Tokens, 24, "The completion.")
        .field("potential", Ty::Floats, 25, "")
}

fn run() -> RunSchema {
    RunSchema { names: vec!["step".to_string(), "accuracy".to_string()] }
}

fn describe(source: &str) -> String {
    let mut text = String::new();
    for d in compile(source, &schema(), &run()).diagnostics {
        let severity = if d.severity == Severity::Error { "error" } else { "warning" };
        let range = &source[d.start..d.end];
        let _ =
            write!(text, "{}:{} {severity} [{}] {}", d.line, d.column, range.lines().next().unwrap_or(""), d.message);
        let _ = writeln!(text, "{}", d.suggestion.map(|s| format!(" | {s}")).unwrap_or_default());
    }
    if text.is_empty() { "fine\n".to_string() } else { text }
}

#[test]
fn every_mistake_is_named() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reward_diagnostics.txt");
    let file = std::fs::read_to_string(path).unwrap();
    let mut actual = String::new();
    for case in file.split("====\n").filter(|case| !case.trim().is_empty()) {
        let source = case.split("----\n").next().unwrap_or("");
        let _ = write!(actual, "====\n{source}----\n{}", describe(source));
    }
    if std::env::var("GOODHART_UPDATE").as_deref() == Ok("1") {
        std::fs::write(path, &actual).unwrap();
    }
    for (expected, actual) in file.split("====\n").zip(actual.split("====\n")) {
        assert_eq!(expected, actual);
    }
    assert_eq!(file.matches("----\n").count(), actual.matches("----\n").count());
}

#[test]
fn diagnostics_are_rendered_like_those_of_rustc() {
    let source = "def a(ep):\n\treturn 1.0 if ep.corect else 0.0\n";
    let text = format_rustc_like(source, &compile(source, &schema(), &run()).diagnostics, "reward.py");
    let expected = "error: no field `corect`\n --> reward.py:2:19\n  |\n2 | \treturn 1.0 if ep.corect else 0.0\n  | \t                 ^^^^^^\n  = help: did you mean `correct`?\n\n";
    assert_eq!(text, expected);
}

fn labels(source: &str) -> Vec<String> {
    let at = source.find('|').unwrap();
    let offers = completions(&source.replacen('|', "", 1), at, &schema(), &run());
    offers.into_iter().map(|offer| offer.label).collect()
}

#[test]
fn completions_fit_the_place() {
    let fields = ["length", "correct", "score", "target", "tokens", "potential"];
    assert_eq!(labels("def a(ep):\n    return ep.|"), fields);
    assert_eq!(labels("def a(ep):\n    return ep.le|\n"), fields);
    assert_eq!(labels("def a(ep):\n    return 1\ndef combine(r, ep, group, batch, run):\n    return r.|"), ["a"]);
    assert_eq!(labels("def combine(r, ep, group, batch, run):\n    return run.|"), ["step", "accuracy"]);
    assert_eq!(labels("def combine(r, ep, group, batch, run):\n    return sum(e.| for e in group)"), fields);
    assert_eq!(labels("def a(params):\n    return params['|"), fields);
    assert_eq!(labels("def a(params):\n    return params.get(\"le|"), fields);
    assert_eq!(labels("def a(ep):\n    return ep.target == \"|"), ["work", "answer", "<eos>"]);
    assert_eq!(labels("def a(ep):\n    return 1\nweights = {\"|"), ["a"]);
    assert!(labels("def a(ep):\n    return 1  # ep.|").is_empty());
    let padding = "#".repeat(MAX_SOURCE);
    assert!(labels(&format!("def a(ep):\n    return ep.|\n{padding}")).is_empty(), "no program is so long");
    let names = labels("ALPHA = 1\ndef _h(x):\n    return x\ndef a(ep):\n    return |");
    for name in ["ep", "ALPHA", "_h", "sigmoid", "return", "pi"] {
        assert!(names.iter().any(|label| label == name), "{name}");
    }
    let detail = completions("def a(ep):\n    ep.", 18, &schema(), &run())[0].detail.clone();
    assert_eq!(detail, "int: Number of tokens.");
}

#[test]
fn comments_and_blank_lines_make_no_other_program() {
    let code = "def pay(ep):\n    return 1.0 if ep.goal else 0.0\n";
    for as_well in [
        "# why\ndef pay(ep):\n    return 1.0 if ep.goal else 0.0\n",
        "def pay(ep):\n\n  # why\n  return 1.0 if ep.goal else 0.0  # so\n\n# the end",
    ] {
        assert!(goodhart_core::reward::same(code, as_well), "{as_well}");
    }
    for other in [
        "def pay(ep):\n    return 2.0 if ep.goal else 0.0\n",
        "def pays(ep):\n    return 1.0 if ep.goal else 0.0\n",
        "def pay(ep):\n    return 1.0 if ep.goal else 0.0\npass\n",
    ] {
        assert!(!goodhart_core::reward::same(code, other), "{other}");
    }
}

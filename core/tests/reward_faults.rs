//! Programs that were wrong without a word, each for its kind: a diagnostic, or Python's value.

use goodhart_core::reward::json::score_json;
use serde_json::{Value, json};

/// The rewards of one group of episodes.
fn rewards(program: &str, episodes: Value) -> Value {
    let out = score_json(program, &json!({ "groups": [episodes] }).to_string());
    out.unwrap_or_else(|e| panic!("{e}"))["reward"][0].clone()
}

/// What is said of a program that is refused.
fn refused(program: &str, episodes: Value) -> String {
    score_json(program, &json!({ "groups": [episodes] }).to_string()).expect_err("refused")
}

#[test]
fn a_variable_that_nothing_begins_is_named() {
    let episodes = json!([{"l": [1.0, 2.0], "length": 2}]);
    for (body, name) in [
        ("for v in ep.l:\n        s += v\n    if s > 1:\n        return 1.0\n    return 2.0", "s"),
        ("for v in ep.l:\n        s += v\n    return s", "s"),
        ("for v in ep.l:\n        bonus += 0.1\n    return 1.0 * ep.length", "bonus"),
        ("for v in ep.l:\n        x = x\n    return 1.0 * ep.length", "x"),
        ("for v in ep.l:\n        a, b = b, a\n    return 1.0 * ep.length", "b"),
        ("n = ep.length\n    for v in ep.l:\n        top = max(top, v)\n    return n", "top"),
        ("return sum(v * scale for v in ep.l)\n    scale = 2.0", "scale"),
    ] {
        let said = refused(&format!("def r(ep):\n    {body}\n"), episodes.clone());
        assert!(said.contains(&format!("`{name}` is read before anything gives it a value")), "{said}");
    }
    let shadowed = "s = 1.0\ndef r(ep):\n    for v in ep.l:\n        s += v\n    return s\n";
    assert!(
        refused(shadowed, episodes.clone()).contains("`s` is read before"),
        "a constant of the same name is no start"
    );
    let in_a_constant =
        "def _f(x):\n    return y + x\n    y = 1.0\nK = _f(1.0)\ndef r(ep):\n    return K * ep.length\n";
    assert!(refused(in_a_constant, episodes).contains("`y` is read before"), "constants call helpers too");
}

#[test]
fn a_loop_goes_over_what_there_was_when_it_began() {
    let episodes = json!([{"l": [1.0, 2.0, 4.0], "length": 3}]);
    for (body, expected) in [
        ("n = 2\n    s = 0\n    for i in range(n, 5):\n        n = 10\n        s = s + i\n    return s", 9.0),
        ("k = 1\n    s = 0\n    for i in range(0, 5, k):\n        k = 3\n        s = s + i\n    return s", 10.0),
        ("l = ep.l\n    s = 0.0\n    for x in l:\n        l = ep.l[2:]\n        s += x\n    return s", 7.0),
        ("l = [1, 2]\n    s = 0\n    for x in l:\n        l = [5, 5]\n        s += x\n    return s", 3.0),
        (
            "n = 1\n    s = 0\n    for i, x in enumerate(ep.l, n):\n        n = 9\n        s += i * x\n    return s",
            17.0,
        ),
    ] {
        assert_eq!(rewards(&format!("def r(ep):\n    {body}\n"), episodes.clone()), json!([expected]), "{body}");
    }
}

#[test]
fn a_type_may_take_many_passes_to_be_known() {
    let links: String =
        (1..30).rev().map(|i| format!("        if i > {i}:\n            x{} = x{i}\n", i + 1)).collect();
    let program = format!("def r(ep):\n    for i in range(40):\n{links}        x1 = 0.5\n    return x30\n");
    assert_eq!(rewards(&program, json!([{"length": 1}])), json!([0.5]));
}

#[test]
fn a_remainder_is_there_where_the_quotient_is_too_large() {
    let value =
        |text: &str| rewards(&format!("def r(ep):\n    return {text} + 0.0 * ep.x\n"), json!([{"x": 1.5}]))[0].clone();
    assert_eq!(value("9e37 % 0.5"), json!(0.0));
    assert_eq!(value("9e37 % -0.5"), json!(0.0));
    assert_eq!(value("-9e37 % 1e-30 * 0.0"), json!(0.0));
    assert_eq!(value("9e37 // 2e37"), json!(4.0));
    assert_eq!(value("9e37 // 0.5")["error"], json!("not finite"), "the quotient itself is beyond 1e38");
}

#[test]
fn one_element_is_compared_with_nothing() {
    let program = |text: &str| format!("def r(ep):\n    x = {text}\n    return 7.0 if x is None else x\n");
    let episodes = json!([{"o": null, "l": [1]}, {"o": 2.5, "l": [1]}, {"o": 2.5, "l": []}]);
    let none = json!({"error": "None used as a number", "line": 2});
    for name in ["min", "max"] {
        let one = program(&format!("{name}([ep.o for x in ep.l[:1]], default=0)"));
        assert_eq!(rewards(&one, episodes.clone()), json!([7.0, 2.5, 0.0]));
        assert_eq!(rewards(&program(&format!("{name}([ep.o])")), episodes.clone()), json!([7.0, 2.5, 2.5]));
        assert_eq!(rewards(&program(&format!("{name}([ep.o, ep.o])")), episodes.clone()), json!([none, 2.5, 2.5]));
        let nothing = program(&format!("{name}((ep.o for x in ep.l), default=None)"));
        assert_eq!(rewards(&nothing, episodes.clone()), json!([7.0, 2.5, 7.0]));
    }
}

#[test]
fn the_mean_of_equal_numbers_is_that_number() {
    let program = "def value(ep):
    return ep.v
def combine(r, ep, group, batch, run):
    centre = mean(e.v for e in group)
    return (r.value - centre) / (std(e.v for e in group) + 1e-8)
";
    for (n, v) in [(8, 0.3), (16, 0.7), (3, 1e-7), (64, 123_456.79), (7, -9.9e37), (1000, 0.1)] {
        let group = vec![json!({ "v": v }); n];
        assert_eq!(rewards(program, json!(group)), json!(vec![0.0; n]), "{n} times {v}");
    }
    let spread = "def r(ep):\n    return std(ep.l) + 10 * mean(ep.l)\n";
    let far = json!([{"l": [1_000_000.0, 1_000_001.0, 1_000_002.0, 1_000_003.0]}]);
    let got = rewards(spread, far)[0].as_f64().unwrap();
    assert!((got - 10_000_016.118).abs() < 1.0, "{got}");
}

#[test]
fn bounds_follow_through_assignments_and_arithmetic() {
    let ids: Vec<i32> = (0..200).map(|i| i % 40).collect();
    let program = |head: &str, range: &str| {
        format!(
            "def r(ep):
    {head}
    new = 0
    for i in range({range}):
        if not any(ep.ids[j] == ep.ids[i] and ep.ids[j + 1] == ep.ids[i + 1] for j in range(i)):
            new += 1
    return new - 1.0
"
        )
    };
    for (head, range) in [
        ("total = len(ep.ids) - 1", "total"),
        ("total = max(len(ep.ids), 1) - 1", "total"),
        ("total = len(ep.ids)\n    total = total - 1", "total"),
        ("total = len(ep.ids) - 1 if ep.length > 1 else 0", "total"),
        ("total = 0\n    if ep.length > 1:\n        total = len(ep.ids) - 1", "total"),
        ("half = (len(ep.ids) - 1) // 2", "2 * half + 1"),
        ("last = min(len(ep.ids), 500)", "abs(last - 1)"),
        ("total = sum(1 for x in ep.ids) - 1", "total"),
    ] {
        let got = rewards(&program(head, range), json!([{ "ids": ids }]));
        assert_eq!(got, json!([39.0]), "{head}");
    }
    // What a loop changes is not known in it: the bound is the general one, and no bound is too small.
    let grows = "def r(ep):\n    n = 1\n    s = 0\n    for x in ep.ids:\n        for k in range(n):\n            s += 1\n        n = n + 1\n    return s\n";
    assert_eq!(rewards(grows, json!([{"ids": [1, 2, 3, 4]}])), json!([10.0]));
    let jumps = "def r(ep):\n    n = 1\n    for x in ep.ids:\n        if x > 2:\n            n = 30\n    return sum(1 for k in range(n))\n";
    assert_eq!(rewards(jumps, json!([{"ids": [1, 2]}, {"ids": [3]}])), json!([1.0, 30.0]));
}

#[test]
fn a_logistic_curve_is_steep_without_an_error() {
    let value =
        |text: &str, x: f64| rewards(&format!("def r(ep):\n    return {text}\n"), json!([{ "x": x }]))[0].clone();
    for text in ["1 / (1 + exp(-10 * (ep.x - 10)))", "1.0 / (math.exp(-10 * (ep.x - 10)) + 1)"] {
        for x in [-40.0, 0.5, 9.9, 10.0, 10.1, 60.0] {
            let expected = 1.0 / (1.0 + f64::exp(-10.0 * (x - 10.0)));
            let got = value(text, x).as_f64().unwrap_or_else(|| panic!("{text} of {x}: {}", value(text, x)));
            assert!((got - expected).abs() < 1e-5, "{text} of {x}: {got}, not {expected}");
        }
        assert_eq!(value(text, -100.0)["error"], json!("result too large"), "as in Python");
    }
    assert_eq!(value("(ep.x + 2) / (1 + exp(ep.x))", 98.0)["error"], Value::Null);
    let error = value("exp(ep.x)", 100.0)["error"].clone();
    assert!(error.as_str().is_some_and(|error| error.contains("write sigmoid(x)")), "{error}");
}

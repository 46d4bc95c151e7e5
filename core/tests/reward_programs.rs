//! Whole programs on the CPU evaluator, against values worked out by hand.

use goodhart_core::reward::schema::{EpisodeSchema, RunSchema, Ty};
use goodhart_core::reward::{Program, Scores, Scratch, compile, error_text, harness};

const DESIGN: &str = r#"
def accuracy(ep):                    # a component: one value an episode; None = not applicable
    return 1.0 if ep.correct else 0.0

def brevity(ep):
    return -0.01 * ep.length

def progress(ep, t):                 # a step component: one value a step (credit assignment)
    return ep.potential[t + 1] - ep.potential[t]

def combine(r, ep, group, batch, run):     # optional; the default is the weighted sum
    n = sum(1 for e in group if e.correct)
    mean_len = sum(e.length for e in group if e.correct) / max(n, 1)
    easy = n / len(group) >= 0.75
    return r.accuracy - (0.6 * sigmoid((ep.length - mean_len) / 4) if easy and ep.correct else 0.0)
"#;

fn schema() -> EpisodeSchema {
    let tokens = ["pad", "work", "answer", "7"].map(String::from).to_vec();
    EpisodeSchema::new(tokens, 4)
        .field("length", Ty::Int, 1, "steps")
        .field("correct", Ty::Bool, 1, "the verdict")
        .field("potential", Ty::Floats, 5, "potential of each state")
        .field("tokens", Ty::Tokens, 4, "what was said")
        .field("score", Ty::Float, 1, "a number")
}

/// Length, correct, potential, tokens, score.
type Episode<'a> = (usize, bool, &'a [f32], &'a [f32], f32);

fn records(episodes: &[Episode]) -> Vec<f32> {
    let mut records = Vec::new();
    for (length, correct, potential, tokens, score) in episodes {
        records.extend([*length as f32, f32::from(u8::from(*correct)), potential.len() as f32]);
        records.extend((0..5).map(|i| potential.get(i).copied().unwrap_or(0.0)));
        records.push(tokens.len() as f32);
        records.extend((0..4).map(|i| tokens.get(i).copied().unwrap_or(0.0)));
        records.push(*score);
    }
    records
}

fn program(source: &str) -> Program {
    let compiled = compile(source, &schema(), &RunSchema::new(&["step", "accuracy"]));
    compiled.program.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

fn score(source: &str, episodes: &[Episode], group: usize) -> Scores {
    let mut out = Scores::default();
    program(source).score(&records(episodes), episodes.len(), group, &[3.0, 0.5], &mut out, &mut Scratch::default());
    out
}

/// The reward of a body of `combine`-less component `c` for one episode.
fn value(body: &str, episode: Episode) -> Result<f32, &'static str> {
    let out = score(&format!("def c(ep):\n    {}\n", body.replace('\n', "\n    ")), &[episode], 1);
    if out.errors[0] != 0 { Err(error_text(out.errors[0] >> 16)) } else { Ok(out.reward[0]) }
}

const EPISODE: Episode = (3, true, &[1.0, 2.5, 3.0, 0.5], &[1.0, 2.0, 1.0], 0.25);

#[test]
fn the_program_of_the_design_document() {
    let a: Episode = (2, true, &[0.0, 1.0, 3.0], &[1.0, 1.0], 0.0);
    let b: Episode = (4, true, &[0.0, 1.0, 1.0, 2.0, 2.0], &[1.0, 2.0], 0.0);
    let out = score(DESIGN, &[a, b, (3, false, &[0.0; 4], &[], 0.0), a], 2);
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    assert_eq!(out.errors, [0; 4]);
    assert_eq!(&out.components[..4], &[1.0, 1.0, 0.0, 1.0]);
    assert_eq!(&out.components[8..], &[3.0, 2.0, 0.0, 3.0]);
    let expected = [1.0 - 0.6 * sigmoid(-0.25), 1.0 - 0.6 * sigmoid(0.25), 0.0, 1.0];
    for (reward, expected) in out.reward.iter().zip(expected) {
        assert!((reward - expected).abs() < 1e-6, "{:?}", out.reward);
    }
    assert_eq!(&out.steps[..2], &[1.0, 2.0]);
    assert!(out.steps[2].is_nan());
    assert_eq!(out.step_reward[1], out.reward[0]);
    assert_eq!(out.step_reward[4 + 3], out.reward[1]);
}

#[test]
fn the_default_reward_is_the_weighted_sum_paid_at_its_steps() {
    let source = "weights = {\"a\": 2.0, \"b\": -0.5}\n\
                  def a(ep, t):\n    return ep.potential[t]\n\
                  def b(ep):\n    return ep.length if ep.correct else None\n";
    let out = score(source, &[EPISODE, (1, false, &[4.0], &[], 0.0)], 2);
    assert_eq!(out.reward, [2.0 * 6.5 - 1.5, 8.0]);
    assert_eq!(&out.step_reward[..4], &[2.0, 5.0, 6.0 - 1.5, 0.0]);
    assert!(out.components[3].is_nan());
}

#[test]
fn the_reward_is_none_when_no_component_applies() {
    let out =
        score("def a(ep):\n    if ep.correct:\n        return 1.0\n    return None\n", &[(1, false, &[], &[], 0.0)], 1);
    assert!(out.reward[0].is_nan());
    assert_eq!(out.errors[0], 0);
}

#[test]
fn python_meaning_of_integers() {
    for (expression, expected) in [
        ("-7 // 2", -4.0),
        ("7 // -2", -4.0),
        ("-7 % 3", 2.0),
        ("7 % -3", -2.0),
        ("7 / 2", 3.5),
        ("-7.5 // 2", -4.0),
        ("-7.5 % 2", 0.5),
        ("2 ** 10", 1024.0),
        ("2 ** -1", 0.5),
        ("-2 ** 2", -4.0),
        ("round(2.5)", 2.0),
        ("round(-0.5)", 0.0),
        ("int(-2.7)", -2.0),
        ("floor(-2.5)", -3.0),
        ("ceil(-2.5)", -2.0),
        ("True + True", 2.0),
        ("1 < 2 < 3 == 3", 1.0),
        ("0 or 5", 5.0),
        ("3 and 0.5", 0.5),
        ("sum([1, 2, 3.5])", 6.5),
        ("[10, 20, 30][-1]", 30.0),
        ("max(3, 1, 2)", 3.0),
        ("min([4, 2, 8])", 2.0),
        ("std([1, 3])", 1.0),
        ("mean([1, 2])", 1.5),
        ("std([])", 0.0),
        ("len([1, 2])", 2.0),
        ("clip(5, 0, 3)", 3.0),
        ("max([x for x in range(0)], default=7)", 7.0),
    ] {
        assert_eq!(value(&format!("return {expression} + 0 * ep.length"), EPISODE), Ok(expected), "{expression}");
    }
}

#[test]
fn lists_tokens_and_loops() {
    for (body, expected) in [
        ("return len(ep.tokens)", 3.0),
        ("return sum(ep.potential)", 7.0),
        ("return ep.potential[-1]", 0.5),
        ("return sum(ep.potential[1:3])", 5.5),
        ("return sum(ep.potential[-2:])", 3.5),
        ("return sum(1 for tok in ep.tokens if tok == \"work\")", 2.0),
        ("return ep.tokens.count(\"work\")", 2.0),
        ("return 1 if \"answer\" in ep.tokens else 0", 1.0),
        ("return 1 if ep.tokens[0] in (\"pad\", \"answer\") else 0", 0.0),
        ("return sum(i * x for i, x in enumerate(ep.potential))", 2.5 + 6.0 + 1.5),
        ("return sum(b - a for a, b in zip(ep.potential, ep.potential[1:]))", -0.5),
        ("return sum(x * y for x in ep.potential for y in ep.potential if x < y)", 2.5 + 3.0 + 7.5 + 0.5 + 1.25 + 1.5),
        ("total = 0\nfor x in ep.potential:\n    if x > 2.7:\n        break\n    total += x\nreturn total", 3.5),
        ("for i in range(len(ep.potential)):\n    if ep.potential[i] > 2:\n        return i\nreturn -1", 1.0),
        ("n = 0\nfor i in range(10, 0, -3):\n    if i == 7:\n        continue\n    n += i\nreturn n", 15.0),
        ("a, b = 1, 2\na, b = b, a\nreturn a * 10 + b", 21.0),
        ("x = None\nif ep.correct:\n    x = 3\nreturn 0 if x is None else x + 1", 4.0),
        ("return any(x > 2 for x in ep.potential) + all(x > 2 for x in ep.potential)", 1.0),
        ("return sum(x for x in reversed(ep.potential[:2]))", 3.5),
        ("best = inf\nfor x in ep.potential:\n    best = min(best, x)\nreturn best", 0.5),
        ("return 1 if -inf < ep.score < inf else 0", 1.0),
    ] {
        assert_eq!(value(body, EPISODE), Ok(expected), "{body}");
    }
}

#[test]
fn what_python_raises_is_an_error_of_the_sample() {
    for (body, error) in [
        ("return 1 / (ep.length - 3)", "division by zero"),
        ("return 1 % (ep.length - 3)", "division by zero"),
        ("return log(0.0 * ep.score)", "math domain error"),
        ("return sqrt(-ep.score)", "math domain error"),
        ("return ep.potential[4]", "list index out of range"),
        ("return ep.potential[-5]", "list index out of range"),
        ("return exp(10000 * ep.score)", "result too large"),
        ("return 1e30 * (1e30 * ep.score)", "not finite"),
        ("x = 2000000000\nreturn x + ep.length * 100000000", "an int needs more than 32 bits"),
        ("return min(x for x in ep.potential if x > 100)", "min or max of nothing"),
        ("if not ep.correct:\n    y = 1\nreturn y", "variable used before it is set"),
        ("return (-ep.score) ** 0.5", "fractional power of a negative number"),
        ("return inf if ep.correct else 0.0", "not finite"),
        ("return inf * 0.1 * ep.score", "not finite"),
        ("return sqrt(max(ep.score, inf))", "not finite"),
        ("x = None\nif not ep.correct:\n    x = 1.0\nreturn x + 1", "None used as a number"),
    ] {
        assert_eq!(value(body, EPISODE), Err(error), "{body}");
    }
    // Python does not evaluate what it does not need.
    assert_eq!(value("return 0 if ep.length == 3 else 1 / (ep.length - 3)", EPISODE), Ok(0.0));
    assert_eq!(value("return ep.length == 3 or 1 / (ep.length - 3) > 0", EPISODE), Ok(1.0));
    assert_eq!(value("return any(1 / (x - 2.5) > 0.0 or x == 1.0 for x in ep.potential)", EPISODE), Ok(1.0));
}

#[test]
fn a_sample_with_an_error_is_left_out_of_its_group() {
    let source = "def a(ep):\n    return 1 / ep.score\n\
                  def combine(r, ep, group, batch, run):\n    \
                  return r.a + 10 * len(group) + 100 * len(batch) + 1000 * sum(e.score for e in group)\n";
    let with = |score: f32| -> Episode { (1, true, &[], &[], score) };
    let out = score(source, &[with(1.0), with(0.0), with(0.5), with(0.25)], 2);
    assert_eq!(error_text(out.errors[1] >> 16), "division by zero");
    assert_eq!(out.errors[1] & 0xffff, 2);
    assert!(out.reward[1].is_nan());
    assert_eq!(out.reward[0], 1.0 + 10.0 + 300.0 + 1000.0);
    assert_eq!(out.reward[2], 2.0 + 20.0 + 300.0 + 750.0);
}

#[test]
fn helpers_constants_and_the_run() {
    let source = "ALPHA = 2 * 3 / 4   # 1.5\nTABLE = [0.5, 1, ALPHA]\nWORD = \"work\"\n\
                  def _scale(x, by):\n    return x * by\n\
                  def _first(group):\n    for e in group:\n        return e.score\n    return 0.0\n\
                  def a(ep):\n    return _scale(ep.length, ALPHA) + _scale(2, 3) // 4 + TABLE[ep.length - 1]\n\
                  def b(ep):\n    return sum(1 for tok in ep.tokens if tok == WORD)\n\
                  def combine(r, ep, group, batch, run):\n    return r.a + r.b + run.step * run.accuracy + _first(group)\n";
    let out = score(source, &[EPISODE], 1);
    assert_eq!(out.reward[0], 4.5 + 1.0 + 1.5 + 2.0 + 1.5 + 0.25);
}

#[test]
fn the_shader_text_validates() {
    let programs = [program(DESIGN), program("def a(ep):\n    return ep.score\n")];
    let text = harness(&programs.iter().collect::<Vec<_>>());
    let module = naga::front::wgsl::parse_str(&text).unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    validator.validate(&module).unwrap_or_else(|error| panic!("{}\n{text}", error.emit_to_string(&text)));
}

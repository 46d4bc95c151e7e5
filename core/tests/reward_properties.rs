//! Properties of the compiler: it never panics, and what it accepts gives a shader that validates and runs.

mod reward_support;

use goodhart_core::reward::{Program, Scores, Scratch, Severity, compile, completions, format_rustc_like, harness};
use proptest::prelude::*;
use reward_support::{Episode, Generator, Rng, run_schema, schema};

/// Pieces that random programs are made of, so that some of them get past the parser.
const PIECES: [&str; 76] = [
    "def a(ep):\n",
    "def b(ep, t):\n",
    "def combine(r, ep, group, batch, run):\n",
    "    ",
    "        ",
    "\n",
    "return ",
    "if ",
    "elif ",
    "else",
    ":",
    "for ",
    "x",
    "y",
    " in ",
    "range(",
    ")",
    "(",
    "[",
    "]",
    "{",
    "}",
    ",",
    " = ",
    " += ",
    "1",
    "0",
    "2.5",
    "ep",
    ".length",
    ".tokens",
    ".correct",
    ".potential",
    "group",
    "batch",
    "run.step",
    "r.a",
    "r.b",
    " + ",
    " - ",
    " * ",
    " / ",
    " // ",
    " % ",
    " ** ",
    " < ",
    " == ",
    " is not None",
    " and ",
    " or ",
    "not ",
    "None",
    "True",
    "\"A\"",
    "sum(",
    "max(",
    "mean(",
    "exp(",
    "len(",
    "ALPHA",
    "break\n",
    "weights = {\"a\": 1.0}\n",
    "# text\n",
    "import math\n",
    "    def f(x):\n        ",
    "lambda x: ",
    "raise ValueError(\"x\")\n",
    "assert ",
    "[\"score\"]",
    ".get(\"work\", ",
    "sorted(",
    ", key=",
    "{1: 2, \"a\": ",
    "x, (y, z) = ",
    "**kwargs",
    "é",
];

fn check(source: &str) -> Result<(), TestCaseError> {
    let compiled = compile(source, &schema(), &run_schema());
    let has_error = compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    prop_assert_eq!(compiled.program.is_none(), has_error);
    for diagnostic in &compiled.diagnostics {
        prop_assert!(diagnostic.start <= diagnostic.end && diagnostic.end <= source.len());
        prop_assert!(source.is_char_boundary(diagnostic.start) && source.is_char_boundary(diagnostic.end));
        prop_assert!(diagnostic.message != "this has no meaning here", "an error without a reason: {source}");
        prop_assert!(diagnostic.line >= 1 && diagnostic.column >= 1 && !diagnostic.message.is_empty());
    }
    format_rustc_like(source, &compiled.diagnostics, "program.py");
    completions(source, source.len() / 2, &schema(), &run_schema());
    match compiled.program {
        Some(program) => runs_and_validates(&program),
        None => Ok(()),
    }
}

fn runs_and_validates(program: &Program) -> Result<(), TestCaseError> {
    let mut rng = Rng(7);
    let records: Vec<f32> = (0..4).flat_map(|_| Episode::random(&mut rng).record()).collect();
    let mut out = Scores::default();
    program.score(&records, 4, 2, &[1.0, 0.5], &mut out, &mut Scratch::default());
    prop_assert!(out.reward.iter().all(|reward| reward.is_nan() || reward.is_finite()));
    let text = harness(&[program]);
    let module = naga::front::wgsl::parse_str(&text);
    prop_assert!(module.is_ok(), "{}\n{text}", module.unwrap_err().emit_to_string(&text));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
    let valid = validator.validate(&module.unwrap());
    prop_assert!(valid.is_ok(), "{}\n{text}", valid.unwrap_err().emit_to_string(&text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(source in "\\PC{0,200}") {
        check(&source)?;
    }

    #[test]
    fn any_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn a_body_of_pieces(pieces in prop::collection::vec(prop::sample::select(PIECES[6..].to_vec()), 1..12)) {
        check(&format!("def a(ep):\n    x = ep.length\n    return {}\n", pieces.concat()))?;
    }

    #[test]
    fn generated_programs(seed in 1u64..1_000_000) {
        check(&Generator::new(seed).program())?;
    }

    #[test]
    fn mutated_programs(seed in 1u64..1_000_000, edits in prop::collection::vec((0usize..4000, 0usize..PIECES.len(), 0usize..6), 1..6)) {
        let mut source = Generator::new(seed).program();
        for (at, piece, removed) in edits {
            let start = at % source.len().max(1);
            let end = (start + removed).min(source.len());
            if source.is_char_boundary(start) && source.is_char_boundary(end) {
                source.replace_range(start..end, PIECES[piece]);
            }
        }
        check(&source)?;
    }
}

fn deep() -> Vec<String> {
    vec![
        format!("def a(ep):\n    return {}1{}\n", "(".repeat(9000), ")".repeat(9000)),
        format!("def a(ep):\n    return {}1\n", "-".repeat(15_000)),
        format!("def a(ep):\n    return {}True\n", "not ".repeat(4500)),
        format!("def a(ep):\n    return {}1\n", "1 + ".repeat(4500)),
        format!("def a(ep):\n    return {}1\n", "2 ** ".repeat(3500)),
        format!("def a(ep):\n    return {}1\n", "1 < ".repeat(4500)),
        format!("def a(ep):\n    return {}1\n", "True or ".repeat(2400)),
        format!("def a(ep):\n    return {}ep\n", "[".repeat(9000)),
        format!("def a(ep):\n    return ep{}\n", ".length".repeat(2500)),
        format!("def a(ep):\n    return ep{}\n", "[0]".repeat(6000)),
        format!("def a(ep):\n    return {}1{}\n", "sum(x for x in ".repeat(900), ")".repeat(900)),
        format!("def a(ep):\n    return {}1\n", "1 if True else ".repeat(1200)),
        format!(
            "def a(ep):\n    if ep.correct:\n        return 1\n{}    return 2\n",
            "    elif ep.correct:\n        return 1\n".repeat(400)
        ),
        (0..90).map(|i| format!("{}if True:\n", " ".repeat(i + 1))).fold("def a(ep):\n".to_string(), |a, b| a + &b),
        (0..300).map(|i| format!("def _f{i}(x):\n    return _f{}(x) + _f{}(x)\n", i + 1, i + 1)).collect::<String>()
            + "def a(ep):\n    return _f0(1)\n",
        format!("def a(ep):\n{}    return x\n", "    x = ep.length\n".repeat(1000)),
        "(".repeat(20_001),
        format!(
            "def a(ep):\n    return {}1{}\n",
            "sum(x + 1 for x in range(1) if max(1, ".repeat(14),
            ") for y in range(1))".repeat(14)
        ),
        format!("def a(ep):\n    return {}1{}\n", "sum(".repeat(14), " for x in range(1))".repeat(14)),
        format!("def a(ep):\n    return {}ep.tokens{}[0]\n", "sorted(".repeat(30), ")".repeat(30)),
        (0..14).fold("def _f0(x):\n    return 1\n".to_string(), |text, i| {
            text + &format!("def _f{}(x):\n    return sorted(_f{i}(y) for y in range(2))[0]\n", i + 1)
        }) + "def a(ep):\n    return _f14(1)\n",
        format!("T = [{}]\ndef a(ep):\n    return {}1\n", "1, ".repeat(1000), "T[ep.length]+".repeat(90)),
        format!("T = [{}]\ndef a(ep):\n{}    return x\n", "1, ".repeat(1000), "    x = T\n".repeat(1000)),
        format!("def a(ep):\n    x = [{}]\n{}    return x[0]\n", "ep, ".repeat(1000), "    y = x\n".repeat(1000)),
        format!(
            "D = {{{}}}\ndef a(ep):\n{}    return x\n",
            (0..250).map(|i| format!("{i}: 1, ")).collect::<String>(),
            "    x = D[ep.length]\n".repeat(700)
        ),
        format!("def _f(x):\n    return [{}]\ndef a(ep):\n    return _f(1)[0]\n", "x, ".repeat(1000)),
        format!("def _f(x):\n    return x[0]\ndef a(ep):\n    return _f([{}])\n", "ep.score, ".repeat(900)),
        (0..28).map(|i| format!("{}def f(x):\n", " ".repeat(i + 1))).fold("def a(ep):\n".to_string(), |a, b| a + &b)
            + &format!("{}return ep\n", " ".repeat(30)),
        (0..600)
            .map(|i| format!("    def f{i}(x):\n        return f{}(x)\n", i.max(1) - 1))
            .fold("def a(ep):\n".to_string(), |a, b| a + &b),
        format!("def a(ep):\n    {}x = ep\n", "x = ".repeat(4000)),
        format!("def a(ep):\n    {}x = ep\n", "(".repeat(9000)),
        format!("def a(ep):\n    x = {}\n", "{1: ".repeat(4000)),
        format!("def a(ep):\n    x = {}1\n", "lambda x: ".repeat(1900)),
        format!("def a(ep):\n    {} = 1, 2\n", "(a, ".repeat(4000)),
        (0..40)
            .map(|i| format!("def _f{i}(x):\n    return 1 + max(1, sum(_f{}(x) for y in range(1)))\n", i + 1))
            .collect::<String>()
            + "def _f40(x):\n    return x\ndef a(ep):\n    return _f0(1)\n",
    ]
}

#[test]
fn limits_hold_without_a_stack_overflow() {
    // As little as a worker in a browser has.
    let compiled = |source: &str| {
        let source = source.to_string();
        let thread = std::thread::Builder::new().stack_size(768 * 1024);
        thread.spawn(move || compile(&source, &schema(), &run_schema())).unwrap().join().unwrap()
    };
    for source in deep() {
        let compiled = compiled(&source);
        assert_eq!(compiled.program.is_none(), compiled.diagnostics.iter().any(|d| d.severity == Severity::Error));
        assert!(compiled.diagnostics.len() <= 60, "{} findings", compiled.diagnostics.len());
        if let Some(program) = &compiled.program {
            runs_and_validates(program).unwrap();
        }
    }
}

#[test]
fn what_public_functions_are_written_with_gives_valid_shaders() {
    for text in include_str!("reward_syntax.txt").split("==== ").skip(1) {
        let (name, source) = text.split_once('\n').unwrap();
        let program = compile(source, &schema(), &run_schema()).program.unwrap_or_else(|| panic!("{name}"));
        runs_and_validates(&program).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

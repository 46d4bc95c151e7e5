//! The CPU evaluator against CPython: generated programs and episodes, the same values and the same errors.

mod cpython;
mod reward_support;

use goodhart_core::reward::{Diagnostic, LIBRARY, Program, Scores, Scratch, Severity, compile, error_text};
use reward_support::mutation::mutated;
use reward_support::{Episode, Generator, Rng, run_schema, schema};
use serde_json::{Value, json};

const GROUP: usize = 3;
const GROUPS: usize = 2;
const RUN: [f32; 2] = [5.0, 0.25];

struct Case {
    source: String,
    episodes: Vec<Episode>,
}

fn case(seed: u64, source: String) -> Case {
    let mut rng = Rng(seed.wrapping_mul(0xd134_2543_de82_ef95) | 1);
    let episodes = (0..GROUP * GROUPS).map(|_| Episode::random(&mut rng)).collect();
    Case { source, episodes }
}

/// The same with a few changes, most of them mistakes.
fn mistaken(seed: u64) -> Case {
    let mut rng = Rng(seed.wrapping_mul(0xa076_1d64_78bd_642f) | 1);
    case(seed, mutated(&Generator::new(seed).program(), &mut rng))
}

fn python(cases: &[&Case]) -> Vec<Value> {
    let input: Vec<Value> = cases
        .iter()
        .map(|case| {
            let groups: Vec<Vec<Value>> =
                case.episodes.chunks(GROUP).map(|group| group.iter().map(Episode::json).collect()).collect();
            let program = compile(&case.source, &schema(), &run_schema()).program;
            let components = program.iter().flat_map(|program| &program.components);
            let components: Vec<Value> = components.map(|c| json!([c.name, c.is_step])).collect();
            let run = json!({"step": RUN[0], "progress": RUN[1]});
            json!({"program": case.source, "components": components, "groups": groups, "run": run})
        })
        .collect();
    cpython::answers("reward_support/shim.py", input)
}

/// The name of an exception as the reward language words it.
fn wording(error: &Value) -> &str {
    let text = error["text"].as_str().unwrap_or("");
    match error["error"].as_str().unwrap_or("") {
        "ZeroDivisionError" => "division by zero",
        "IndexError" => "list index out of range",
        "KeyError" => "the dictionary has no such key",
        "OverflowError" => "result too large",
        "TypeError" => "None used as a number",
        "UnboundLocalError" | "NameError" => "variable used before it is set",
        "NotFinite" => "not finite",
        "ValueError" if text.contains("empty") => "min or max of nothing",
        "ValueError" if text.contains("unpack") => "the wrong number of values to unpack",
        "ValueError" if text.contains("arg 3") => "a range with step zero",
        "ValueError" => "math domain error",
        other => other,
    }
}

/// An exception as CPython prints it.
fn printed(error: &Value) -> String {
    let name = error["error"].as_str().unwrap_or("");
    match error["text"].as_str() {
        None | Some("") => name.to_string(),
        Some(text) => format!("{name}: {text}"),
    }
}

/// What differs between our value and Python's, if anything does.
fn difference(program: &Program, ours: f32, error: u32, python: &Value) -> Option<String> {
    match python {
        Value::Object(_) => {
            let text = program.error_text(error);
            // CPython 3.11 may name the line before the one that reads an unset variable.
            if wording(python) == "variable used before it is set" && text == wording(python) {
                return None;
            }
            // What the program raises itself has a text of its own, which no error of the language has.
            let is_raised = error != 0 && text != error_text(error >> 16);
            let expected = if is_raised { printed(python) } else { wording(python).to_string() };
            let expected = format!("{expected} on line {}", python["line"]);
            let got = format!("{text} on line {}", error & 0xffff);
            (expected != got).then(|| format!("Python: {expected}; here: {got}"))
        }
        _ if error != 0 => {
            Some(format!("Python: {python}; here: {} on line {}", error_text(error >> 16), error & 0xffff))
        }
        Value::Null => (!ours.is_nan()).then(|| format!("Python: None; here: {ours}")),
        number => {
            let expected = number.as_f64().unwrap();
            let tolerance = 1e-5 + 1e-4 * expected.abs();
            let close = (f64::from(ours) - expected).abs() <= tolerance;
            (!close).then(|| format!("Python: {expected}; here: {ours}"))
        }
    }
}

/// Whether the program was run; an error when it differs from Python, or has a diagnostic other than `allowed`.
fn compare(case: &Case, python: &Value, allowed: fn(&Diagnostic) -> bool) -> Result<bool, String> {
    let compiled = compile(&case.source, &schema(), &run_schema());
    if compiled.program.is_none() && compiled.diagnostics.iter().any(allowed) {
        return Ok(false);
    }
    let program = compiled.program.ok_or_else(|| format!("does not compile: {:#?}", compiled.diagnostics))?;
    if python.is_null() {
        return Err("Python refuses it: a syntax error".to_string());
    }
    let records: Vec<f32> = case.episodes.iter().flat_map(Episode::record).collect();
    let (n, horizon) = (case.episodes.len(), program.horizon());
    let mut out = Scores::default();
    program.score(&records, n, GROUP, &RUN, &mut out, &mut Scratch::default());
    for i in 0..n {
        let mut step_index = 0;
        for (c, component) in program.components.iter().enumerate() {
            let expected = &python[i]["components"][&component.name];
            if let Some(text) =
                difference(&program, out.components[c * n + i], out.component_errors[c * n + i], expected)
            {
                return Err(format!("component {} of sample {i}: {text}", component.name));
            }
            if component.is_step {
                let at = (step_index * n + i) * horizon;
                for (t, expected) in python[i]["steps"][&component.name].as_array().unwrap().iter().enumerate() {
                    if let Some(text) = difference(&program, out.steps[at + t], out.step_errors[at + t], expected) {
                        return Err(format!("step {t} of {} of sample {i}: {text}", component.name));
                    }
                }
                step_index += 1;
            }
        }
        if let Some(text) = difference(&program, out.reward[i], out.errors[i], &python[i]["reward"]) {
            return Err(format!("reward of sample {i}: {text}"));
        }
    }
    Ok(true)
}

fn count() -> u64 {
    std::env::var("GOODHART_PYTHON_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(600)
}

/// Compares all cases; gives how many were not run, and how many rewards are numbers.
fn all_agree(cases: &[Case], allowed: fn(&Diagnostic) -> bool) -> (usize, usize) {
    let expected = python(&cases.iter().collect::<Vec<_>>());
    let mut failures = Vec::new();
    let mut skipped = 0;
    for (seed, (case, expected)) in cases.iter().zip(&expected).enumerate() {
        match compare(case, expected, allowed) {
            Ok(was_run) => skipped += usize::from(!was_run),
            Err(text) => failures.push((case.source.len(), format!("seed {}: {text}\n{}", seed + 1, case.source))),
        }
    }
    failures.sort();
    for (_, text) in failures.iter().take(12) {
        println!("{}", text.lines().next().unwrap_or(""));
    }
    assert!(
        failures.is_empty(),
        "{} of {} programs differ; the shortest:\n{}",
        failures.len(),
        cases.len(),
        failures[0].1
    );
    let rewards = expected.iter().flat_map(|case| case.as_array().into_iter().flatten()).map(|row| &row["reward"]);
    (skipped, rewards.filter(|reward| reward.is_number()).count())
}

#[test]
fn generated_programs_mean_what_they_mean_in_python() {
    let cases: Vec<Case> = (1..=count()).map(|seed| case(seed, Generator::new(seed).program())).collect();
    // A few generated programs nest loops over the batch beyond the limit of cost.
    let (skipped, values) = all_agree(&cases, |d| d.message.contains("the limit is 3000000"));
    assert!(skipped * 50 <= cases.len(), "{skipped} programs are beyond the limit of cost");
    assert!(values > cases.len() * GROUP, "too few programs give values: {values}");
}

#[test]
fn programs_with_mistakes_get_an_error_or_what_python_makes_of_them() {
    let cases: Vec<Case> = (1..=count()).map(mistaken).collect();
    let (refused, values) = all_agree(&cases, |d| d.severity == Severity::Error);
    assert!(refused * 5 >= cases.len() && refused * 2 <= cases.len(), "{refused} programs are refused");
    assert!(values > cases.len(), "too few programs give values: {values}");
}

/// What public reward functions are written with: each program of `reward_syntax.txt` over a few batches.
#[test]
fn the_syntax_of_public_functions_means_what_it_means_in_python() {
    let mut cases = Vec::new();
    let mut names = Vec::new();
    for text in include_str!("reward_syntax.txt").split("==== ").skip(1) {
        let (name, source) = text.split_once('\n').unwrap();
        for seed in 1..=8 {
            names.push(name);
            cases.push(case(seed, source.to_string()));
        }
    }
    let expected = python(&cases.iter().collect::<Vec<_>>());
    let mut failures = Vec::new();
    let mut values = 0;
    for ((name, case), expected) in names.iter().zip(&cases).zip(&expected) {
        match compare(case, expected, |_| false) {
            Ok(was_run) => assert!(was_run, "{name}: beyond the limit of cost"),
            Err(text) => failures.push(format!("{name}: {text}")),
        }
        values += expected.as_array().unwrap().iter().filter(|row| row["reward"].is_number()).count();
    }
    failures.dedup();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(values > cases.len() * GROUP, "too few programs give values: {values}");
}

#[test]
fn every_function_of_the_library_means_what_it_means_in_python() {
    let program = |example: &str| {
        format!("def c(ep, t):\n    x = 4 * ep.potential[t] + 0.37 * t * ep.score\n    return {example}\n")
    };
    let cases: Vec<Case> = LIBRARY.iter().zip(1..).map(|(entry, seed)| case(seed, program(entry.example))).collect();
    let (skipped, values) = all_agree(&cases, |_| false);
    assert_eq!(skipped, 0);
    assert!(values > cases.len() * GROUP, "too few programs give values: {values}");
}

//! Any text compiles or gets diagnostics that point into it; what compiles runs on the CPU and gives a shader that
//! validates.
#![no_main]

use goodhart_core::reward::schema::{EpisodeSchema, RunSchema, Ty};
use goodhart_core::reward::{Scores, Scratch, Severity, compile, completions, format_rustc_like, harness};
use libfuzzer_sys::fuzz_target;
use naga::valid::{Capabilities, ValidationFlags, Validator};

/// Every type of field, so that programs of every task get past the names.
fn schema() -> EpisodeSchema {
    EpisodeSchema::new(["A", "B", "<eos>", "0"].map(String::from).to_vec(), 4)
        .field("length", Ty::Int, 1, "")
        .field("correct", Ty::Bool, 1, "")
        .field("truncated", Ty::Bool, 1, "")
        .field("proxy", Ty::Float, 1, "")
        .field("work", Ty::Int, 1, "")
        .field("target", Ty::Token, 1, "")
        .field("tokens", Ty::Tokens, 4, "")
        .field("potential", Ty::Floats, 5, "")
        .field("coins", Ty::Ints, 4, "")
        .field("flags", Ty::Bools, 4, "")
}

fuzz_target!(|source: &str| {
    let schema = schema();
    let run = RunSchema::new(&["step", "progress"]);
    let cursor = (0..=source.len() / 2).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    completions(source, cursor, &schema, &run);
    let compiled = compile(source, &schema, &run);
    for d in &compiled.diagnostics {
        assert!(d.start <= d.end && d.end <= source.len() && d.line >= 1 && d.column >= 1 && !d.message.is_empty());
        assert!(source.is_char_boundary(d.start) && source.is_char_boundary(d.end));
    }
    assert!(compiled.diagnostics.len() <= 100, "{} diagnostics", compiled.diagnostics.len());
    format_rustc_like(source, &compiled.diagnostics, "program.py");
    let has_error = compiled.diagnostics.iter().any(|d| d.severity == Severity::Error);
    assert_eq!(compiled.program.is_none(), has_error);
    let Some(program) = compiled.program else { return };
    assert!(source.len() <= 20_000);
    let records: Vec<f32> = (0..4 * schema.stride).map(|i| ((i * 7) % 5) as f32 - 1.0).collect();
    let mut scores = Scores::default();
    program.score(&records, 4, 2, &[1.0, 0.5], &mut scores, &mut Scratch::default());
    assert!(scores.reward.iter().all(|x| x.is_nan() || x.abs() < 1e38));
    let text = harness(&[&program]);
    let module = naga::front::wgsl::parse_str(&text).expect("the shader parses");
    Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).expect("the shader validates");
});

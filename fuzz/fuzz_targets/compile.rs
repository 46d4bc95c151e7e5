//! Any text compiles or gets diagnostics; what compiles runs on the CPU and gives a shader that validates.
#![no_main]

use goodhart_core::reward::schema::{EpisodeSchema, RunSchema, Ty};
use goodhart_core::reward::{Scores, Scratch, compile, completions, harness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &str| {
    let schema = EpisodeSchema::new(vec!["A".into(), "B".into()], 4)
        .field("length", Ty::Int, 1, "")
        .field("correct", Ty::Bool, 1, "")
        .field("score", Ty::Float, 1, "")
        .field("tokens", Ty::Tokens, 4, "")
        .field("potential", Ty::Floats, 5, "");
    let run = RunSchema { names: vec!["step".into()] };
    completions(source, source.len() / 2, &schema, &run);
    let Some(program) = compile(source, &schema, &run).program else { return };
    let records = vec![1.0; 4 * schema.stride];
    program.score(&records, 4, 2, &[1.0], &mut Scores::default(), &mut Scratch::default());
    let text = harness(&[&program]);
    let module = naga::front::wgsl::parse_str(&text).expect("the shader parses");
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
        .validate(&module)
        .expect("the shader validates");
});

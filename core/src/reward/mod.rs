//! The reward language: a typed subset of Python, compiled to WGSL and to a CPU evaluator.
//!
//! `compile` never fails and never panics: it gives a program when there is no error, and diagnostics in any case.
//! Source text goes through `lexer`, `parser`, `lower` (names, types, costs) and `ir`; `vm` and `wgsl` are the two back
//! ends. Both compute in `f32` with Python's meaning; what Python would raise is an error of the sample.

mod ast;
mod branches;
mod completions;
mod diagnostics;
mod faults;
mod harness;
mod ir;
pub mod json;
mod lexer;
mod library;
mod liveness;
mod lower;
mod number;
mod operations;
mod parser;
mod parser_displays;
mod parser_expr;
mod parser_module;
mod parser_simple;
mod parser_targets;
mod program;
mod range;
mod reads;
pub mod schema;
mod score;
mod vm;
mod wgsl;
mod wide;

pub use completions::{Completion, completions};
pub use diagnostics::{Diagnostic, Severity, format_rustc_like};
pub use harness::{HarnessParams, WORKGROUP, harness};
pub use ir::error_text;
pub use library::{Entry, LIBRARY};
pub use operations::Crowd;
pub use program::{ComponentInfo, Program};
pub use reads::Reads;
pub use schema::{EpisodeSchema, Field, RunSchema, Ty};
pub use score::{Groups, Scores, Scratch};
pub use wgsl::{NONE_MARK, decode_mark, wgsl_prelude};
pub use wide::Wide;

use diagnostics::{Finding, Lines, Span};

/// A program may have this many bytes.
pub const MAX_SOURCE: usize = 20_000;

/// Warnings of one kind about one function; more would only hide the first.
const MOST_OF_A_KIND: usize = 10;

/// Whether two texts are the same program: comments, blank lines and the width of indentation do not count.
pub fn same(a: &str, b: &str) -> bool {
    let tokens = |text: &str| lexer::lex(text).0.into_iter().map(|t| (t.kind, t.text)).collect::<Vec<_>>();
    a == b || tokens(a) == tokens(b)
}

/// What `compile` makes of a text: `program` is there exactly when no diagnostic is an error.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub program: Option<Program>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles a reward program for episodes of this schema.
pub fn compile(source: &str, schema: &EpisodeSchema, run: &RunSchema) -> Compiled {
    let lines = Lines::new(source);
    if source.len() > MAX_SOURCE {
        let message = format!("the program has {} bytes; the limit is {MAX_SOURCE}", source.len());
        let finding = Finding::error(Span::new(0, 0), message);
        return Compiled { program: None, diagnostics: vec![lines.diagnostic(source, finding)] };
    }
    let (module, mut findings) = parser::parse(source);
    let lowered = lower::lower(source, &module, &lines, schema, run);
    // What could not be parsed is missing from the tree: warnings about it, and about a lack of components, mislead.
    let is_parsed = findings.iter().all(|finding| !finding.is_error);
    let misleads = [lower::NO_COMPONENT, lower::NO_MEANING];
    let speaks =
        |finding: &Finding| is_parsed || finding.is_error && misleads.iter().all(|text| finding.message != *text);
    findings.extend(lowered.findings.into_iter().filter(speaks));
    if findings.iter().all(|finding| !finding.is_error) {
        for function in &module.functions {
            findings.extend(liveness::unused_values(&module, function).into_iter().take(MOST_OF_A_KIND));
            findings.extend(branches::never_taken(function, source).into_iter().take(MOST_OF_A_KIND));
        }
    }
    let code = vm::Code::new(&lowered.unit);
    if code.is_none() {
        findings.push(Finding::error(Span::default(), "the program is too large").suggest("write less code"));
    }
    let is_broken = findings.iter().any(|finding| finding.is_error);
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    findings.dedup();
    let diagnostics = findings.into_iter().map(|finding| lines.diagnostic(source, finding)).collect();
    let program = code.filter(|_| !is_broken).map(|code| Program {
        components: lowered.components,
        source: source.to_string(),
        unit: lowered.unit,
        code,
        stride: schema.stride,
        horizon: schema.horizon,
        length_slot: schema.length_slot(),
        raised: lowered.raised,
    });
    Compiled { program, diagnostics }
}

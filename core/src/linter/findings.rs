//! What findings are made of.

use crate::oracle::report::{Check, Finding};
use crate::reward::{Diagnostic, Program, Severity};

/// Loss of true score, as a share of the best, that is worth a warning.
pub const LOSS: f64 = 0.05;

/// Records of episodes that together have all that can happen, [n][stride].
pub struct Covered<'a> {
    pub records: &'a [f32],
    pub what: &'static str,
}

/// A warning about a component, or about the whole program, with a hint that promises nothing (or an empty text).
pub fn finding(check: Check, program: &Program, component: Option<usize>, message: String, hint: &str) -> Finding {
    let source = program.source();
    let at = component.map(|c| &program.components[c]);
    let found = at.and_then(|c| {
        let line_start: usize = source.split_inclusive('\n').take(c.line as usize - 1).map(str::len).sum();
        let column = source.get(line_start..)?.find(&c.name)?;
        Some((line_start + column, c.line, column))
    });
    let (start, line, column) = found.unwrap_or((0, 1, 0));
    Finding {
        check,
        diagnostic: Diagnostic {
            severity: Severity::Warning,
            start,
            end: start + found.and(at).map_or(0, |c| c.name.len()),
            line,
            column: column as u32 + 1,
            message,
            suggestion: (!hint.is_empty()).then(|| hint.to_string()),
        },
        component: at.map(|c| c.name.clone()),
        cells: Vec::new(),
        discount: None,
        fixes: Vec::new(),
    }
}

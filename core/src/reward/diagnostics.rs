//! Diagnostics: a range, one plain sentence and, where possible, a suggestion; and their rustc-like rendering.

use crate::spelling::closest;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding about a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// First byte of the range.
    pub start: usize,
    /// One past the last byte of the range.
    pub end: usize,
    /// Line of the start, from 1.
    pub line: u32,
    /// Column of the start in characters, from 1.
    pub column: u32,
    pub message: String,
    pub suggestion: Option<String>,
}

/// A byte range of the source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The smallest range that holds both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A finding before its line and column are known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    pub is_error: bool,
    pub span: Span,
    pub message: String,
    pub suggestion: Option<String>,
}

impl Finding {
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self { is_error: true, span, message: message.into(), suggestion: None }
    }

    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { is_error: false, span, message: message.into(), suggestion: None }
    }

    pub fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Adds "did you mean" when one of `names` is close to `name`.
    pub fn did_you_mean<'a>(self, name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        match closest(name, names) {
            Some(near) => self.suggest(format!("did you mean `{near}`?")),
            None => self,
        }
    }
}

/// Byte offsets at which the lines of a source start.
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub fn new(source: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        Self { starts }
    }

    /// The line of a byte offset, from 1.
    pub fn line(&self, at: u32) -> u32 {
        self.starts.partition_point(|start| *start <= at as usize) as u32
    }

    pub fn diagnostic(&self, source: &str, finding: Finding) -> Diagnostic {
        let start = floor_boundary(source, finding.span.start as usize);
        let end = floor_boundary(source, finding.span.end as usize).max(start);
        let line = self.line(start as u32);
        let line_start = self.starts[line as usize - 1];
        Diagnostic {
            severity: if finding.is_error { Severity::Error } else { Severity::Warning },
            start,
            end,
            line,
            column: source[line_start..start].chars().count() as u32 + 1,
            message: finding.message,
            suggestion: finding.suggestion,
        }
    }
}

fn floor_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Most characters of a source line that a message repeats.
const SHOWN: usize = 200;

/// The part of a line around a column, counted from 1, and how many characters were left out before it.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    let skipped = if line.chars().count() > SHOWN { (column - 1).saturating_sub(SHOWN / 2) } else { 0 };
    (line.chars().skip(skipped).take(SHOWN).collect(), skipped)
}

/// Renders diagnostics the way rustc does: the message, the place, the line with carets under the range, the help.
pub fn format_rustc_like(source: &str, diagnostics: &[Diagnostic], filename: &str) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line_text = source.lines().nth(diagnostic.line as usize - 1).unwrap_or("");
        let number = diagnostic.line.to_string();
        let margin = " ".repeat(number.len());
        let column = diagnostic.column as usize;
        let (line_text, skipped) = excerpt(line_text, column);
        let before = line_text.chars().take(column - 1 - skipped);
        let before: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        let range = source.get(diagnostic.start..diagnostic.end).unwrap_or("");
        let carets = "^".repeat(range.lines().next().unwrap_or("").chars().count().clamp(1, SHOWN));
        text.push_str(&format!("{severity}: {}\n", diagnostic.message));
        text.push_str(&format!("{margin}--> {filename}:{}:{column}\n", diagnostic.line));
        text.push_str(&format!("{margin} |\n{number} | {line_text}\n{margin} | {before}{carets}\n"));
        if let Some(suggestion) = &diagnostic.suggestion {
            text.push_str(&format!("{margin} = help: {suggestion}\n"));
        }
        text.push('\n');
    }
    text
}

//! What an editor can offer at a place of a program.

use serde::{Deserialize, Serialize};

use super::MAX_SOURCE;
use super::ast::Module;
use super::library::{Entry, LIBRARY};
use super::parser::parse;
use super::schema::{EpisodeSchema, RunSchema};

/// One offer: the text to insert, what it is, and of which kind (`field`, `component`, `run`, `function`, `constant`,
/// `variable`, `token`, `keyword`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    pub label: String,
    pub detail: String,
    pub kind: String,
}

pub fn completion(label: &str, detail: impl Into<String>, kind: &str) -> Completion {
    Completion { label: label.to_string(), detail: detail.into(), kind: kind.to_string() }
}

/// The offers at byte `offset` of `source`, all that fit what is being written there; the editor filters them by what
/// is already typed. None in a source that is refused for its length: parsing it holds up every keystroke.
pub fn completions(source: &str, offset: usize, schema: &EpisodeSchema, run: &RunSchema) -> Vec<Completion> {
    if source.len() > MAX_SOURCE {
        return Vec::new();
    }
    match place(source, offset) {
        Place::Nothing => Vec::new(),
        Place::Text { line } if is_key(line) => fields(schema),
        Place::Text { line } => {
            let tokens = schema.tokens.iter().map(|token| completion(token, "token", "token"));
            let (module, _) = parse(source);
            let components = components(&module).map(|name| completion(name, "component", "component"));
            if line.trim_start().starts_with("weights") { components.collect() } else { tokens.collect() }
        }
        Place::Member(base) => members(source, offset, base, schema, run),
        Place::Name => names(source, offset),
    }
}

/// What is being written at a place of a text.
pub enum Place<'a> {
    /// A comment.
    Nothing,
    /// A string; the line as far as it is written.
    Text {
        line: &'a str,
    },
    /// What follows the dot after this.
    Member(&'a str),
    Name,
}

/// What is being written at byte `offset`.
pub fn place(source: &str, offset: usize) -> Place<'_> {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    let line_start = source[..offset].rfind('\n').map_or(0, |at| at + 1);
    let line = &source[line_start..offset];
    if in_comment(line) {
        return Place::Nothing;
    }
    if in_string(line) {
        return Place::Text { line };
    }
    let typed = line.len() - line.trim_end_matches(|c: char| c == '_' || c.is_alphanumeric()).len();
    let before = &line[..line.len() - typed];
    match before.strip_suffix('.') {
        Some(base) => {
            let start = base.trim_end_matches(|c: char| c == '_' || c == '.' || c.is_alphanumeric()).len();
            Place::Member(&base[start..])
        }
        None => Place::Name,
    }
}

fn in_comment(line: &str) -> bool {
    line.find('#').is_some_and(|at| !in_string(&line[..at]))
}

fn in_string(line: &str) -> bool {
    let mut quote = None;
    for c in line.chars() {
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    quote.is_some()
}

/// The string that is being written is a key, as in `ep["` and `ep.get("`.
fn is_key(line: &str) -> bool {
    let before = line.rfind(['"', '\'']).map_or("", |at| &line[..at]);
    let base = before.strip_suffix('[').unwrap_or_else(|| before.strip_suffix(".get(").unwrap_or(""));
    base.ends_with(|c: char| c == '_' || c.is_alphanumeric())
}

fn components(module: &Module) -> impl Iterator<Item = &str> {
    let top = module.functions.iter().filter(|function| function.parent.is_none());
    let names = top.map(|function| function.name.name.as_str());
    names.filter(|name| !name.starts_with('_') && *name != "combine")
}

/// What follows the dot after `base`.
fn members(source: &str, offset: usize, base: &str, schema: &EpisodeSchema, run: &RunSchema) -> Vec<Completion> {
    let base = base.rsplit('.').next().unwrap_or_default();
    let (module, _) = parse(source);
    let function = module.functions.iter().rev().find(|function| (function.name.span.start as usize) <= offset);
    let param = |index: usize, usual: &str| {
        let combine = function.filter(|function| function.name.name == "combine");
        combine.and_then(|function| function.params.get(index)).map_or(base == usual, |param| param.name.name == base)
    };
    if param(0, "r") {
        return components(&module).map(|name| completion(name, "component", "component")).collect();
    }
    if param(4, "run") {
        return run.names.iter().map(|name| completion(name, "float", "run")).collect();
    }
    if base == "math" {
        let of_numbers = LIBRARY.iter().filter(|entry| !entry.is_of_lists());
        return of_numbers.map(|entry| completion(entry.name, entry.help, "function")).collect();
    }
    if base.is_empty() || matches!(base, "group" | "batch") || base.starts_with(|c: char| c.is_ascii_digit()) {
        return Vec::new();
    }
    fields(schema)
}

fn fields(schema: &EpisodeSchema) -> Vec<Completion> {
    let field = |field: &super::schema::Field| {
        let detail = if field.help.is_empty() {
            field.ty.label().to_string()
        } else {
            format!("{}: {}", field.ty.label(), field.help)
        };
        completion(&field.name, detail, "field")
    };
    schema.fields.iter().map(field).collect()
}

fn names(source: &str, offset: usize) -> Vec<Completion> {
    let (module, _) = parse(source);
    let mut offers = Vec::new();
    if let Some(function) = module.functions.iter().rev().find(|function| (function.name.span.start as usize) <= offset)
    {
        offers.extend(function.params.iter().map(|param| completion(&param.name.name, "parameter", "variable")));
    }
    offers.extend(module.constants.iter().map(|(ident, _)| completion(&ident.name, "constant", "constant")));
    let helpers = module.functions.iter().filter(|function| function.name.name.starts_with('_'));
    offers.extend(helpers.map(|function| completion(&function.name.name, "helper", "function")));
    offers.extend(library());
    offers
}

/// What every program has: the library, numbers with a name, and the words of the language.
pub fn library() -> Vec<Completion> {
    let function = |entry: &Entry| completion(entry.name, format!("{}: {}", entry.usage, entry.help), "function");
    let mut offers: Vec<Completion> = LIBRARY.iter().map(function).collect();
    offers.extend([completion("pi", "3.14159..", "constant"), completion("inf", "infinity", "constant")]);
    let keywords =
        ["return", "if", "elif", "else", "for", "in", "and", "or", "not", "is", "None", "True", "False", "def"];
    offers.extend(keywords.map(|word| completion(word, "keyword", "keyword")));
    offers
}

//! Changes of a program's text. They look at lines and words only: whoever makes one compiles the result and looks at it
//! again, so what does not fit is dropped.

pub use crate::oracle::report::Edit;
use std::ops::Range;

/// The text with some edits that do not overlap; None where one is outside of it.
pub fn apply(source: &str, edits: &[Edit]) -> Option<String> {
    let mut ordered: Vec<&Edit> = edits.iter().collect();
    ordered.sort_by_key(|e| e.start);
    let mut out = String::with_capacity(source.len() + 64);
    let mut at = 0;
    for edit in ordered {
        out.push_str(source.get(at..edit.start)?);
        out.push_str(&edit.text);
        at = edit.end;
    }
    out.push_str(source.get(at..)?);
    Some(out)
}

/// Every line with the offset that it starts at, its end of line included.
fn lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    })
}

/// The text of a function: from its `def` to the next line that begins at the margin.
fn function(source: &str, name: &str) -> Option<Range<usize>> {
    let is_head = |line: &str| {
        let rest = line.strip_prefix("def ").map(str::trim_start).and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.trim_start().starts_with('('))
    };
    let mut all = lines(source).skip_while(|(_, line)| !is_head(line));
    let start = all.next()?.0;
    let is_margin = |line: &str| !line.starts_with([' ', '\t', '\n', '\r', ')', ']', '}', '#']);
    let end = all.find(|(_, line)| is_margin(line)).map_or(source.len(), |(at, _)| at);
    Some(start..end)
}

/// The entry of a component in `weights`: its key, and its value.
fn weight(source: &str, name: &str) -> Option<(Range<usize>, Range<usize>)> {
    let open = dictionary(source)?;
    let key = ['"', '\''].into_iter().find_map(|quote| {
        let wanted = format!("{quote}{name}{quote}");
        source[open..].find(&wanted).map(|at| open + at..open + at + wanted.len())
    })?;
    let colon = key.end + source[key.end..].find(':')?;
    let mut depth = 0usize;
    let length = source[colon + 1..].find(|c: char| {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            ',' | '}' | '\n' => return depth == 0,
            _ => {}
        }
        false
    })?;
    Some((key, colon + 1..colon + 1 + length))
}

/// Where the braces of `weights = {` are open.
fn dictionary(source: &str) -> Option<usize> {
    let (start, line) = lines(source)
        .find(|(_, line)| line.strip_prefix("weights").is_some_and(|rest| rest.trim_start().starts_with(['=', ':'])))?;
    let brace = start + line.find('{')?;
    Some(brace + 1)
}

/// A number as a program writes it.
pub fn literal(x: f64) -> String {
    let text = format!("{x}");
    if text.contains(['.', 'e']) { text } else { format!("{text}.0") }
}

/// Gives a component a weight.
pub fn set_weight(source: &str, name: &str, value: f64) -> Vec<Edit> {
    let text = literal(value);
    if let Some((_, at)) = weight(source, name) {
        return vec![Edit { start: at.start, end: at.end, text: format!(" {text}") }];
    }
    if let Some(at) = dictionary(source) {
        return vec![Edit { start: at, end: at, text: format!("\"{name}\": {text}, ") }];
    }
    let gap = if source.ends_with('\n') || source.is_empty() { "\n" } else { "\n\n" };
    vec![Edit { start: source.len(), end: source.len(), text: format!("{gap}weights = {{\"{name}\": {text}}}\n") }]
}

/// Takes a component and its weight out; None where there is no such function.
pub fn leave_out(source: &str, name: &str) -> Option<Vec<Edit>> {
    let own = function(source, name)?;
    let mut edits = vec![Edit { start: own.start, end: own.end, text: String::new() }];
    if let Some((key, value)) = weight(source, name) {
        let rest = &source[value.end..];
        let comma = rest.strip_prefix(',').map_or(0, |rest| 1 + rest.len() - rest.trim_start_matches(' ').len());
        edits.push(Edit { start: key.start, end: value.end + comma, text: String::new() });
    }
    Some(edits)
}

/// Pays 0 wherever a component gives None.
pub fn none_as_zero(source: &str, name: &str) -> Vec<Edit> {
    let Some(own) = function(source, name) else { return Vec::new() };
    let text = &source[own.clone()];
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let found = text.match_indices("None").filter(|(at, word)| {
        let (before, after) = (&text[..*at], &text[at + word.len()..]);
        let compared = before.trim_end().ends_with(" is") || before.trim_end().ends_with(" not");
        !is_word(before.chars().next_back()) && !is_word(after.chars().next()) && !compared
    });
    found
        .map(|(at, word)| Edit { start: own.start + at, end: own.start + at + word.len(), text: "0.0".into() })
        .collect()
}

/// Pays what a component returns only where the answer is right.
pub fn where_right(source: &str, name: &str) -> Vec<Edit> {
    let Some(own) = function(source, name) else { return Vec::new() };
    let text = &source[own.clone()];
    let Some(episode) = text.split(['(', ',', ')', ':']).nth(1).map(str::trim) else { return Vec::new() };
    let mut edits = Vec::new();
    for (at, line) in lines(text) {
        let indent = line.len() - line.trim_start().len();
        let Some(rest) = line.trim_start().strip_prefix("return ") else { continue };
        let value = rest.split('#').next().unwrap_or(rest).trim_end();
        let start = own.start + at + indent + "return ".len();
        edits.push(Edit { start, end: start, text: "(".into() });
        let end = start + value.len();
        edits.push(Edit { start: end, end, text: format!(") if {episode}.correct else 0.0") });
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "ALPHA = 2.0\n\ndef right(ep):\n    if ep.x is None:\n        return None  # not asked\n    return 1.0 if ep.correct else None\n\n# more\ndef short(ep):\n    return -ALPHA * ep.length  # tokens\n\nweights = {\"right\": min(1, 2), 'short': 0.5}\n";

    fn with(edits: &[Edit]) -> String {
        apply(SOURCE, edits).unwrap()
    }

    #[test]
    fn a_weight_is_changed_where_it_stands_and_written_where_it_does_not() {
        assert!(with(&set_weight(SOURCE, "right", 0.25)).ends_with("weights = {\"right\": 0.25, 'short': 0.5}\n"));
        assert!(with(&set_weight(SOURCE, "short", -1.0)).ends_with("'short': -1.0}\n"));
        assert!(
            with(&set_weight(SOURCE, "new", 3.0))
                .ends_with("weights = {\"new\": 3.0, \"right\": min(1, 2), 'short': 0.5}\n")
        );
        let bare = "def a(ep):\n    return 1.0\n";
        let edited = apply(bare, &set_weight(bare, "a", 0.1)).unwrap();
        assert_eq!(edited, "def a(ep):\n    return 1.0\n\nweights = {\"a\": 0.1}\n");
    }

    #[test]
    fn a_component_goes_with_its_weight() {
        let gone = with(&leave_out(SOURCE, "right").unwrap());
        assert!(!gone.contains("def right") && gone.contains("ALPHA = 2.0") && gone.contains("def short"), "{gone}");
        assert!(gone.ends_with("weights = {'short': 0.5}\n"), "{gone}");
        assert!(with(&leave_out(SOURCE, "short").unwrap()).contains("weights = {\"right\": min(1, 2), }"));
        assert_eq!(leave_out(SOURCE, "righ"), None);
    }

    #[test]
    fn returns_are_changed_and_conditions_are_not() {
        let zeros = with(&none_as_zero(SOURCE, "right"));
        assert!(
            zeros
                .contains("if ep.x is None:\n        return 0.0  # not asked\n    return 1.0 if ep.correct else 0.0\n")
        );
        let gated = with(&where_right(SOURCE, "short"));
        assert!(gated.contains("    return (-ALPHA * ep.length) if ep.correct else 0.0  # tokens\n"), "{gated}");
    }
}

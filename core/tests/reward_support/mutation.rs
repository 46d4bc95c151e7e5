//! Small changes to generated programs: forgotten initialisations, lines in another order, names taken for one another.

use super::Rng;

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The variables of the generator: a `v` or `x` and a number.
fn variables(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (c.is_ascii_alphanumeric() || c == '_' || c == '.', start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let word = &line[from..at];
                if word.starts_with(['v', 'x']) && word.len() > 1 && word[1..].bytes().all(|b| b.is_ascii_digit()) {
                    found.push((from, word));
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// First and last line of the body that a line stands in.
fn body(lines: &[String], at: usize) -> (usize, usize) {
    let is_head = |line: &String| line.starts_with("def ");
    let start = (0..=at).rev().find(|i| is_head(&lines[*i])).unwrap_or(0);
    let end = (at + 1..lines.len()).find(|i| indent(&lines[*i]) == 0).unwrap_or(lines.len());
    (start + 1, end)
}

/// Changes one thing, where something of the kind that is drawn can be changed.
fn change(lines: &mut Vec<String>, rng: &mut Rng) {
    let at = rng.below(lines.len());
    if indent(&lines[at]) == 0 {
        return;
    }
    let line = lines[at].clone();
    let pad = " ".repeat(indent(&line));
    let (start, end) = body(lines, at);
    let names: Vec<String> =
        lines[start..end].iter().flat_map(|line| variables(line)).map(|(_, name)| name.to_string()).collect();
    if names.is_empty() {
        return;
    }
    let name = |rng: &mut Rng| names[rng.below(names.len())].clone();
    let is_simple = !line.ends_with(':') && !line.trim_start().starts_with("return");
    match rng.below(7) {
        // A forgotten line, and one that adds to what was never begun.
        0 | 1 if is_simple => lines[at] = format!("{pad}pass"),
        2 if is_simple && line.contains(" = ") && !line.contains(", ") => lines[at] = line.replacen(" = ", " += ", 1),
        3 if at + 1 < end && indent(&lines[at + 1]) == indent(&line) && is_simple && !lines[at + 1].ends_with(':') => {
            lines.swap(at, at + 1);
        }
        4 => {
            let used = variables(&line);
            if let Some((from, old)) = (!used.is_empty()).then(|| used[rng.below(used.len())]) {
                lines[at] = format!("{}{}{}", &line[..from], name(rng), &line[from + old.len()..]);
            }
        }
        5 => lines.insert(at, format!("{pad}{} = {}", name(rng), name(rng))),
        6 => {
            let (a, b) = (name(rng), name(rng));
            lines.insert(at, format!("{pad}{a}, {b} = {b}, {a}"));
        }
        _ => {}
    }
}

/// A program with one to three changes.
pub fn mutated(source: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = source.lines().map(String::from).collect();
    for _ in 0..1 + rng.below(3) {
        change(&mut lines, rng);
    }
    lines.join("\n") + "\n"
}

//! Changes to task programs, most of them mistakes.

use super::Rng;

const WORDS: [&str; 40] = [
    "s",
    "ep",
    "w",
    "p",
    "dice",
    "action",
    "t",
    "s.i",
    "s.il",
    "ep.xs",
    "ep.es.append(1)",
    "one_hot(1, 2)",
    "None",
    "True",
    "1",
    "-1",
    "0.5",
    "99999999999",
    "2147483647",
    "1e39",
    "[",
    "]",
    "(",
    ")",
    ":",
    "=",
    "+=",
    "if",
    "for",
    "in",
    "class",
    "def",
    "return",
    "break",
    "\"left\"",
    "\"é\"",
    "list[int]",
    "float",
    "range(1000000)",
    "[0] * 99999",
];

fn words(line: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        match (c.is_alphanumeric() || c == '_' || c == '.', start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    found
}

fn change(lines: &mut Vec<String>, rng: &mut Rng) {
    if lines.is_empty() {
        return;
    }
    let at = rng.below(lines.len());
    let line = lines[at].clone();
    let own = words(&line);
    let word = |rng: &mut Rng| own[rng.below(own.len())];
    match rng.below(10) {
        0 | 1 => drop(lines.remove(at)),
        2 => {
            let other = rng.below(lines.len());
            lines.swap(at, other);
        }
        3 if !own.is_empty() => {
            let (from, to) = word(rng);
            lines[at] = format!("{}{}{}", &line[..from], WORDS[rng.below(WORDS.len())], &line[to..]);
        }
        // Two words of the line change places.
        4 if own.len() > 1 => {
            let (a, b) = (word(rng), word(rng));
            if a.1 <= b.0 {
                let parts = [&line[..a.0], &line[b.0..b.1], &line[a.1..b.0], &line[a.0..a.1], &line[b.1..]];
                lines[at] = parts.concat();
            }
        }
        // A word of another line.
        5 if !own.is_empty() => {
            let (from, to) = word(rng);
            let other = lines[rng.below(lines.len())].clone();
            let others = words(&other);
            if !others.is_empty() {
                let (a, b) = others[rng.below(others.len())];
                lines[at] = format!("{}{}{}", &line[..from], &other[a..b], &line[to..]);
            }
        }
        6 => lines.insert(at, lines[rng.below(lines.len())].clone()),
        7 => lines[at] = format!("    {line}"),
        8 => {
            let cut = line.char_indices().map(|(at, _)| at).nth(rng.below(line.chars().count().max(1))).unwrap_or(0);
            lines[at] = line[..cut].to_string();
        }
        // Digits become many.
        _ => lines[at] = line.replacen(|c: char| c.is_ascii_digit(), "123456789012", 1),
    }
}

/// A text with one to four changes, sometimes cut off.
pub fn mutated(source: &str, rng: &mut Rng) -> String {
    let mut lines: Vec<String> = source.lines().map(String::from).collect();
    for _ in 0..1 + rng.below(4) {
        change(&mut lines, rng);
    }
    let mut text = lines.join("\n") + "\n";
    if rng.one_in(12) {
        let cut = rng.below(text.len() + 1);
        text.truncate((0..=cut).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0));
    }
    text
}

//! How a command can end other than well.

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Something that the person gave cannot be used; one sentence. Exit code 2.
    Input(String),
    /// A claim does not hold or a program has errors; already said. Exit code 1.
    Claims,
    /// Whoever read the output has gone.
    ClosedPipe,
    /// The person stopped it; already said. Exit code 130, as shells have it.
    Interrupted,
}

impl<S: Into<String>> From<S> for Failure {
    fn from(message: S) -> Self {
        Self::Input(message.into())
    }
}

/// Most characters of a message. It may quote a name or a line of any length.
const LONGEST: usize = 1000;

/// A message on one line, whatever library it came from; the middle of a very long one is left out.
pub fn one_line(message: &str) -> String {
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let count = words.chars().count();
    if count <= LONGEST {
        return words;
    }
    let end = |at: usize| words.char_indices().nth(at).map_or(words.len(), |(at, _)| at);
    format!("{} … {}", &words[..end(LONGEST * 3 / 4)], &words[end(count - LONGEST / 4)..])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_becomes_one_line() {
        assert_eq!(super::one_line("expected `=`\n  |\n1 | x\n"), "expected `=` | 1 | x");
    }

    #[test]
    fn of_a_very_long_message_both_ends_are_left() {
        let said = super::one_line(&format!("begin {} end", "ü".repeat(30_000_000)));
        assert_eq!(said.chars().count(), super::LONGEST + 3);
        assert!(said.starts_with("begin ü") && said.ends_with("ü end"));
    }
}

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
}

impl<S: Into<String>> From<S> for Failure {
    fn from(message: S) -> Self {
        Self::Input(message.into())
    }
}

/// A message on one line, whatever library it came from.
pub fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_becomes_one_line() {
        assert_eq!(super::one_line("expected `=`\n  |\n1 | x\n"), "expected `=` | 1 | x");
    }
}

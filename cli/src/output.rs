//! Writing: to standard output, and to files that are either whole or not there.

use crate::failure::Failure;
use std::io::Write;

/// Prints text; whoever closed the pipe wants no more of it.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|_| Failure::ClosedPipe)
}

/// All of standard input as text.
pub fn read_input() -> Result<String, Failure> {
    std::io::read_to_string(std::io::stdin()).map_err(|e| format!("standard input cannot be read: {e}").into())
}

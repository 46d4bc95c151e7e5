//! `goodhart advantages` and `goodhart loss`: one case in, its numbers out, for comparison with other frameworks.

mod advantages;
mod loss;
mod read;
#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::output::{print, read_input};
use advantages::advantages_json;
use loss::loss_json;

/// Advantages of the case on standard input.
pub fn advantages() -> Result<(), Failure> {
    print(&format!("{}\n", advantages_json(&read_input()?)?))
}

/// Loss and dL/dlogp of the case on standard input.
pub fn loss() -> Result<(), Failure> {
    print(&format!("{}\n", loss_json(&read_input()?)?))
}

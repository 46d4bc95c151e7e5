//! `goodhart advantages` and `goodhart loss`: one case in, its numbers out, for comparison with other frameworks.

use crate::failure::Failure;
use crate::output::{print, read_input};
use goodhart_core::algorithm::json::{advantages_json, loss_json};

/// Advantages of the case on standard input.
pub fn advantages() -> Result<(), Failure> {
    print(&format!("{}\n", advantages_json(&read_input()?)?))
}

/// Loss and dL/dlogp of the case on standard input.
pub fn loss() -> Result<(), Failure> {
    print(&format!("{}\n", loss_json(&read_input()?)?))
}

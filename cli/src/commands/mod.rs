//! One file a command.

pub mod cases;
pub mod check;
pub mod lint;
pub mod run;
pub mod share;

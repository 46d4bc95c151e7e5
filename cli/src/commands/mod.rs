//! One file a command.

pub mod cases;

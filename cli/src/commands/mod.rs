//! One file a command.

pub mod alarms;
pub mod bench;
pub mod cases;
pub mod check;
pub mod lint;
pub mod power;
pub mod run;
pub mod score;
pub mod share;
pub mod solve;

//! The command line: what every command takes.

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "goodhart", version, about = "Train on rewards, and see what they really pay for.")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Advantages of one case (JSON on standard input)
    Advantages,
    /// Loss and gradient of one case (JSON on standard input)
    Loss,
}

//! `goodhart`: the engine without a page. Every command reads plain data and writes plain data; bad input is one line on
//! standard error and exit code 2, a claim or a lint that fails is exit code 1.

// Both streams may be closed or full, which the macros take for a bug of this program.
#![warn(clippy::print_stderr, clippy::print_stdout)]

mod arguments;
mod base;
mod commands;
mod failure;
mod gpu;
mod interrupt;
mod measure;
mod output;
mod reward_models;
mod source;
mod table;
mod train;

use arguments::{Arguments, Command};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => return usage(&e),
    };
    let outcome = match arguments.command {
        Command::Run(options) => commands::run::run(&options),
        Command::Check(options) => commands::check::check(&options),
        Command::Alarms(options) => commands::alarms::alarms(&options),
        Command::Power(options) => commands::power::power(&options),
        Command::Score(options) => commands::score::score(&options),
        Command::Lint(options) => commands::lint::lint(&options),
        Command::Solve(options) => commands::solve::solve(&options),
        Command::Advantages => commands::cases::advantages(),
        Command::Loss => commands::cases::loss(),
        Command::Link { file } => commands::share::link(&file),
        Command::Show { link } => commands::share::show(&link),
        Command::Bench(options) => commands::bench::bench(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(message)) => refuse(&message),
        Err(Failure::Claims) => ExitCode::FAILURE,
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => ExitCode::from(130),
    }
}

/// One line about what was given, for whoever can still read it.
fn refuse(message: &str) -> ExitCode {
    let _ = output::complain(&format!("goodhart: {}\n", failure::one_line(message)));
    ExitCode::from(2)
}

/// What clap says before it comes to the usage: the mistake, what would be possible, what may have been meant.
fn mistake(e: &clap::Error) -> String {
    let commands = || Arguments::command().get_subcommands().map(|c| c.get_name().to_string()).collect::<Vec<_>>();
    if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("a command is needed: {}", commands().join(", "));
    }
    let text = e.to_string();
    let end = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more");
    let lines = text.lines().map(str::trim).take_while(|line| !end(line)).filter(|line| !line.is_empty());
    let said = lines.collect::<Vec<_>>().join("; ");
    let said = said.trim_start_matches("error: ").replace(":; ", ": ").replace("tip: ", "").replace(['[', ']'], "");
    match e.kind() {
        ErrorKind::InvalidSubcommand => format!("{said}; the commands are {}", commands().join(", ")),
        _ => said,
    }
}

/// Help and version as clap prints them; a mistake in the arguments as one line.
fn usage(e: &clap::Error) -> ExitCode {
    if !e.use_stderr() {
        // A closed pipe is no reason to fail.
        let _ = e.print();
        return ExitCode::SUCCESS;
    }
    refuse(&format!("{}; see goodhart --help", mistake(e)))
}

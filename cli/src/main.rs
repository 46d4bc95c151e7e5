//! `goodhart`: the engine without a page. Every command reads plain data and writes plain data; bad input is one line on
//! standard error and exit code 2, a claim or a lint that fails is exit code 1.

mod arguments;
mod base;
mod commands;
mod failure;
mod gpu;
mod measure;
mod output;
mod source;
mod table;
mod train;

use arguments::{Arguments, Command};
use clap::Parser;
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
        Command::Score(options) => commands::score::score(&options),
        Command::Lint(options) => commands::lint::lint(&options),
        Command::Advantages => commands::cases::advantages(),
        Command::Loss => commands::cases::loss(),
        Command::Link { file } => commands::share::link(&file),
        Command::Show { link } => commands::share::show(&link),
        Command::Bench(options) => commands::bench::bench(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Input(message)) => {
            eprintln!("goodhart: {}", failure::one_line(&message));
            ExitCode::from(2)
        }
        Err(Failure::Claims) => ExitCode::FAILURE,
        Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
    }
}

/// Help and version as clap prints them; a mistake in the arguments as one line.
fn usage(e: &clap::Error) -> ExitCode {
    if !e.use_stderr() {
        // A closed pipe is no reason to fail.
        let _ = e.print();
        return ExitCode::SUCCESS;
    }
    let text = e.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    eprintln!("goodhart: {first}; see goodhart --help");
    ExitCode::from(2)
}

//! `cargo xtask serve` and `cargo xtask test`: install what is missing, then serve the page or run every check.
//! `cargo xtask fetch` downloads what both build.

mod fetch;
mod install;
mod page;
mod phases;
mod serve;
mod shell;
mod sizes;
mod structure;
mod test;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask serve [--port 8080] [--open]      build the page and serve it on 127.0.0.1
cargo xtask fetch                             download every crate that serve and test build
cargo xtask test [--only A,B] [--from A]      run every check in order; --list names the phases

serve and test install what is missing first and say what they install.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.split_first().map(|(command, rest)| (command.as_str(), rest)) {
        Some(("serve", rest)) => serve::Options::parse(rest).and_then(|options| serve::serve(&options)),
        Some(("fetch", [])) => fetch::fetch(),
        Some(("test", rest)) => test::Options::parse(rest).and_then(|options| test::test(&options)),
        None | Some(("help" | "--help" | "-h", _)) => {
            println!("{HELP}");
            Ok(())
        }
        Some((other, _)) => Err(format!("there is no command `{other}`\n\n{HELP}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

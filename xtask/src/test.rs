//! `cargo xtask test`: the phases in order, timed, stopping at the first that fails.

use crate::phases::{PHASES, Phase};
use std::time::{Duration, Instant};

pub struct Options {
    list: bool,
    only: Option<Vec<String>>,
    from: Option<String>,
}

impl Options {
    pub fn parse(args: &[String]) -> Result<Self, String> {
        let mut options = Self { list: false, only: None, from: None };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--list" => options.list = true,
                "--only" => {
                    let names = args.next().ok_or("--only needs names of phases, separated by commas")?;
                    options.only = Some(names.split(',').map(known).collect::<Result<_, _>>()?);
                }
                "--from" => options.from = Some(known(args.next().ok_or("--from needs the name of a phase")?)?),
                other => return Err(format!("test has no option `{other}`; it takes --only, --from and --list")),
            }
        }
        Ok(options)
    }

    fn selects(&self, index: usize, phase: &Phase) -> bool {
        let only = self.only.as_ref().is_none_or(|names| names.iter().any(|name| name == phase.name));
        let start = self.from.as_ref().and_then(|name| PHASES.iter().position(|p| p.name == name));
        only && start.is_none_or(|start| index >= start)
    }
}

fn known(name: &str) -> Result<String, String> {
    if PHASES.iter().any(|phase| phase.name == name) {
        return Ok(name.into());
    }
    let names: Vec<&str> = PHASES.iter().map(|phase| phase.name).collect();
    Err(format!("there is no phase `{name}`; the phases are {}", names.join(", ")))
}

/// Runs the selected phases; the last line counts what passed.
pub fn test(options: &Options) -> Result<(), String> {
    if options.list {
        PHASES.iter().for_each(|phase| println!("{:17} {}", phase.name, phase.about));
        return Ok(());
    }
    let started = Instant::now();
    let mut times: Vec<(&str, Duration, usize)> = Vec::new();
    let mut failure = None;
    for (_, phase) in PHASES.iter().enumerate().filter(|(index, phase)| options.selects(*index, phase)) {
        println!("\n=== {}: {}", phase.name, phase.about);
        let begun = Instant::now();
        let outcome = (phase.run)();
        let took = begun.elapsed();
        println!("=== {}: {:.1} s", phase.name, took.as_secs_f64());
        times.push((phase.name, took, outcome.as_ref().map_or(0, |count| *count)));
        if let Err(message) = outcome {
            failure = Some(format!("the phase `{}` failed: {message}", phase.name));
            break;
        }
    }
    println!("\n{:17} {:>9} {:>7}", "phase", "seconds", "passed");
    for (name, took, count) in &times {
        println!("{name:17} {:>9.1} {count:>7}", took.as_secs_f64());
    }
    println!("{:17} {:>9.1}\n", "all", started.elapsed().as_secs_f64());
    let passed: usize = times.iter().map(|(_, _, count)| count).sum();
    println!("{passed} passed, {} failed", usize::from(failure.is_some()));
    failure.map_or(Ok(()), Err)
}

//! `goodhart lint`: what is wrong with a reward program, as rustc would say it.

use crate::arguments::Lint;
use crate::failure::Failure;
use crate::output::read_file;
use goodhart_core::plan::run_schema;
use goodhart_core::reward::{self, Diagnostic, Severity};
use goodhart_core::tasks;

pub fn lint(options: &Lint) -> Result<(), Failure> {
    let code = read_file(&options.program)?;
    let diagnostics = match &options.task {
        Some(task) => against(&code, task)?,
        None => best(&code)?,
    };
    eprint!("{}", reward::format_rustc_like(&code, &diagnostics, &options.program.display().to_string()));
    if errors(&diagnostics) > 0 { Err(Failure::Claims) } else { Ok(()) }
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
}

fn against(code: &str, task: &str) -> Result<Vec<Diagnostic>, Failure> {
    let task = tasks::build(task, &[].into()).map_err(|e| e[0].to_string())?;
    Ok(reward::compile(code, &task.schema, &run_schema()).diagnostics)
}

/// A program is written for some task: that one is meant in which it has the fewest errors.
fn best(code: &str) -> Result<Vec<Diagnostic>, Failure> {
    let mut best: Option<Vec<Diagnostic>> = None;
    for kind in tasks::TASKS {
        let diagnostics = against(code, kind.name)?;
        if best.as_ref().is_none_or(|best| errors(&diagnostics) < errors(best)) {
            best = Some(diagnostics);
        }
    }
    Ok(best.unwrap_or_default())
}

//! `goodhart lint`: what is wrong with a reward program, or with the arms of an experiment, as rustc would say it.

use crate::arguments::Lint;
use crate::failure::Failure;
use crate::output::{complain, read_file};
use crate::source;
use goodhart_core::experiment::Part;
use goodhart_core::experiment::file::MAX_TEXT;
use goodhart_core::linter;
use goodhart_core::plan::{build_task, join, plan, run_schema};
use goodhart_core::reward::{self, Diagnostic, Severity};
use goodhart_core::tasks;

pub fn lint(options: &Lint) -> Result<(), Failure> {
    let failed = match (&options.program, &options.source) {
        (Some(program), _) => {
            let code = read_file(program, MAX_TEXT)?;
            let diagnostics = match &options.task {
                Some(task) => against(&code, task)?,
                None => best(&code)?,
            };
            show(&code, &diagnostics, &program.display().to_string())?;
            errors(&diagnostics) > 0
        }
        (None, Some(source)) => experiment(source, options.task.as_deref())?,
        (None, None) => return Err("name an experiment, or a reward program with --program".to_string().into()),
    };
    if failed { Err(Failure::Claims) } else { Ok(()) }
}

/// Every arm of an experiment: what the compiler says, and where nothing is wrong, what the checks of meaning say.
fn experiment(source: &str, task: Option<&str>) -> Result<bool, Failure> {
    let mut experiment = source::open(source)?;
    if let Some(task) = task {
        experiment.task = Part { kind: task.into(), params: [].into() };
    }
    let built = build_task(&experiment.task, experiment.reward_models.as_ref(), experiment.exploration.as_ref());
    let task = built.map_err(|e| join(&e))?.task;
    let mut failed = false;
    for arm in &experiment.arms {
        let diagnostics = reward::compile(&arm.code, &task.schema, &run_schema()).diagnostics;
        failed |= errors(&diagnostics) > 0;
        show(&arm.code, &diagnostics, &arm.name)?;
    }
    if failed {
        return Ok(true);
    }
    let plan = plan(&experiment).map_err(|problems| join(&problems))?;
    for (arm, report) in experiment.arms.iter().zip(linter::reports(&plan)) {
        let found: Vec<Diagnostic> = report.findings.into_iter().map(|f| f.diagnostic).collect();
        show(&arm.code, &found, &arm.name)?;
    }
    Ok(false)
}

/// What was found goes where a compiler's messages go; unread, it is no success.
fn show(code: &str, diagnostics: &[Diagnostic], name: &str) -> Result<(), Failure> {
    let text = reward::format_rustc_like(code, diagnostics, name);
    complain(&text).map_err(|e| format!("standard error cannot be written: {e}").into())
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
    for kind in tasks::TASKS.iter() {
        let diagnostics = against(code, kind.name)?;
        if best.as_ref().is_none_or(|best| errors(&diagnostics) < errors(best)) {
            best = Some(diagnostics);
        }
    }
    Ok(best.unwrap_or_default())
}

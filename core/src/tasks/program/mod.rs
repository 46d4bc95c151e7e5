//! Tasks that are programs: an environment in Python, compiled (see `reward::task`) and played like every other task.

mod chances;
mod play;
pub mod shipped;
mod write;

use super::task::{Play, Table, Task, TaskKind, TaskView, Twin, refuse};
use crate::params::{Default, Kind, Overrides, ParamError, ParamSpec, Value};
use crate::reward::task::{self, TaskProgram};
use play::Program;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The parameter that holds the text of a program of one's own.
pub const CODE: &str = "code";

/// A program of one's own: its text is the parameter `code`, its other parameters are those that the text declares.
pub const KIND: TaskKind = TaskKind {
    name: "program",
    help: "A task of your own: an environment in Python.",
    table: Table::Declared(table),
    build: own,
    source: Some(STARTER),
};

/// What an empty editor starts from.
pub const STARTER: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tasks/corridor.py"));

/// The text of a program of one's own.
pub fn code(overrides: &Overrides) -> &str {
    match overrides.get(CODE) {
        Some(Value::Text(text)) => text,
        _ => STARTER,
    }
}

/// The parameters of a program of one's own: its text, and those that the text declares.
fn table(overrides: &Overrides) -> Vec<ParamSpec> {
    let code_row = ParamSpec {
        name: CODE,
        kind: Kind::Text,
        min: 0.0,
        max: 0.0,
        unit: "",
        help: "The program of the task.",
        formula: "",
        source: "",
        also: "env, environment, task code",
        default: Default::Text(STARTER),
    };
    let mut rows = vec![code_row];
    rows.extend(task::params(code(overrides)));
    rows
}

fn own(overrides: &Overrides) -> Result<Task, Vec<ParamError>> {
    let mut values = overrides.clone();
    values.remove(CODE);
    build(KIND.name, code(overrides), &values)
}

/// Programs that were compiled last, each with its text and the values of its parameters. The instances of a run share
/// one, and so do those who ask about an experiment one after the other.
static COMPILED: Mutex<VecDeque<(String, Overrides, Arc<TaskProgram>)>> = Mutex::new(VecDeque::new());
/// How many are kept.
const KEPT: usize = 4;

/// The program of a text with these values of its parameters, or what is wrong.
fn compiled(source: &str, values: &Overrides) -> Result<Arc<TaskProgram>, Vec<ParamError>> {
    let mut values = values.clone();
    // Instances differ in what `setup` draws, not in their program.
    let seed = values.remove(task::TABLE_SEED);
    let known = |(text, of, _): &&(String, Overrides, Arc<TaskProgram>)| text == source && *of == values;
    let kept = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).iter().find(known).map(|kept| kept.2.clone());
    if let Some(program) = kept.filter(|program| seed.is_none() || program.draws_worlds()) {
        return Ok(program);
    }
    let given = seed.map(|seed| (task::TABLE_SEED.to_string(), seed));
    let compiled = task::compile(source, &values.clone().into_iter().chain(given).collect());
    let mut errors = compiled.refused;
    let is_error = |d: &&crate::reward::Diagnostic| d.severity == crate::reward::Severity::Error;
    errors.extend(compiled.diagnostics.iter().filter(is_error).map(|d| {
        let hint = d.suggestion.as_ref().map_or(String::new(), |hint| format!(": {hint}"));
        refuse(CODE, format!("line {} of the task: {}{hint}", d.line, d.message))
    }));
    let Some(program) = compiled.program.filter(|_| errors.is_empty()) else {
        if errors.is_empty() {
            errors.push(refuse(CODE, "the task does not compile"));
        }
        return Err(errors);
    };
    let program = Arc::new(program);
    let mut all = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    all.push_front((source.to_string(), values, program.clone()));
    all.truncate(KEPT);
    Ok(program)
}

/// The task of a text with these values of its parameters.
pub fn build(kind: &'static str, source: &str, values: &Overrides) -> Result<Task, Vec<ParamError>> {
    let program = compiled(source, values)?;
    let seed = match values.get(task::TABLE_SEED) {
        Some(Value::Number(x)) => *x as u32,
        _ => 0,
    };
    let (actions, horizon, schema) = (program.actions.clone(), program.horizon, program.schema.clone());
    let twin = Twin::Printed(program.clone());
    let writes = program.writes;
    let program = Program::new(program, seed).map_err(|message| vec![refuse(CODE, message)])?;
    let view = match writes {
        Some(writes) => TaskView::Tokens { prompt_len: writes.prompt_len, end_token: writes.end },
        None => view(&program),
    };
    let play = match writes {
        Some(_) => Play::Tokens(Box::new(program)),
        None => Play::Steps(Box::new(program)),
    };
    Ok(Task { kind, n_actions: actions.len(), horizon, schema, action_names: actions, play, view, twin })
}

/// What a page draws: the map that the program tells of, else what its constant `view` says, else the policy's choices for
/// every value of the first part that it sees.
fn view(program: &Program) -> TaskView {
    let shown = program.shown();
    let states = (0..shown).map(|i| i.to_string()).collect();
    match (&program.program.map, &program.program.drawing) {
        (Some(map), _) if shown == map.cells.len() => {
            TaskView::Grid { rows: map.rows, cols: map.cols, cells: map.cells.clone(), first_state: 0 }
        }
        (_, Some(drawing)) => {
            let line = drawing.line.as_ref().map(|both| {
                let [x, y] = both.each_ref().map(|numbers| program.numbers(numbers));
                x.into_iter().zip(y).map(|(x, y)| [x, y]).collect()
            });
            let (drawing, fields) = (drawing.kind, drawing.fields.clone());
            TaskView::Played { drawing, fields, line: line.unwrap_or_default(), states }
        }
        _ => TaskView::Choices { states },
    }
}

//! Task programs: an environment in the reward language, with state, dice and a record.
//!
//! A task program is Python: constants (`horizon`, `actions`), classes of fields (`Params`, `State`, `World`, `Episode`)
//! and functions (`setup`, `start`, `step`, `see`, `score`, `prior`), each given what its parameters are named after.
//! `compile` gives a program and its parameters, or diagnostics. A parameter is a constant of the compiled program, so
//! that another value of it is another program.

mod block;
mod declared;
mod dice;
mod drawing;
mod entries;
mod layout;
mod limits;
mod machine;
mod text;

pub use super::ir::Bank;
pub use declared::{Declared, TABLE_SEED};
pub use dice::{Dice, Face, Keys};
pub use drawing::{Drawing, DrawingKind, Numbers};
pub use entries::Entry;
pub use limits::{BLOCK, MAX_ACTIONS, MAX_HORIZON, MAX_STATE, MAX_WORLD};
pub use machine::{Machine, Memory, World};

use super::ast::Module;
use super::diagnostics::{Diagnostic, Finding, Lines, Span};
use super::lower::{Compiler, TaskContext};
use super::schema::{EpisodeSchema, RunSchema};
use super::{MAX_SOURCE, parser};
use crate::params::Value;
use std::collections::BTreeMap;

/// A compiled task program with the values of its parameters.
#[derive(Clone, Debug)]
pub struct TaskProgram {
    pub actions: Vec<String>,
    pub horizon: usize,
    /// What reward programs read. Behind its fields, in the last slot of a record, stands the error of the program.
    pub schema: EpisodeSchema,
    /// What each part of `see` has: so many features of which one is on, or 0 for a number.
    pub seen: Vec<u32>,
    pub entries: entries::Entries,
    pub slots: layout::Slots,
    pub(super) unit: super::ir::Unit,
    code: block::Code,
    /// What a state and a record are at the start, before `start` runs.
    pub blank_state: Vec<u32>,
    pub blank_record: Vec<f32>,
    /// What a world is before `setup` runs.
    pub blank_world: Vec<u32>,
    /// The chances that the verifier is wrong where the true score says failure, and where it says success.
    pub verifier: [f32; 2],
    /// `horizon_ends`: what the horizon cuts off is over, as where an answer is due by then.
    pub horizon_ends: bool,
    /// How it is drawn, where it says so.
    pub map: Option<layout::Map>,
    pub drawing: Option<Drawing>,
    /// What `raise` and `assert` say, by their line.
    raised: BTreeMap<u32, String>,
}

impl TaskProgram {
    /// Whether `see` gives numbers in place of features.
    pub fn sees_numbers(&self) -> bool {
        self.seen.contains(&0)
    }

    /// Whether `step` reads the record of the episode, or the number of the step: then its state is not all that decides.
    pub fn step_remembers(&self) -> bool {
        let step = &self.entries.step;
        step.arguments.contains(&entries::Argument::Step) || self.code.reads_record(step.function)
    }

    /// What an error of it means, the line apart.
    pub fn error_text(&self, error: u32) -> &str {
        let said = self.raised.get(&(error & 0xffff)).filter(|_| error >> 16 == super::ir::code::RAISED);
        said.map_or(super::ir::error_text(error >> 16), String::as_str)
    }
}

/// What `compile` makes of a text.
pub struct CompiledTask {
    /// There exactly when no diagnostic is an error.
    pub program: Option<TaskProgram>,
    pub diagnostics: Vec<Diagnostic>,
    /// The parameters that the text declares, also where it has errors.
    pub params: Vec<Declared>,
    /// Values that the parameters refuse.
    pub refused: Vec<crate::params::ParamError>,
}

/// The first line of the text that a program starts with: what the task is.
pub fn help(source: &str) -> String {
    layout::help_of(source)
}

/// The parameters that a text declares; what is wrong with it, `compile` says.
pub fn params(source: &str) -> Vec<Declared> {
    if source.len() > MAX_SOURCE {
        return Vec::new();
    }
    declared::params(source, &parser::parse_task(source).0).0
}

/// Compiles a task program for these values of its parameters.
pub fn compile(source: &str, values: &BTreeMap<String, Value>) -> CompiledTask {
    let lines = Lines::new(source);
    if source.len() > MAX_SOURCE {
        let message = format!("the program has {} bytes; the limit is {MAX_SOURCE}", source.len());
        let finding = Finding::error(Span::new(0, 0), message);
        let diagnostics = vec![lines.diagnostic(source, finding)];
        return CompiledTask { program: None, diagnostics, params: Vec::new(), refused: Vec::new() };
    }
    let (module, mut findings) = parser::parse_task(source);
    let (params, said) = declared::params(source, &module);
    findings.extend(said);
    let (constants, refused) = declared::values(&params, values);
    let parsed = findings.iter().all(|finding| !finding.is_error);
    let mut program = None;
    if parsed && refused.is_empty() {
        let (made, said) = build(source, &module, &lines, constants);
        findings.extend(said);
        program = made;
    }
    let is_broken = findings.iter().any(|finding| finding.is_error);
    findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
    findings.dedup();
    let diagnostics = findings.into_iter().map(|finding| lines.diagnostic(source, finding)).collect();
    CompiledTask { program: program.filter(|_| !is_broken), diagnostics, params, refused }
}

type Constants = BTreeMap<String, super::lower::ParamConstant>;

fn build(source: &str, module: &Module, lines: &Lines, params: Constants) -> (Option<TaskProgram>, Vec<Finding>) {
    let run = RunSchema::default();
    let empty = EpisodeSchema::new(Vec::new(), 0);
    let verifier = ["false_positive", "false_negative"].map(|name| match params.get(name) {
        Some(super::lower::ParamConstant::Number(konst)) => konst.number() as f32,
        _ => 0.0,
    });
    // First what the classes and constants say, with parameters alone; then the functions, with all fields.
    let context = TaskContext { state: 0..0, world: 0..0, episode: 0..0, own_fields: 0..0, params };
    let mut compiler = Compiler::new(source, module, lines, &empty, &run, Some(&context));
    let mut findings = Vec::new();
    let Some(laid) = layout::lay_out(&mut compiler, &mut findings) else {
        findings.extend(compiler.take_findings());
        return (None, findings);
    };
    findings.extend(compiler.take_findings());
    if findings.iter().any(|finding| finding.is_error) {
        return (None, findings);
    }
    let context = TaskContext {
        state: laid.state.clone(),
        world: laid.world.clone(),
        episode: laid.episode.clone(),
        own_fields: laid.own_fields.clone(),
        params: context.params,
    };
    let lowered = entries::lower(Compiler::new(source, module, lines, &laid.all, &run, Some(&context)));
    let entries::Made { entries, seen, unit, raised, findings: said } = lowered;
    findings.extend(said);
    if findings.iter().any(|finding| finding.is_error) {
        return (None, findings);
    }
    let Some(code) = block::Code::new(&unit) else {
        findings.push(Finding::error(Span::default(), "the program is too large").suggest("write less code"));
        return (None, findings);
    };
    let program = TaskProgram {
        actions: laid.all.tokens.clone(),
        horizon: laid.all.horizon,
        schema: laid.record,
        seen,
        entries,
        slots: laid.slots,
        unit,
        code,
        blank_state: laid.blank_state,
        blank_record: laid.blank_record,
        blank_world: laid.blank_world,
        verifier,
        raised,
        horizon_ends: laid.horizon_ends,
        map: laid.map,
        drawing: laid.drawing,
    };
    (Some(program), findings)
}

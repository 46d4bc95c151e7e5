//! Task programs: an environment in the reward language, with state, dice and a record.
//!
//! A task program is Python: constants (`horizon`, `actions`), classes of fields (`Params`, `State`, `World`, `Episode`)
//! and functions (`setup`, `start`, `step`, `see`, `score`, `prior`), each given what its parameters are named after.
//! `compile` gives a program and its parameters, or diagnostics. A parameter is a constant of the compiled program, so
//! that another value of it is another program.

mod block;
mod completions;
mod declared;
mod dice;
mod drawing;
mod entries;
mod layout;
mod limits;
mod machine;
mod names;
mod text;

pub use super::ir::Bank;
pub use completions::completions;
pub use declared::{Declared, TABLE_SEED};
pub use dice::{Dice, Face, Keys};
pub use drawing::{Drawing, DrawingKind, Numbers};
pub use entries::Entry;
pub use limits::{
    BLOCK, MAX_ACTIONS, MAX_COMPLETION, MAX_HISTORY, MAX_HORIZON, MAX_PROMPT, MAX_STATE, MAX_VOCABULARY, MAX_WORLD,
};
pub use machine::{Machine, Memory, World};

use super::ast::Module;
use super::diagnostics::{Diagnostic, Finding, Lines, Span};
use super::lower::{Compiler, MAX_SEEN, TaskContext};
use super::schema::{EpisodeSchema, RunSchema};
use super::{MAX_SOURCE, parser};
use crate::params::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A compiled task program with the values of its parameters.
#[derive(Clone, Debug)]
pub struct TaskProgram {
    pub actions: Vec<String>,
    pub horizon: usize,
    /// What reward programs read. Behind its fields, in the last slot of a record, stands the error of the program.
    pub schema: EpisodeSchema,
    /// What each part that a policy sees has: so many features of which one is on, or 0 for a number. First the parts of
    /// `see`, then those of the step before, and so on as far as `history` goes; of those the last feature is on where there
    /// was no step yet.
    pub seen: Vec<u32>,
    pub past: Past,
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
    /// Of a task whose policy writes tokens: how it does. None: it takes steps.
    pub writes: Option<Writes>,
    draws_worlds: bool,
    /// The text of the WGSL twin, once somebody asked for it.
    twin: OnceLock<String>,
    /// What `raise` and `assert` say, by their line.
    raised: BTreeMap<u32, String>,
}

/// What a policy saw at the steps before, in the state behind the program's own words.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// Parts of `see`.
    pub parts: usize,
    /// Where its words begin.
    pub at: usize,
    /// Its words: the parts of the step before, of the step before that, and so on.
    pub words: usize,
}

impl Past {
    /// A step is over at which this was seen.
    pub fn remember(&self, state: &mut [u32], seen: impl Fn(usize) -> u32) {
        let words = &mut state[self.at..self.at + self.words];
        words.copy_within(0..self.words - self.parts, self.parts);
        words[..self.parts].iter_mut().enumerate().for_each(|(part, word)| *word = seen(part));
    }
}

/// How a policy writes.
#[derive(Clone, Copy, Debug)]
pub struct Writes {
    /// The token that ends a completion.
    pub end: u32,
    /// Tokens of a prompt.
    pub prompt_len: usize,
}

impl TaskContext {
    /// Where the fields lie, from now on.
    fn place(&mut self, laid: &layout::Laid) {
        self.state = laid.state.clone();
        self.world = laid.world.clone();
        self.episode = laid.episode.clone();
        self.own_fields = laid.own_fields.clone();
        self.tokens = laid.tokens;
    }
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

    /// Whether `setup` has dice, so that every seed of a run has a world of its own.
    pub fn draws_worlds(&self) -> bool {
        self.draws_worlds
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
    // First what a policy does, then what the classes say, then what the functions do: each with what is known so far.
    let mut findings = Vec::new();
    let mut context = TaskContext { params, ..TaskContext::default() };
    let mut compiler = Compiler::new(source, module, lines, &empty, &run, Some(&context));
    let Some(names) = names::names(&mut compiler, &mut findings) else { return (None, findings) };
    context.names = names.own;
    let named = EpisodeSchema::new(names.names.clone(), 0);
    let lay_out = |context: &TaskContext, prompt: usize, findings: &mut Vec<Finding>| {
        let mut compiler = Compiler::new(source, module, lines, &named, &run, Some(context));
        let laid = layout::lay_out(&mut compiler, &names, prompt, findings);
        findings.extend(compiler.take_findings());
        laid.filter(|_| findings.iter().all(|finding| !finding.is_error))
    };
    let Some(mut laid) = lay_out(&context, MAX_PROMPT, &mut findings) else { return (None, findings) };
    context.place(&laid);
    let mut prompt = 0;
    if names.end.is_some() {
        // How long a prompt is, the function says that writes it.
        let compiler = Compiler::new(source, module, lines, &laid.all, &run, Some(&context));
        prompt = entries::prompt_len(compiler, &mut findings);
        if prompt == 0 {
            return (None, findings);
        }
        let Some(again) = lay_out(&context, prompt, &mut Vec::new()) else { return (None, findings) };
        laid = again;
        context.place(&laid);
    }
    let lowered = entries::lower(Compiler::new(source, module, lines, &laid.all, &run, Some(&context)), &names);
    let entries::Made { entries, seen, unit, raised, findings: said } = lowered;
    findings.extend(said);
    if findings.iter().any(|finding| finding.is_error) {
        return (None, findings);
    }
    let mut blank_state = laid.blank_state;
    let (seen, past) = with_past(seen, names.history, &mut blank_state);
    if past.words > 0 && blank_state.len() > MAX_STATE {
        let message =
            format!("a state with what was seen before takes {} words; the limit is {MAX_STATE}", blank_state.len());
        findings.push(Finding::error(Span::default(), message).suggest("lower `history`, or see less"));
        return (None, findings);
    }
    if seen.len() > MAX_SEEN {
        let message = format!("a policy sees at most {MAX_SEEN} parts, and with `history` these are {}", seen.len());
        findings.push(Finding::error(Span::default(), message).suggest("lower `history`, or see less"));
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
        past,
        entries,
        slots: laid.slots,
        unit,
        code,
        blank_state,
        blank_record: laid.blank_record,
        blank_world: laid.blank_world,
        verifier,
        raised,
        horizon_ends: laid.horizon_ends,
        map: laid.map,
        drawing: laid.drawing,
        writes: names.end.map(|end| Writes { end, prompt_len: prompt }),
        draws_worlds: declared::draws_worlds(module),
        twin: OnceLock::new(),
    };
    (Some(program), findings)
}

/// What a policy sees with `history` steps of it, and the words of a state that hold those before the last.
fn with_past(mut seen: Vec<u32>, history: usize, state: &mut Vec<u32>) -> (Vec<u32>, Past) {
    let parts = seen.len();
    let past = Past { parts, at: state.len(), words: (history - 1) * parts };
    for part in 0..past.words {
        // A feature more, for no step yet; a number is 0 then.
        let features = seen[part % parts];
        state.push(features);
        seen.push(if features > 0 { features + 1 } else { 0 });
    }
    (seen, past)
}

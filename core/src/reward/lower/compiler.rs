//! What is known of a whole program while its functions are lowered, and the limits of a program.

use std::collections::{BTreeMap, HashMap};

use super::super::ast::Module;
use super::super::diagnostics::{Finding, Lines, Span};
use super::super::ir::{self, Konst};
use super::super::schema::{EpisodeSchema, RunSchema};
use super::roles::Roles;
use super::types::Type;

/// What no program should be told: an expression has no type, and no reason was given.
pub const NO_MEANING: &str = "this has no meaning here";
/// Depth of expressions and calls together, so that the compiler's own stack holds on every platform.
pub const MAX_DEPTH: usize = 90;
pub const MAX_FUNCTIONS: usize = 200;
pub const MAX_OPS: usize = 12_000;
/// A bound on the operations of one sample: above it a shader would stall the device.
pub const COST_LIMIT: f64 = 3.0e6;

/// A constant of the program, computed: its type and the values of its registers.
#[derive(Clone)]
pub enum Constant {
    Known(Type, Vec<Konst>),
    Bad,
}

/// A function for one choice of the types of its parameters.
pub struct Instance {
    pub function: ir::Function,
    pub ret: Type,
    pub findings: Vec<Finding>,
    pub calls: Vec<usize>,
    /// Where an expression has no type although nothing was reported.
    pub untyped: Option<Span>,
}

pub struct Compiler<'p> {
    pub source: &'p str,
    pub lines: &'p Lines,
    pub module: &'p Module,
    pub schema: &'p EpisodeSchema,
    pub run: &'p RunSchema,
    pub instances: Vec<Instance>,
    pub by_types: HashMap<(usize, Vec<Type>), usize>,
    /// Functions that are being lowered, to notice recursion.
    pub stack: Vec<usize>,
    pub depth: usize,
    pub ops: usize,
    pub constants: HashMap<String, Constant>,
    /// Written-out lists of many constants: their type and registers.
    pub tables: Vec<(Type, Vec<Konst>)>,
    pub roles: Roles,
    /// What `raise` and `assert` say, by their line.
    pub raised: BTreeMap<u32, String>,
    /// What `r.<name>` reads: the type of each component.
    pub results: Vec<(String, Type)>,
    pub read_results: Vec<bool>,
    pub memo_slots: usize,
    pub findings: Vec<Finding>,
    /// What a task program has beside functions; None for a reward program.
    pub task: Option<&'p TaskContext>,
}

/// What the functions of a task program can read and change.
#[derive(Clone, Default)]
pub struct TaskContext {
    /// The fields of each object among those of the schema.
    pub state: std::ops::Range<usize>,
    pub world: std::ops::Range<usize>,
    pub episode: std::ops::Range<usize>,
    /// Those of the episode that the program fills itself.
    pub own_fields: std::ops::Range<usize>,
    /// How many actions or tokens the program names; 0 while they are not known.
    pub names: usize,
    /// The completion, which demonstrations write.
    pub tokens: Option<usize>,
    /// The parameters, which are known.
    pub params: BTreeMap<String, ParamConstant>,
}

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamConstant {
    Number(Konst),
    Text(String),
}

impl Compiler<'_> {
    /// Instances and all that they call, each once.
    pub fn reached(&self, mut order: Vec<usize>) -> Vec<usize> {
        let mut at = 0;
        while at < order.len() {
            for callee in &self.instances[order[at]].calls {
                if !order.contains(callee) {
                    order.push(*callee);
                }
            }
            at += 1;
        }
        order
    }

    /// Adds findings that are not there yet.
    pub fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }
}

pub fn has_error(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.is_error)
}

pub fn too_costly(span: Span, what: &str, cost: f64) -> Finding {
    let message = format!("{what} may take {cost:.0} operations for one sample; the limit is {COST_LIMIT:.0}");
    Finding::error(span, message).suggest("loop over less at once")
}

pub fn without_type(span: Span) -> Finding {
    Finding::error(span, NO_MEANING).suggest("write it in another way")
}

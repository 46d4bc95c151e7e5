//! The code of a task program for `machine`: the statements of its functions with a place for every register.
//!
//! No function calls itself, so every register of every function has a place of its own.

use super::super::fold::{computed, is_pure};
use super::super::ir::{Function, Konst, Op, Reg, STATE, Stmt, Unit, WORLD};
use std::collections::HashMap;

/// Places of the machine.
pub const MAX_PLACES: usize = 4096;

#[derive(Clone, Copy, Debug)]
pub struct Instr {
    pub op: Op,
    pub dst: u16,
    pub a: u16,
    pub b: u16,
    pub c: u16,
    pub line: u16,
    pub imm: u32,
}

#[derive(Clone, Debug)]
pub enum Node {
    Op(Instr),
    If { cond: u16, then: Box<[Node]>, els: Box<[Node]> },
    For { counter: u16, count: u16, body: Box<[Node]> },
    Break,
    Continue,
    Return(Box<[u16]>),
    Fail { code: u32, line: u32 },
    Call { function: usize, args: Box<[u16]>, dst: Box<[u16]> },
}

#[derive(Clone, Debug, Default)]
pub struct Body {
    pub params: Vec<u16>,
    /// Where its result is left.
    pub results: Vec<u16>,
    pub nodes: Box<[Node]>,
}

#[derive(Clone, Debug, Default)]
pub struct Code {
    pub functions: Vec<Body>,
    /// Places that always hold the same bits.
    pub constants: Vec<(u16, u32)>,
    pub places: usize,
}

impl Code {
    /// None when the program needs more places than there are.
    pub fn new(unit: &Unit) -> Option<Code> {
        let mut assembler = Assembler::default();
        for function in &unit.functions {
            let results = (0..function.ret.len().max(1)).map(|_| assembler.allocate()).collect();
            assembler.code.functions.push(Body { results, ..Body::default() });
            assembler.places.push(HashMap::new());
            assembler.known.push(known(function));
            let mut reads = HashMap::new();
            count_reads(&function.body, &mut reads);
            assembler.reads.push(reads);
        }
        for (index, function) in unit.functions.iter().enumerate() {
            assembler.arrays(unit, index, &function.body);
            let params = function.params.iter().map(|reg| assembler.place(unit, index, *reg)).collect();
            let nodes = assembler.block(unit, index, &function.body);
            let body = &mut assembler.code.functions[index];
            (body.params, body.nodes) = (params, nodes);
        }
        (assembler.code.places <= MAX_PLACES).then_some(assembler.code)
    }
}

impl Code {
    /// Whether a function, or one that it calls, reads the record of the episode.
    pub fn reads_record(&self, function: usize) -> bool {
        self.block_reads(&self.functions[function].nodes)
    }

    fn block_reads(&self, nodes: &[Node]) -> bool {
        use Op::*;
        nodes.iter().any(|node| match node {
            Node::Op(Instr { op, imm, .. }) => {
                let is_load = matches!(op, LoadFloat | LoadInt | LoadBool | LoadOptional | LoadLen)
                    || matches!(op, LoadFloatAt | LoadIntAt | LoadBoolAt);
                is_load && imm & (STATE | WORLD) == 0
            }
            Node::If { then, els, .. } => self.block_reads(then) || self.block_reads(els),
            Node::For { body, .. } => self.block_reads(body),
            Node::Call { function, .. } => self.reads_record(*function),
            _ => false,
        })
    }
}

/// Registers that hold the same number whenever they are read, because they are computed once, from such numbers alone.
fn known(function: &Function) -> HashMap<Reg, Konst> {
    let mut written: HashMap<Reg, usize> = HashMap::new();
    for param in &function.params {
        *written.entry(*param).or_default() += 2;
    }
    let mut pure: Vec<(Op, Reg, [Reg; 3], u32)> = Vec::new();
    gather(&function.body, &mut written, &mut pure);
    let mut known: HashMap<Reg, Konst> = HashMap::new();
    for (op, dst, args, imm) in pure {
        if written.get(&dst) != Some(&1) {
            continue;
        }
        let konst = |reg: Reg| function.regs.get(reg as usize).and_then(|info| info.konst).or(known.get(&reg).copied());
        let args: Option<Vec<Konst>> = args.into_iter().take(op.operands()).map(konst).collect();
        let bank = function.regs[dst as usize].bank;
        known.extend(args.and_then(|args| computed(op, &args, imm, bank)).map(|konst| (dst, konst)));
    }
    known
}

/// Counts how often each register is written, and finds the operations that depend on their operands alone.
fn gather(body: &[Stmt], written: &mut HashMap<Reg, usize>, pure: &mut Vec<(Op, Reg, [Reg; 3], u32)>) {
    for statement in body {
        match statement {
            Stmt::Op { op, dst, a, b, c, imm, .. } => {
                *written.entry(*dst).or_default() += 1;
                if is_pure(*op) {
                    pure.push((*op, *dst, [*a, *b, *c], *imm));
                }
            }
            Stmt::If { then, els, .. } => {
                gather(then, written, pure);
                gather(els, written, pure);
            }
            Stmt::For { counter, body, .. } => {
                *written.entry(*counter).or_default() += 2;
                gather(body, written, pure);
            }
            Stmt::Call { dst, .. } => dst.iter().for_each(|dst| *written.entry(*dst).or_default() += 2),
            Stmt::Memo { dst, body, .. } => {
                *written.entry(*dst).or_default() += 2;
                gather(body, written, pure);
            }
            Stmt::Break | Stmt::Continue | Stmt::Return(_) | Stmt::Fail { .. } => {}
        }
    }
}

fn count_reads(body: &[Stmt], reads: &mut HashMap<Reg, usize>) {
    let mut note = |regs: &[Reg]| regs.iter().for_each(|reg| *reads.entry(*reg).or_default() += 1);
    for statement in body {
        match statement {
            // Its elements are read by a number: none of them is read once.
            Stmt::Op { op: Op::Element, a, b, imm, .. } => {
                (*a..*a + imm).for_each(|reg| note(&[reg, reg]));
                note(&[*b]);
            }
            Stmt::Op { op, a, b, c, .. } => note(&[*a, *b, *c][..op.operands()]),
            Stmt::If { cond, .. } => note(&[*cond]),
            Stmt::For { count, .. } => note(&[*count, *count]),
            Stmt::Return(regs) => note(regs),
            Stmt::Call { args, .. } => note(args),
            Stmt::Break | Stmt::Continue | Stmt::Fail { .. } | Stmt::Memo { .. } => {}
        }
    }
    for statement in body {
        match statement {
            Stmt::If { then, els, .. } => {
                count_reads(then, reads);
                count_reads(els, reads);
            }
            Stmt::For { body, .. } | Stmt::Memo { body, .. } => count_reads(body, reads),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Assembler {
    code: Code,
    /// The place of each register of each function.
    places: Vec<HashMap<Reg, u16>>,
    known: Vec<HashMap<Reg, Konst>>,
    /// How often each register of each function is read.
    reads: Vec<HashMap<Reg, usize>>,
    constants: HashMap<u32, u16>,
    tables: HashMap<Vec<u32>, u16>,
}

impl Assembler {
    fn allocate(&mut self) -> u16 {
        self.code.places += 1;
        (self.code.places - 1).min(MAX_PLACES - 1) as u16
    }

    fn konst(&self, unit: &Unit, f: usize, reg: Reg) -> Option<u32> {
        let own = unit.functions[f].regs.get(reg as usize).and_then(|info| info.konst);
        own.or_else(|| self.known[f].get(&reg).copied()).map(Konst::bits)
    }

    fn place(&mut self, unit: &Unit, f: usize, reg: Reg) -> u16 {
        if let Some(place) = self.places[f].get(&reg) {
            return *place;
        }
        let place = match self.konst(unit, f, reg) {
            Some(bits) => match self.constants.get(&bits) {
                Some(place) => *place,
                None => {
                    let place = self.allocate();
                    self.constants.insert(bits, place);
                    self.code.constants.push((place, bits));
                    place
                }
            },
            None => self.allocate(),
        };
        self.places[f].insert(reg, place);
        place
    }

    /// Elements that are found by their number keep their places next to each other.
    fn arrays(&mut self, unit: &Unit, f: usize, body: &[Stmt]) {
        for statement in body {
            match statement {
                Stmt::Op { op: Op::Element, a, imm, .. } if !self.places[f].contains_key(a) => {
                    let regs = *a..*a + imm;
                    let all: Option<Vec<u32>> = regs.clone().map(|reg| self.konst(unit, f, reg)).collect();
                    if let Some(first) = all.as_ref().and_then(|bits| self.tables.get(bits)).copied() {
                        self.places[f].extend(regs.zip(first..));
                        continue;
                    }
                    let first = self.code.places.min(MAX_PLACES - 1) as u16;
                    for reg in regs {
                        let place = self.allocate();
                        self.places[f].insert(reg, place);
                        let konst = self.konst(unit, f, reg);
                        self.code.constants.extend(konst.map(|bits| (place, bits)));
                    }
                    self.tables.extend(all.map(|bits| (bits, first)));
                }
                Stmt::If { then, els, .. } => {
                    self.arrays(unit, f, then);
                    self.arrays(unit, f, els);
                }
                Stmt::For { body, .. } | Stmt::Memo { body, .. } => self.arrays(unit, f, body),
                _ => {}
            }
        }
    }

    fn block(&mut self, unit: &Unit, f: usize, body: &[Stmt]) -> Box<[Node]> {
        let mut nodes = Vec::new();
        let mut statements = body.iter().peekable();
        while let Some(statement) = statements.next() {
            let node = match statement {
                Stmt::Op { op, dst, a, b, c, imm, line } => {
                    if self.known[f].contains_key(dst) {
                        continue;
                    }
                    let count = if *op == Op::Element { 2 } else { op.operands() };
                    let mut args = [0; 3];
                    for (place, reg) in args.iter_mut().zip([*a, *b, *c]).take(count) {
                        *place = self.place(unit, f, reg);
                    }
                    // What is only computed to be put into a variable is computed there.
                    let mut dst = *dst;
                    if let Some(Stmt::Op { op: Op::Copy, dst: variable, a: copied, .. }) = statements.peek()
                        && *copied == dst
                        && self.reads[f].get(&dst) == Some(&1)
                        && !self.known[f].contains_key(variable)
                    {
                        dst = *variable;
                        statements.next();
                    }
                    let (dst, [a, b, c]) = (self.place(unit, f, dst), args);
                    let line = (*line).min(u32::from(u16::MAX)) as u16;
                    Node::Op(Instr { op: *op, dst, a, b, c, line, imm: *imm })
                }
                Stmt::If { cond, then, els } => match self.konst(unit, f, *cond) {
                    Some(known) => {
                        nodes.extend(self.block(unit, f, if known != 0 { then } else { els }));
                        continue;
                    }
                    None => Node::If {
                        cond: self.place(unit, f, *cond),
                        then: self.block(unit, f, then),
                        els: self.block(unit, f, els),
                    },
                },
                Stmt::For { counter, count, body } => Node::For {
                    counter: self.place(unit, f, *counter),
                    count: self.place(unit, f, *count),
                    body: self.block(unit, f, body),
                },
                Stmt::Break => Node::Break,
                Stmt::Continue => Node::Continue,
                Stmt::Return(regs) => Node::Return(regs.iter().map(|reg| self.place(unit, f, *reg)).collect()),
                Stmt::Fail { code, line } => Node::Fail { code: *code, line: *line },
                Stmt::Call { function, args, dst } => Node::Call {
                    function: *function,
                    args: args.iter().map(|reg| self.place(unit, f, *reg)).collect(),
                    dst: dst.iter().map(|reg| self.place(unit, f, *reg)).collect(),
                },
                // No group and no batch: nothing is the same for several samples.
                Stmt::Memo { body, .. } => {
                    nodes.extend(self.block(unit, f, body));
                    continue;
                }
            };
            nodes.push(node);
        }
        nodes.into()
    }
}

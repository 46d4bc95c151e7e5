//! The CPU evaluator: code for a register machine, and the machine.
//!
//! No function calls itself, so every register of every function has a place of its own and a call copies arguments
//! and jumps. Constants are loaded once. Scoring allocates nothing.

use std::collections::HashMap;

use super::ir::{Function, NONE, Op, Reg, Stmt, Unit, code};
use super::number;

/// Registers of the machine; a power of two, so that a masked index needs no check.
pub const MAX_REGS: usize = 1 << 14;
const MAX_CALLS: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Instr {
    op: Op,
    dst: u16,
    a: u16,
    b: u16,
    c: u16,
    line: u16,
    imm: u32,
}

/// The code of a program.
#[derive(Clone, Debug)]
pub struct Code {
    instrs: Vec<Instr>,
    /// Address, parameters and result of each function.
    pub functions: Vec<Entry>,
    constants: Vec<(u16, u32)>,
    pub memo_slots: usize,
}

#[derive(Clone, Debug, Default)]
pub struct Entry {
    address: u32,
    pub params: Vec<u16>,
    /// Where its result is left.
    results: Vec<u16>,
}

/// What the machine works in; made once and used again.
#[derive(Clone, Debug)]
pub struct Machine {
    regs: Box<[u32; MAX_REGS]>,
    /// Addresses to return to.
    returns: Box<[u32; MAX_CALLS]>,
    memo: Vec<Option<u32>>,
    /// Memos that hold for one group only.
    of_group: Vec<usize>,
}

impl Default for Machine {
    fn default() -> Self {
        let regs = vec![0; MAX_REGS].into_boxed_slice().try_into().unwrap_or_else(|_| Box::new([0; MAX_REGS]));
        Self { regs, returns: Box::new([0; MAX_CALLS]), memo: Vec::new(), of_group: Vec::new() }
    }
}

/// A range of samples and how many of them carry no error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Members {
    pub start: usize,
    pub count: usize,
    pub valid: usize,
}

/// What a program reads.
pub struct Inputs<'a> {
    /// `[n][stride]`
    pub records: &'a [f32],
    pub stride: usize,
    pub run: &'a [f32],
    /// `[component][n]`, NaN where a component does not apply.
    pub components: &'a [f32],
    pub n: usize,
    pub sample: usize,
    /// `[n]`
    pub errors: &'a [u32],
    pub group: Members,
    pub batch: Members,
}

impl Code {
    /// None when the program needs more registers than there are.
    pub fn new(unit: &Unit) -> Option<Code> {
        let mut assembler = Assembler {
            unit,
            instrs: Vec::new(),
            functions: Vec::new(),
            places: vec![HashMap::new(); unit.functions.len()],
            constants: HashMap::new(),
            tables: HashMap::new(),
            loaded: Vec::new(),
            n_regs: 0,
            calls: Vec::new(),
        };
        for function in &unit.functions {
            let results = (0..function.ret.len().max(1)).map(|_| assembler.allocate()).collect();
            assembler.functions.push(Entry { results, ..Entry::default() });
        }
        for (index, function) in unit.functions.iter().enumerate() {
            assembler.function(index, function);
        }
        for (at, function) in std::mem::take(&mut assembler.calls) {
            assembler.instrs[at].imm = assembler.functions[function].address;
        }
        if assembler.n_regs > MAX_REGS {
            return None;
        }
        Some(Code {
            instrs: assembler.instrs,
            functions: assembler.functions,
            constants: assembler.loaded,
            memo_slots: unit.memo_slots,
        })
    }

    /// Whether an instruction reads a field that starts in one of these slots of a record.
    pub fn reads(&self, slots: std::ops::Range<usize>) -> bool {
        let is_load = |op: Op| {
            use Op::*;
            let scalar = matches!(op, LoadFloat | LoadInt | LoadBool | LoadOptional);
            scalar || matches!(op, LoadLen | LoadFloatAt | LoadIntAt | LoadBoolAt)
        };
        self.instrs.iter().any(|instr| is_load(instr.op) && slots.contains(&(instr.imm as usize)))
    }

    /// Loads the constants and forgets every memo.
    pub fn start(&self, machine: &mut Machine) {
        for (reg, bits) in &self.constants {
            machine.regs[*reg as usize & (MAX_REGS - 1)] = *bits;
        }
        machine.memo.clear();
        machine.memo.resize(self.memo_slots, None);
        machine.of_group.clear();
        for instr in self.instrs.iter().filter(|instr| instr.op == Op::MemoGet && instr.a == 0) {
            machine.of_group.push(instr.b as usize);
        }
    }

    pub fn start_group(&self, machine: &mut Machine) {
        for slot in &machine.of_group {
            machine.memo[*slot] = None;
        }
    }

    /// Calls a function; gives the bits of its result, or `code << 16 | line`.
    pub fn call(&self, machine: &mut Machine, function: usize, args: &[u32], inputs: &Inputs) -> Result<u32, u32> {
        let entry = &self.functions[function];
        for (reg, arg) in entry.params.iter().zip(args) {
            machine.regs[*reg as usize & (MAX_REGS - 1)] = *arg;
        }
        self.run(machine, entry.address as usize, inputs)?;
        let result = entry.results.first().copied().unwrap_or(0);
        Ok(machine.regs[result as usize & (MAX_REGS - 1)])
    }

    fn run(&self, machine: &mut Machine, start: usize, inputs: &Inputs) -> Result<(), u32> {
        let instrs = &self.instrs[..];
        let Machine { regs, returns, memo, .. } = machine;
        let regs: &mut [u32; MAX_REGS] = regs;
        let mut depth = 0usize;
        let mut at = start;
        let record = |sample: u32, slot: usize| -> f32 {
            inputs.records.get(sample as usize * inputs.stride + slot).copied().unwrap_or(0.0)
        };
        loop {
            let Some(instr) = instrs.get(at) else { return Ok(()) };
            let Instr { op, dst, a, b, c, line, imm } = *instr;
            at += 1;
            macro_rules! bits {
                ($reg:expr) => {
                    regs[$reg as usize & (MAX_REGS - 1)]
                };
            }
            macro_rules! f {
                ($reg:expr) => {
                    f32::from_bits(bits!($reg))
                };
            }
            macro_rules! i {
                ($reg:expr) => {
                    bits!($reg) as i32
                };
            }
            macro_rules! checked {
                ($value:expr) => {
                    match $value {
                        Ok(value) => value,
                        Err(code) => return Err(code << 16 | u32::from(line)),
                    }
                };
            }
            macro_rules! set_f {
                ($value:expr) => {
                    bits!(dst) = f32::to_bits($value)
                };
            }
            macro_rules! set_i {
                ($value:expr) => {
                    bits!(dst) = ($value) as u32
                };
            }
            match op {
                Op::Copy => bits!(dst) = bits!(a),
                Op::AddF => set_f!(checked!(number::finite(f!(a) + f!(b)))),
                Op::SubF => set_f!(checked!(number::finite(f!(a) - f!(b)))),
                Op::MulF => set_f!(checked!(number::finite(f!(a) * f!(b)))),
                Op::DivF => set_f!(checked!(number::div(f!(a), f!(b)))),
                Op::FloorDivF => set_f!(checked!(number::floor_div(f!(a), f!(b)))),
                Op::ModF => set_f!(checked!(number::modulo(f!(a), f!(b)))),
                Op::PowF => set_f!(checked!(number::pow(f!(a), f!(b)))),
                Op::NegF => set_f!(-f!(a)),
                Op::AbsF => set_f!(f!(a).abs()),
                Op::MinF => set_f!(if f!(b) < f!(a) { f!(b) } else { f!(a) }),
                Op::MaxF => set_f!(if f!(b) > f!(a) { f!(b) } else { f!(a) }),
                Op::LtF => set_i!(f!(a) < f!(b)),
                Op::LeF => set_i!(f!(a) <= f!(b)),
                Op::EqF => set_i!(f!(a) == f!(b)),
                Op::AddI => set_i!(checked!(number::int(i!(a).checked_add(i!(b))))),
                Op::SubI => set_i!(checked!(number::int(i!(a).checked_sub(i!(b))))),
                Op::MulI => set_i!(checked!(number::int(i!(a).checked_mul(i!(b))))),
                Op::FloorDivI => set_i!(checked!(number::floor_div_int(i!(a), i!(b)))),
                Op::ModI => set_i!(checked!(number::modulo_int(i!(a), i!(b)))),
                Op::NegI => set_i!(i!(a).wrapping_neg()),
                Op::AbsI => set_i!(i!(a).wrapping_abs()),
                Op::MinI => set_i!(i!(a).min(i!(b))),
                Op::MaxI => set_i!(i!(a).max(i!(b))),
                Op::LtI => set_i!(i!(a) < i!(b)),
                Op::LeI => set_i!(i!(a) <= i!(b)),
                Op::EqI | Op::EqB => set_i!(bits!(a) == bits!(b)),
                Op::Not => bits!(dst) = bits!(a) ^ 1,
                Op::IntToFloat => set_f!(i!(a) as f32),
                Op::BoolToInt => bits!(dst) = bits!(a),
                Op::Floor => set_i!(checked!(number::to_int(f!(a).floor()))),
                Op::Ceil => set_i!(checked!(number::to_int(f!(a).ceil()))),
                Op::Round => set_i!(checked!(number::to_int(f!(a).round_ties_even()))),
                Op::Trunc => set_i!(checked!(number::to_int(f!(a).trunc()))),
                Op::RoundTo => set_f!(number::round_to(f!(a), imm)),
                Op::Function(f) => set_f!(checked!((f.operation().narrow)(f!(a)))),
                Op::Atan2 => set_f!(libm::atan2f(f!(a), f!(b))),
                Op::Hypot => set_f!(checked!(number::finite(libm::hypotf(f!(a), f!(b))))),
                Op::IsNone => set_i!(f!(a) == NONE),
                Op::Unwrap => {
                    let value = f!(a);
                    if value == NONE {
                        return Err(code::NONE << 16 | u32::from(line));
                    }
                    set_f!(value);
                }
                Op::Finite => {
                    let value = f!(a);
                    if value != NONE {
                        checked!(number::finite(value));
                    }
                    set_f!(value);
                }
                Op::LoadFloat => set_f!(checked!(number::finite(record(bits!(a), imm as usize)))),
                Op::LoadInt => set_i!(checked!(number::to_int(record(bits!(a), imm as usize)))),
                Op::LoadBool => set_i!(record(bits!(a), imm as usize) != 0.0),
                Op::LoadOptional => set_f!(record(bits!(a), imm as usize)),
                Op::LoadLen => set_i!(checked!(number::list_len(record(bits!(a), imm as usize), i!(b)))),
                Op::LoadFloatAt => {
                    set_f!(checked!(number::finite(record(bits!(a), imm as usize + bits!(b) as usize))))
                }
                Op::LoadIntAt => set_i!(checked!(number::to_int(record(bits!(a), imm as usize + bits!(b) as usize)))),
                Op::LoadBoolAt => set_i!(record(bits!(a), imm as usize + bits!(b) as usize) != 0.0),
                Op::LoadRun => {
                    let value = inputs.run.get(imm as usize).copied().unwrap_or(f32::NAN);
                    set_f!(checked!(number::finite(value)));
                }
                Op::LoadComponent => {
                    let value = inputs.components.get(imm as usize * inputs.n + inputs.sample);
                    let value = value.copied().unwrap_or(f32::NAN);
                    set_f!(if value.is_nan() { NONE } else { value });
                }
                // No reward program has them.
                Op::StoreFloat | Op::StoreInt | Op::StoreBool | Op::StoreLen | Op::Lengthen => {
                    return Err(code::OVERFLOW << 16 | u32::from(line));
                }
                Op::StoreFloatAt
                | Op::StoreIntAt
                | Op::StoreBoolAt
                | Op::Uniform
                | Op::Chance
                | Op::Below
                | Op::Normal => {
                    return Err(code::OVERFLOW << 16 | u32::from(line));
                }
                Op::Element => bits!(dst) = bits!(a as usize + bits!(b) as usize),
                Op::Index => set_i!(checked!(number::index(i!(a), i!(b), i!(c)))),
                Op::SliceBound => set_i!(number::slice_bound(i!(a), i!(b), i!(c))),
                Op::RangeCount => set_i!(checked!(number::range_count(i!(a), i!(b), i!(c), imm))),
                Op::GroupStart => set_i!(inputs.group.start),
                Op::GroupCount => set_i!(inputs.group.count),
                Op::GroupValid => set_i!(inputs.group.valid),
                Op::BatchStart => set_i!(inputs.batch.start),
                Op::BatchCount => set_i!(inputs.batch.count),
                Op::BatchValid => set_i!(inputs.batch.valid),
                Op::IsValid => set_i!(inputs.errors.get(bits!(a) as usize) == Some(&0)),
                Op::Jump => at = imm as usize,
                Op::JumpIfNot => {
                    if bits!(a) == 0 {
                        at = imm as usize;
                    }
                }
                Op::ForStart => {
                    bits!(a) = 0;
                    if i!(b) <= 0 {
                        at = imm as usize;
                    }
                }
                Op::ForStep => {
                    let next = bits!(a).wrapping_add(1);
                    bits!(a) = next;
                    if (next as i32) < i!(b) {
                        at = imm as usize;
                    }
                }
                Op::Call => {
                    returns[depth % MAX_CALLS] = at as u32;
                    depth += 1;
                    at = imm as usize;
                }
                Op::Return => {
                    bits!(dst) = bits!(a);
                    if depth == 0 {
                        return Ok(());
                    }
                    depth -= 1;
                    at = returns[depth % MAX_CALLS] as usize;
                }
                Op::Fail => return Err(imm << 16 | u32::from(line)),
                Op::MemoGet => {
                    if let Some(Some(value)) = memo.get(b as usize) {
                        bits!(dst) = *value;
                        at = imm as usize;
                    }
                }
                Op::MemoPut => {
                    if let Some(place) = memo.get_mut(b as usize) {
                        *place = Some(bits!(dst));
                    }
                }
            }
        }
    }
}

/// Runs the only component of a unit, which reads nothing, and gives the bits of its result.
pub fn evaluate_constant(unit: &Unit) -> Result<Vec<u32>, u32> {
    let Some((code, function)) = Code::new(unit).zip(unit.components.first()) else {
        return Err(code::OVERFLOW << 16);
    };
    let mut machine = Machine::default();
    code.start(&mut machine);
    let inputs = Inputs {
        records: &[],
        stride: 0,
        run: &[],
        components: &[],
        n: 0,
        sample: 0,
        errors: &[],
        group: Members::default(),
        batch: Members::default(),
    };
    code.call(&mut machine, *function, &[], &inputs)?;
    let results = &code.functions[*function].results;
    Ok(results.iter().map(|result| machine.regs[*result as usize & (MAX_REGS - 1)]).collect())
}

struct Assembler<'u> {
    unit: &'u Unit,
    instrs: Vec<Instr>,
    functions: Vec<Entry>,
    /// Machine register of each register of each function.
    places: Vec<HashMap<Reg, u16>>,
    constants: HashMap<u32, u16>,
    /// The first place of each list of constants.
    tables: HashMap<Vec<u32>, u16>,
    loaded: Vec<(u16, u32)>,
    n_regs: usize,
    /// Calls whose address is not known yet.
    calls: Vec<(usize, usize)>,
}

impl Assembler<'_> {
    fn allocate(&mut self) -> u16 {
        self.n_regs += 1;
        (self.n_regs - 1).min(MAX_REGS - 1) as u16
    }

    fn place(&mut self, function: usize, reg: Reg) -> u16 {
        if let Some(place) = self.places[function].get(&reg) {
            return *place;
        }
        let konst = self.unit.functions[function].regs.get(reg as usize).and_then(|info| info.konst);
        let place = match konst.map(|konst| konst.bits()) {
            Some(bits) => match self.constants.get(&bits) {
                Some(place) => *place,
                None => {
                    let place = self.allocate();
                    self.constants.insert(bits, place);
                    self.loaded.push((place, bits));
                    place
                }
            },
            None => self.allocate(),
        };
        self.places[function].insert(reg, place);
        place
    }

    /// Elements that are found by their number keep their places next to each other.
    fn place_arrays(&mut self, function: usize, body: &[Stmt]) {
        for statement in body {
            match statement {
                Stmt::Op { op: Op::Element, a, imm, .. } if !self.places[function].contains_key(a) => {
                    self.place_array(function, *a..a + imm);
                }
                Stmt::If { then, els, .. } => {
                    self.place_arrays(function, then);
                    self.place_arrays(function, els);
                }
                Stmt::For { body, .. } | Stmt::Memo { body, .. } => self.place_arrays(function, body),
                _ => {}
            }
        }
    }

    fn place_array(&mut self, function: usize, regs: std::ops::Range<Reg>) {
        let infos = &self.unit.functions[function].regs;
        let konst = |reg: Reg| infos.get(reg as usize).and_then(|info| info.konst).map(|konst| konst.bits());
        let all: Option<Vec<u32>> = regs.clone().map(konst).collect();
        if let Some(first) = all.as_ref().and_then(|bits| self.tables.get(bits)) {
            let places = (*first..).take(regs.len());
            self.places[function].extend(regs.zip(places));
            return;
        }
        let first = self.n_regs.min(MAX_REGS - 1) as u16;
        for reg in regs {
            let place = self.allocate();
            self.places[function].insert(reg, place);
            self.loaded.extend(konst(reg).map(|bits| (place, bits)));
        }
        if let Some(bits) = all {
            self.tables.insert(bits, first);
        }
    }

    fn function(&mut self, index: usize, function: &Function) {
        self.place_arrays(index, &function.body);
        let params = function.params.iter().map(|param| self.place(index, *param)).collect();
        let results = std::mem::take(&mut self.functions[index].results);
        let result = results.first().copied().unwrap_or(0);
        self.functions[index] = Entry { address: self.instrs.len() as u32, params, results };
        self.block(index, &function.body, &mut Vec::new());
        self.emit(Op::Return, result, [result, 0, 0], 0, 0);
    }

    fn emit(&mut self, op: Op, dst: u16, args: [u16; 3], imm: u32, line: u32) -> usize {
        let [a, b, c] = args;
        self.instrs.push(Instr { op, dst, a, b, c, line: line.min(u32::from(u16::MAX)) as u16, imm });
        self.instrs.len() - 1
    }

    fn here(&mut self, at: usize) {
        self.instrs[at].imm = self.instrs.len() as u32;
    }

    /// `loops` gathers, for each open loop, the jumps of its `break` and of its `continue`.
    fn block(&mut self, f: usize, body: &[Stmt], loops: &mut Vec<(Vec<usize>, Vec<usize>)>) {
        for statement in body {
            match statement {
                Stmt::Op { op, dst, a, b, c, imm, line } => {
                    let args = match op {
                        Op::Element => [self.place(f, *a), self.place(f, *b), 0],
                        _ => self.args(f, *op, [*a, *b, *c]),
                    };
                    let dst = self.place(f, *dst);
                    self.emit(*op, dst, args, *imm, *line);
                }
                Stmt::If { cond, then, els } => {
                    let cond = self.place(f, *cond);
                    let skip = self.emit(Op::JumpIfNot, 0, [cond, 0, 0], 0, 0);
                    self.block(f, then, loops);
                    if els.is_empty() {
                        self.here(skip);
                        continue;
                    }
                    let end = self.emit(Op::Jump, 0, [0; 3], 0, 0);
                    self.here(skip);
                    self.block(f, els, loops);
                    self.here(end);
                }
                Stmt::For { counter, count, body } => {
                    let args = [self.place(f, *counter), self.place(f, *count), 0];
                    let start = self.emit(Op::ForStart, 0, args, 0, 0);
                    loops.push((Vec::new(), Vec::new()));
                    self.block(f, body, loops);
                    let (breaks, continues) = loops.pop().unwrap_or_default();
                    continues.into_iter().for_each(|at| self.here(at));
                    self.emit(Op::ForStep, 0, args, start as u32 + 1, 0);
                    self.here(start);
                    breaks.into_iter().for_each(|at| self.here(at));
                }
                Stmt::Break | Stmt::Continue => {
                    let at = self.emit(Op::Jump, 0, [0; 3], 0, 0);
                    if let Some((breaks, continues)) = loops.last_mut() {
                        if matches!(statement, Stmt::Break) { breaks.push(at) } else { continues.push(at) }
                    }
                }
                Stmt::Return(values) => {
                    let results = self.functions[f].results.clone();
                    let places: Vec<u16> = values.iter().map(|value| self.place(f, *value)).collect();
                    for (to, from) in results.iter().zip(&places).skip(1) {
                        self.emit(Op::Copy, *to, [*from, 0, 0], 0, 0);
                    }
                    let result = results.first().copied().unwrap_or(0);
                    self.emit(Op::Return, result, [places.first().copied().unwrap_or(result), 0, 0], 0, 0);
                }
                Stmt::Fail { code, line } => {
                    self.emit(Op::Fail, 0, [0; 3], *code, *line);
                }
                Stmt::Call { function, args, dst } => self.call(f, *function, args, dst),
                Stmt::Memo { slot, of_batch, dst, body } => {
                    let dst = self.place(f, *dst);
                    let args = [u16::from(*of_batch), *slot as u16, 0];
                    let get = self.emit(Op::MemoGet, dst, args, 0, 0);
                    self.block(f, body, loops);
                    self.emit(Op::MemoPut, dst, args, 0, 0);
                    self.here(get);
                }
            }
        }
    }

    /// Places of the operands that an operation has; those it has not may be registers of any kind.
    fn args(&mut self, f: usize, op: Op, args: [Reg; 3]) -> [u16; 3] {
        let count = op.operands();
        let mut places = [0; 3];
        for (place, reg) in places.iter_mut().zip(args).take(count) {
            *place = self.place(f, reg);
        }
        places
    }

    fn call(&mut self, f: usize, callee: usize, args: &[Reg], dst: &[Reg]) {
        let params = self.unit.functions[callee].params.clone();
        for (param, arg) in params.into_iter().zip(args) {
            let to = self.place(callee, param);
            let from = self.place(f, *arg);
            self.emit(Op::Copy, to, [from, 0, 0], 0, 0);
        }
        let at = self.emit(Op::Call, 0, [0; 3], 0, 0);
        self.calls.push((at, callee));
        for (dst, result) in dst.iter().zip(self.functions[callee].results.clone()) {
            let dst = self.place(f, *dst);
            self.emit(Op::Copy, dst, [result, 0, 0], 0, 0);
        }
    }
}

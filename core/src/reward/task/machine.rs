//! The CPU evaluator of task programs: every instruction is done for a block of samples at once.
//!
//! A mask says which samples take part: those on whose branch the instruction stands, whose loop goes on, who have not
//! returned and not failed. What others compute meanwhile is not kept.

use super::super::ir::{NONE, Op, SLOT, STATE, WORLD, code};
use super::super::number;
use super::TaskProgram;
use super::block::{Body, Code, Instr, Node};
use super::dice::Dice;
use super::entries::{Argument, Entry};
use super::limits::{BLOCK, MAX_STATE};

type Lanes = [u32; BLOCK];
type Mask = u32;

/// What a call works on.
pub struct Memory<'a> {
    /// [samples][stride]
    pub records: &'a mut [f32],
    pub stride: usize,
    /// [samples]
    pub states: &'a mut [[u32; MAX_STATE]],
    pub world: World<'a>,
    /// The sample of each place of the block, at most `BLOCK` of them.
    pub samples: &'a [u32],
}

/// The world is made by `setup` and stands from then on.
pub enum World<'a> {
    Made(&'a [u32]),
    Making(&'a mut [u32]),
}

impl<'a> Memory<'a> {
    /// One sample's: `states` and `record` are its own, or empty for a call that has none.
    pub fn alone(states: &'a mut [[u32; MAX_STATE]], record: &'a mut [f32], world: World<'a>) -> Self {
        Self { stride: record.len(), records: record, states, world, samples: &[0] }
    }

    fn world(&self, slot: usize) -> u32 {
        match &self.world {
            World::Made(words) => words.get(slot).copied().unwrap_or(0),
            World::Making(words) => words.get(slot).copied().unwrap_or(0),
        }
    }
}

/// What the machine works in; made once for a program and used again.
#[derive(Clone, Debug)]
pub struct Machine {
    regs: Vec<Lanes>,
    /// The first error of each sample, `code << 16 | line`.
    pub errors: Lanes,
}

/// A call that is being done.
struct Run<'a, 'm, 'd> {
    code: &'a Code,
    memory: Memory<'m>,
    dice: &'a mut Dice<'d>,
    /// Samples of the block.
    n: usize,
}

/// How a loop was left, and which samples returned.
#[derive(Default)]
struct Exits {
    broken: Mask,
    continued: Mask,
    returned: Mask,
}

impl Machine {
    pub fn new(program: &TaskProgram) -> Self {
        let mut regs = vec![[0; BLOCK]; program.code.places];
        for (place, bits) in &program.code.constants {
            regs[*place as usize] = [*bits; BLOCK];
        }
        Self { regs, errors: [0; BLOCK] }
    }

    /// Calls an entry for all samples of `memory`. `actions` and `t` are what its parameters of those names are given.
    /// Errors are left in `errors`; a sample that fails leaves its results as they were.
    pub fn call(
        &mut self,
        program: &TaskProgram,
        entry: &Entry,
        memory: Memory,
        dice: &mut Dice,
        actions: &[u32],
        t: u32,
    ) {
        self.call_for(program, entry, memory, dice, actions, t, Mask::MAX);
    }

    /// As `call`, for the samples of `mask` alone.
    #[expect(clippy::too_many_arguments, reason = "what a call is given, each by its name")]
    pub fn call_for(
        &mut self,
        program: &TaskProgram,
        entry: &Entry,
        memory: Memory,
        dice: &mut Dice,
        actions: &[u32],
        t: u32,
        mask: Mask,
    ) {
        let n = memory.samples.len().min(BLOCK);
        self.errors = [0; BLOCK];
        let body = &program.code.functions[entry.function];
        let given = entry.arguments.iter().filter(|argument| **argument != Argument::Object);
        for (place, argument) in body.params.iter().zip(given) {
            let lanes = &mut self.regs[*place as usize];
            match argument {
                Argument::Action => lanes.iter_mut().zip(actions).for_each(|(lane, action)| *lane = *action),
                _ => lanes.fill(t),
            }
        }
        let mut run = Run { code: &program.code, memory, dice, n };
        self.function(&mut run, body, full(n) & mask);
    }

    /// The i-th word of an entry's result for all samples of the block.
    pub fn result(&self, program: &TaskProgram, entry: &Entry, i: usize) -> &Lanes {
        &self.regs[program.code.functions[entry.function].results[i] as usize]
    }

    fn function(&mut self, run: &mut Run, body: &Body, active: Mask) -> Mask {
        let mut exits = Exits::default();
        let through = self.block(run, body, &body.nodes, active, &mut exits);
        through | exits.returned
    }

    fn copy(&mut self, from: u16, to: u16, active: Mask, n: usize) {
        let source = self.regs[from as usize];
        self.put(to, &source, active, n);
    }

    /// Keeps what the active samples computed.
    fn put(&mut self, to: u16, values: &Lanes, active: Mask, n: usize) {
        let target = &mut self.regs[to as usize];
        if active == full(n) {
            *target = *values;
            return;
        }
        for l in 0..BLOCK {
            let keep = 0u32.wrapping_sub(active >> l & 1);
            target[l] = (values[l] & keep) | (target[l] & !keep);
        }
    }

    /// Marks the samples of `failed` with an error; the others go on.
    fn fail(&mut self, failed: Mask, error: u32) {
        for l in lanes(failed) {
            if self.errors[l] == 0 {
                self.errors[l] = error;
            }
        }
    }

    fn truths(&self, place: u16, active: Mask) -> Mask {
        let lanes = &self.regs[place as usize];
        let set = (0..BLOCK).fold(0, |mask, l| mask | u32::from(lanes[l] != 0) << l);
        set & active
    }

    /// Runs nodes for the active samples; gives those that come to the end.
    fn block(&mut self, run: &mut Run, body: &Body, nodes: &[Node], mut active: Mask, exits: &mut Exits) -> Mask {
        let n = run.n;
        for node in nodes {
            if active == 0 {
                return 0;
            }
            match node {
                Node::Op(instr) => active = self.operation(run, instr, active),
                Node::If { cond, then, els } => {
                    let yes = self.truths(*cond, active);
                    let no = active & !yes;
                    let yes = if yes != 0 { self.block(run, body, then, yes, exits) } else { 0 };
                    let no = if no != 0 && !els.is_empty() { self.block(run, body, els, no, exits) } else { no };
                    active = yes | no;
                }
                Node::For { counter, count, body: inner } => {
                    active = self.repeat(run, body, (*counter, *count, inner), active, exits);
                }
                Node::Break => {
                    exits.broken |= active;
                    return 0;
                }
                Node::Continue => {
                    exits.continued |= active;
                    return 0;
                }
                Node::Return(values) => {
                    // All are read before the first is written: a result may be one of them.
                    match (&values[..], &body.results[..]) {
                        ([from], [to]) => self.copy(*from, *to, active, n),
                        (from, to) => {
                            let values: Vec<Lanes> = from.iter().map(|place| self.regs[*place as usize]).collect();
                            for (to, values) in to.iter().zip(&values) {
                                self.put(*to, values, active, n);
                            }
                        }
                    }
                    exits.returned |= active;
                    return 0;
                }
                Node::Fail { code, line } => {
                    self.fail(active, code << 16 | line);
                    return 0;
                }
                Node::Call { function, args, dst } => {
                    let callee = &run.code.functions[*function];
                    for (from, to) in args.iter().zip(&callee.params) {
                        self.copy(*from, *to, active, n);
                    }
                    active = self.function(run, callee, active);
                    for (to, from) in dst.iter().zip(&callee.results) {
                        self.copy(*from, *to, active, n);
                    }
                }
            }
        }
        active
    }

    fn repeat(
        &mut self,
        run: &mut Run,
        body: &Body,
        (counter, count, nodes): (u16, u16, &[Node]),
        active: Mask,
        exits: &mut Exits,
    ) -> Mask {
        let n = run.n;
        self.put(counter, &[0; BLOCK], active, n);
        let more = |machine: &Self, mask: Mask| {
            let (at, most) = (&machine.regs[counter as usize], &machine.regs[count as usize]);
            let below = (0..BLOCK).fold(0, |mask, l| mask | u32::from((at[l] as i32) < most[l] as i32) << l);
            below & mask
        };
        let mut inside = more(self, active);
        let mut left = active & !inside;
        while inside != 0 {
            let mut own = Exits::default();
            let through = self.block(run, body, nodes, inside, &mut own);
            exits.returned |= own.returned;
            left |= own.broken;
            let next = through | own.continued;
            let mut steps = self.regs[counter as usize];
            steps.iter_mut().for_each(|step| *step = step.wrapping_add(1));
            self.put(counter, &steps, next, n);
            inside = more(self, next);
            left |= next & !inside;
        }
        left
    }

    /// One instruction for the active samples; gives those that did not fail.
    fn operation(&mut self, run: &mut Run, instr: &Instr, active: Mask) -> Mask {
        let Instr { op, dst, a, b, c, line, imm } = *instr;
        let n = run.n;
        let (x, y) = (&self.regs[a as usize], &self.regs[b as usize]);
        let mut out: Lanes = [0; BLOCK];
        let mut bad: Mask = 0;
        let f = f32::from_bits;
        // All places of the block are computed, so that the loops have a fixed length; what nobody asked for is not kept.
        macro_rules! plain {
            (|$p:ident: f| $value:expr) => {
                for l in 0..BLOCK {
                    let $p = f(x[l]);
                    out[l] = ($value).to_bits();
                }
            };
            (|$p:ident: f, $q:ident: f| $value:expr) => {
                for l in 0..BLOCK {
                    let ($p, $q) = (f(x[l]), f(y[l]));
                    out[l] = ($value).to_bits();
                }
            };
            (|$p:ident: f, $q:ident: f| => $value:expr) => {
                for l in 0..BLOCK {
                    let ($p, $q) = (f(x[l]), f(y[l]));
                    out[l] = ($value) as u32;
                }
            };
            (|$p:ident: i, $q:ident: i| => $value:expr) => {
                for l in 0..BLOCK {
                    let ($p, $q) = (x[l] as i32, y[l] as i32);
                    out[l] = ($value) as u32;
                }
            };
            (|$p:ident: i| => $value:expr) => {
                for l in 0..BLOCK {
                    let $p = x[l] as i32;
                    out[l] = ($value) as u32;
                }
            };
        }
        macro_rules! checked {
            ($l:ident => $value:expr, $to:expr) => {
                for $l in lanes(active) {
                    match $value {
                        Ok(value) => out[$l] = $to(value),
                        Err(code) => {
                            bad |= 1 << $l;
                            out[$l] = code;
                        }
                    }
                }
            };
        }
        // A look at the whole block first: only where a place of it may be wrong are the samples tested one by one.
        macro_rules! finite {
            (|$p:ident, $q:ident| $value:expr) => {{
                let mut large = 0u32;
                for l in 0..BLOCK {
                    let ($p, $q) = (f(x[l]), f(y[l]));
                    let value: f32 = $value;
                    out[l] = value.to_bits();
                    large |= u32::from(number::finite(value).is_err());
                }
                if large != 0 {
                    checked!(l => number::finite(f(out[l])), f32::to_bits);
                }
            }};
        }
        macro_rules! whole {
            (|$p:ident, $q:ident| $plain:expr, $over:expr, $checked:expr) => {{
                let mut over = 0i32;
                for l in 0..BLOCK {
                    let ($p, $q) = (x[l] as i32, y[l] as i32);
                    let value: i32 = $plain;
                    out[l] = value as u32;
                    let over_here: fn(i32, i32, i32) -> i32 = $over;
                    over |= over_here($p, $q, value);
                }
                if over < 0 {
                    checked!(l => { let ($p, $q) = (x[l] as i32, y[l] as i32); number::int($checked) }, |value: i32| value as u32);
                }
            }};
        }
        let float = f32::to_bits;
        let int = |value: i32| value as u32;
        match op {
            Op::Copy | Op::BoolToInt => out = *x,
            Op::AddF => finite!(|p, q| p + q),
            Op::SubF => finite!(|p, q| p - q),
            Op::MulF => finite!(|p, q| p * q),
            Op::DivF => checked!(l => number::div(f(x[l]), f(y[l])), float),
            Op::FloorDivF => checked!(l => number::floor_div(f(x[l]), f(y[l])), float),
            Op::ModF => checked!(l => number::modulo(f(x[l]), f(y[l])), float),
            Op::PowF => checked!(l => number::pow(f(x[l]), f(y[l])), float),
            Op::NegF => plain!(|p: f| -p),
            Op::AbsF => plain!(|p: f| p.abs()),
            Op::MinF => plain!(|p: f, q: f| if q < p { q } else { p }),
            Op::MaxF => plain!(|p: f, q: f| if q > p { q } else { p }),
            Op::LtF => plain!(|p: f, q: f| => p < q),
            Op::LeF => plain!(|p: f, q: f| => p <= q),
            Op::EqF => plain!(|p: f, q: f| => p == q),
            Op::AddI => whole!(|p, q| p.wrapping_add(q), |p, q, v| (p ^ v) & (q ^ v), p.checked_add(q)),
            Op::SubI => whole!(|p, q| p.wrapping_sub(q), |p, q, v| (p ^ q) & (p ^ v), p.checked_sub(q)),
            Op::MulI => checked!(l => number::int((x[l] as i32).checked_mul(y[l] as i32)), int),
            Op::FloorDivI => checked!(l => number::floor_div_int(x[l] as i32, y[l] as i32), int),
            Op::ModI => checked!(l => number::modulo_int(x[l] as i32, y[l] as i32), int),
            Op::NegI => plain!(|p: i| => p.wrapping_neg()),
            Op::AbsI => plain!(|p: i| => p.wrapping_abs()),
            Op::MinI => plain!(|p: i, q: i| => p.min(q)),
            Op::MaxI => plain!(|p: i, q: i| => p.max(q)),
            Op::LtI => plain!(|p: i, q: i| => p < q),
            Op::LeI => plain!(|p: i, q: i| => p <= q),
            Op::EqI | Op::EqB => plain!(|p: i, q: i| => p == q),
            Op::Not => plain!(|p: i| => p ^ 1),
            Op::IntToFloat => plain!(|p: i| => (p as f32).to_bits()),
            Op::Floor => checked!(l => number::to_int(f(x[l]).floor()), int),
            Op::Ceil => checked!(l => number::to_int(f(x[l]).ceil()), int),
            Op::Round => checked!(l => number::to_int(f(x[l]).round_ties_even()), int),
            Op::Trunc => checked!(l => number::to_int(f(x[l]).trunc()), int),
            Op::RoundTo => plain!(|p: f| number::round_to(p, imm)),
            Op::Function(function) => {
                let narrow = function.operation().narrow;
                checked!(l => narrow(f(x[l])), float);
            }
            Op::Atan2 => plain!(|p: f, q: f| libm::atan2f(p, q)),
            Op::Hypot => checked!(l => number::finite(libm::hypotf(f(x[l]), f(y[l]))), float),
            Op::IsNone => {
                for l in 0..BLOCK {
                    out[l] = u32::from(f(x[l]) == NONE);
                }
            }
            Op::Unwrap => checked!(l => if f(x[l]) == NONE { Err(code::NONE) } else { Ok(x[l]) }, |bits| bits),
            Op::Finite => checked!(l => if f(x[l]) == NONE { Ok(NONE) } else { number::finite(f(x[l])) }, float),
            Op::LoadFloat | Op::LoadInt | Op::LoadBool | Op::LoadOptional | Op::LoadLen => {
                load(&run.memory, op, imm, None, n, &mut out);
            }
            Op::LoadFloatAt | Op::LoadIntAt | Op::LoadBoolAt => load(&run.memory, op, imm, Some(y), n, &mut out),
            Op::Element => {
                for l in 0..n {
                    out[l] = self.regs[(a as usize + y[l] as usize).min(self.regs.len() - 1)][l];
                }
            }
            Op::Index => {
                let z = &self.regs[c as usize];
                let mut outside = 0u32;
                for l in 0..BLOCK {
                    let (i, start, end) = (x[l] as i32, y[l] as i32, z[l] as i32);
                    let place = if i < 0 { end.wrapping_add(i) } else { start.wrapping_add(i) };
                    out[l] = place as u32;
                    outside |= u32::from(place < start) | u32::from(place >= end);
                }
                if outside != 0 {
                    checked!(l => number::index(x[l] as i32, y[l] as i32, z[l] as i32), int);
                }
            }
            Op::SliceBound => {
                let z = &self.regs[c as usize];
                for l in 0..n {
                    out[l] = number::slice_bound(x[l] as i32, y[l] as i32, z[l] as i32) as u32;
                }
            }
            Op::RangeCount => {
                let z = &self.regs[c as usize];
                checked!(l => number::range_count(x[l] as i32, y[l] as i32, z[l] as i32, imm), int);
            }
            Op::StoreFloat | Op::StoreInt | Op::StoreBool | Op::StoreLen => {
                store(&mut run.memory, op, imm, x, None, active);
                return active;
            }
            Op::StoreFloatAt | Op::StoreIntAt | Op::StoreBoolAt => {
                store(&mut run.memory, op, imm, x, Some(y), active);
                return active;
            }
            Op::Lengthen => {
                let mut lengths = [0; BLOCK];
                load(&run.memory, Op::LoadLen, imm, None, n, &mut lengths);
                let mut longer = lengths;
                checked!(l => if lengths[l] < x[l] { Ok(lengths[l]) } else { Err(code::FULL) }, |bits| bits);
                longer.iter_mut().for_each(|length| *length += 1);
                store(&mut run.memory, Op::StoreLen, imm, &longer, None, active & !bad);
            }
            Op::Uniform => run.dice.uniform(active, &mut out),
            Op::Chance => run.dice.chance(active, x, &mut out),
            Op::Normal => lanes(active).for_each(|l| out[l] = run.dice.normal(l)),
            Op::Below => {
                bad = (0..BLOCK).fold(0, |bad, l| bad | u32::from(x[l] as i32 <= 0) << l);
                let sides = *x;
                if active & !bad != 0 {
                    run.dice.below(active & !bad, &sides, &mut out);
                }
                lanes(active & bad).for_each(|l| out[l] = code::NOTHING);
            }
            // Nothing of a group, of a run or of components is there.
            _ => return active,
        }
        let failed = bad & active;
        self.put(dst, &out, active & !failed, n);
        for l in lanes(failed) {
            self.fail(1 << l, out[l] << 16 | u32::from(line));
        }
        active & !failed
    }
}

fn full(n: usize) -> Mask {
    if n == BLOCK { Mask::MAX } else { (1 << n) - 1 }
}

/// The places of a mask, ascending.
fn lanes(mut mask: Mask) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let l = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (l < BLOCK).then_some(l)
    })
}

/// Reads a slot of every sample of the block, or the element at an index of its own. States and worlds hold the bits of a
/// register; a record holds numbers.
fn load(memory: &Memory, op: Op, imm: u32, index: Option<&Lanes>, n: usize, out: &mut Lanes) {
    let slot = |l: usize| (imm & SLOT) as usize + index.map_or(0, |index| index[l] as usize);
    if imm & STATE != 0 {
        for l in 0..n {
            out[l] = memory.states[memory.samples[l] as usize].get(slot(l)).copied().unwrap_or(0);
        }
    } else if imm & WORLD != 0 {
        for l in 0..n {
            out[l] = memory.world(slot(l));
        }
    } else {
        for l in 0..n {
            let at = memory.samples[l] as usize * memory.stride + slot(l);
            let number = memory.records.get(at).copied().unwrap_or(0.0);
            out[l] = match op {
                Op::LoadFloat | Op::LoadFloatAt | Op::LoadOptional => number.to_bits(),
                Op::LoadBool | Op::LoadBoolAt => u32::from(number != 0.0),
                _ => number as i32 as u32,
            };
        }
    }
}

/// Writes a slot of the active samples, or the element at an index of its own.
fn store(memory: &mut Memory, op: Op, imm: u32, values: &Lanes, index: Option<&Lanes>, active: Mask) {
    let base = (imm & SLOT) as usize;
    for l in lanes(active) {
        let (slot, sample) = (base + index.map_or(0, |index| index[l] as usize), memory.samples[l] as usize);
        if imm & STATE != 0 {
            if let Some(word) = memory.states[sample].get_mut(slot) {
                *word = values[l];
            }
        } else if imm & WORLD != 0 {
            if let World::Making(words) = &mut memory.world
                && let Some(word) = words.get_mut(slot)
            {
                *word = values[l];
            }
        } else if let Some(number) = memory.records.get_mut(sample * memory.stride + slot) {
            *number = match op {
                Op::StoreFloat | Op::StoreFloatAt => f32::from_bits(values[l]),
                _ => values[l] as i32 as f32,
            };
        }
    }
}

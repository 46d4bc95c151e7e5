//! A program again, in 64 bits: what its numbers would be if 32 had not rounded them, and where a subtraction took most
//! of their digits away.

use super::ir::{NONE, Op, Reg, Stmt};
use super::program::Program;
use super::vm::Members;

/// A component, or `combine`, of one sample in 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// NaN where it does not apply or fails.
    pub value: f64,
    /// The subtraction that leaves least of its operands, or sum of numbers of opposite sign: the share that it leaves, and
    /// its line. 1 where there is none.
    pub left: f64,
    pub line: u32,
}

enum Flow {
    Next,
    Break,
    Continue,
    Return(Vec<f64>),
}

struct Evaluation<'a> {
    program: &'a Program,
    records: &'a [f32],
    run: &'a [f32],
    /// [component] of the sample that is combined.
    components: Vec<f64>,
    is_valid: &'a dyn Fn(usize) -> bool,
    group: Members,
    batch: Members,
    left: f64,
    line: u32,
}

impl Program {
    /// Operations that one sample may take, as the compiler bounds them.
    pub fn cost(&self) -> f64 {
        let steps = self.horizon.max(1) as f64;
        let of = |(c, function): (usize, &usize)| {
            self.unit.functions[*function].cost * if self.components[c].is_step { steps } else { 1.0 }
        };
        let combine = self.unit.combine.map_or(0.0, |function| self.unit.functions[function].cost);
        self.unit.components.iter().enumerate().map(of).sum::<f64>() + combine
    }

    /// Every component, and the reward where `combine` computes it, of the first `n` samples of `records` [n][stride] in
    /// groups of `group`: [component][n], then [n]. `is_valid` tells the samples whose components do not fail.
    pub fn in_64_bits(
        &self,
        records: &[f32],
        n: usize,
        group: usize,
        run: &[f32],
        is_valid: &dyn Fn(usize) -> bool,
    ) -> Vec<Wide> {
        let count = |start: usize, end: usize| (start..end).filter(|i| is_valid(*i)).count();
        let batch = Members { start: 0, count: n, valid: count(0, n) };
        let mut own = Evaluation {
            program: self,
            records,
            run,
            components: Vec::new(),
            is_valid,
            group: batch,
            batch,
            left: 1.0,
            line: 0,
        };
        let mut all = Vec::new();
        for (c, function) in self.unit.components.iter().enumerate() {
            for sample in 0..n {
                all.push(if self.components[c].is_step {
                    own.steps(*function, sample)
                } else {
                    own.one(*function, &[sample as f64])
                });
            }
        }
        let Some(function) = self.unit.combine else { return all };
        for sample in 0..n {
            let start = sample / group.max(1) * group.max(1);
            let end = (start + group.max(1)).min(n);
            own.group = Members { start, count: end - start, valid: count(start, end) };
            own.components = (0..self.components.len()).map(|c| all[c * n + sample].value).collect();
            all.push(own.one(function, &[sample as f64]));
        }
        all
    }
}

impl Evaluation<'_> {
    fn one(&mut self, function: usize, args: &[f64]) -> Wide {
        (self.left, self.line) = (1.0, 0);
        let value = self.call(function, args).and_then(|values| values.first().copied()).unwrap_or(f64::NAN);
        Wide { value: if value >= f64::from(NONE) { f64::NAN } else { value }, left: self.left, line: self.line }
    }

    /// A step component: the sum over the steps to which it applies, and the worst of them.
    fn steps(&mut self, function: usize, sample: usize) -> Wide {
        let slot = self.program.length_slot.map_or(0.0, |slot| self.record(sample as f64, slot as f64));
        let length = slot.max(0.0).min(self.program.horizon as f64) as usize;
        let mut sum = Wide { value: if length == 0 { 0.0 } else { f64::NAN }, left: 1.0, line: 0 };
        for t in 0..length {
            let step = self.one(function, &[sample as f64, t as f64]);
            if step.left < sum.left {
                (sum.left, sum.line) = (step.left, step.line);
            }
            if !step.value.is_nan() {
                sum.value = if sum.value.is_nan() { step.value } else { sum.value + step.value };
            }
        }
        sum
    }

    fn record(&self, sample: f64, slot: f64) -> f64 {
        self.records.get(sample as usize * self.program.stride + slot as usize).map_or(0.0, |x| f64::from(*x))
    }

    /// The registers of the result (none for a function that gives None whatever happens); None when it fails.
    fn call(&mut self, function: usize, args: &[f64]) -> Option<Vec<f64>> {
        let lowered = &self.program.unit.functions[function];
        let konst = |info: &super::ir::RegInfo| info.konst.map_or(0.0, |konst| konst.number());
        let mut regs: Vec<f64> = lowered.regs.iter().map(konst).collect();
        for (reg, arg) in lowered.params.iter().zip(args) {
            regs[*reg as usize] = *arg;
        }
        match self.block(&lowered.body, &mut regs)? {
            Flow::Return(values) => Some(values),
            _ => Some(Vec::new()),
        }
    }

    fn block(&mut self, body: &[Stmt], regs: &mut Vec<f64>) -> Option<Flow> {
        for statement in body {
            let flow = match statement {
                Stmt::Op { op, dst, a, b, c, imm, line } => {
                    regs[*dst as usize] = self.operation(*op, regs, [*a, *b, *c], (*imm, *line))?;
                    Flow::Next
                }
                Stmt::If { cond, then, els } => {
                    self.block(if regs[*cond as usize] != 0.0 { then } else { els }, regs)?
                }
                Stmt::For { counter, count, body } => self.repeat((*counter, *count), body, regs)?,
                Stmt::Break => Flow::Break,
                Stmt::Continue => Flow::Continue,
                Stmt::Return(values) => Flow::Return(values.iter().map(|reg| regs[*reg as usize]).collect()),
                Stmt::Fail { .. } => return None,
                Stmt::Call { function, args, dst } => {
                    let args: Vec<f64> = args.iter().map(|reg| regs[*reg as usize]).collect();
                    for (dst, value) in dst.iter().zip(self.call(*function, &args)?) {
                        regs[*dst as usize] = value;
                    }
                    Flow::Next
                }
                Stmt::Memo { body, .. } => self.block(body, regs)?,
            };
            if !matches!(flow, Flow::Next) {
                return Some(flow);
            }
        }
        Some(Flow::Next)
    }

    fn repeat(&mut self, (counter, count): (Reg, Reg), body: &[Stmt], regs: &mut Vec<f64>) -> Option<Flow> {
        for k in 0..regs[count as usize] as usize {
            regs[counter as usize] = k as f64;
            match self.block(body, regs)? {
                Flow::Return(value) => return Some(Flow::Return(value)),
                Flow::Break => break,
                Flow::Next | Flow::Continue => {}
            }
        }
        Some(Flow::Next)
    }

    /// A sum, and how much it leaves of its operands.
    fn sum(&mut self, a: f64, b: f64, line: u32) -> f64 {
        let sum = a + b;
        let left = sum.abs() / a.abs().max(b.abs()).max(f64::MIN_POSITIVE);
        // Nothing is left of equal numbers, and nothing is lost.
        if left > 0.0 && left < self.left {
            (self.left, self.line) = (left, line);
        }
        sum
    }

    /// The result of an operation; None where it fails. What 32 bits cannot hold is no failure here.
    fn operation(&mut self, op: Op, regs: &[f64], args: [Reg; 3], (imm, line): (u32, u32)) -> Option<f64> {
        let at = |index: usize| regs.get(args[index] as usize).copied().unwrap_or(0.0);
        let (a, b, c) = (at(0), at(1), at(2));
        let bit = |x: bool| f64::from(u8::from(x));
        let none = f64::from(NONE);
        Some(match op {
            Op::Copy | Op::IntToFloat | Op::BoolToInt | Op::Finite => a,
            Op::AddF => self.sum(a, b, line),
            Op::SubF => self.sum(a, -b, line),
            Op::AddI => a + b,
            Op::SubI => a - b,
            Op::MulF | Op::MulI => a * b,
            Op::DivF | Op::FloorDivF | Op::ModF | Op::FloorDivI | Op::ModI if b == 0.0 => return None,
            Op::DivF => a / b,
            Op::FloorDivF | Op::FloorDivI => (a / b).floor(),
            Op::ModF | Op::ModI => a - b * (a / b).floor(),
            Op::PowF => Some(libm::pow(a, b)).filter(|x| x.is_finite())?,
            Op::NegF | Op::NegI => -a,
            Op::AbsF | Op::AbsI => a.abs(),
            Op::MinF | Op::MinI => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Op::MaxF | Op::MaxI => {
                if b > a {
                    b
                } else {
                    a
                }
            }
            Op::LtF | Op::LtI => bit(a < b),
            Op::LeF | Op::LeI => bit(a <= b),
            Op::EqF | Op::EqI | Op::EqB => bit(a == b),
            Op::Not => bit(a == 0.0),
            Op::Floor => a.floor(),
            Op::Ceil => a.ceil(),
            Op::Round => a.round_ties_even(),
            Op::Trunc => a.trunc(),
            Op::RoundTo => {
                let scale = 10f64.powi(imm as i32);
                (a * scale).round_ties_even() / scale
            }
            Op::Function(f) => (f.operation().wide)(a)?,
            Op::Atan2 => libm::atan2(a, b),
            Op::Hypot => libm::hypot(a, b),
            Op::IsNone => bit(a == none),
            Op::Unwrap => Some(a).filter(|a| *a != none)?,
            Op::LoadFloat | Op::LoadInt | Op::LoadOptional => self.record(a, f64::from(imm)),
            Op::LoadBool => bit(self.record(a, f64::from(imm)) != 0.0),
            Op::LoadLen => Some(self.record(a, f64::from(imm)).min(b)).filter(|len| *len >= 0.0)?,
            Op::LoadFloatAt | Op::LoadIntAt => self.record(a, f64::from(imm) + b),
            Op::LoadBoolAt => bit(self.record(a, f64::from(imm) + b) != 0.0),
            Op::LoadRun => self.run.get(imm as usize).map_or(0.0, |x| f64::from(*x)),
            Op::LoadComponent => self.components.get(imm as usize).copied().filter(|x| !x.is_nan()).unwrap_or(none),
            Op::Element => regs.get(args[0] as usize + b as usize).copied()?,
            Op::Index => {
                let place = if a < 0.0 { c + a } else { b + a };
                Some(place).filter(|place| (b..c).contains(place))?
            }
            Op::SliceBound => (if a < 0.0 { c + a } else { b + a }).min(c).max(b),
            Op::RangeCount if c == 0.0 => return None,
            Op::RangeCount => Some(((b - a) / c).ceil().max(0.0)).filter(|count| *count <= f64::from(imm))?,
            Op::GroupStart => self.group.start as f64,
            Op::GroupCount => self.group.count as f64,
            Op::GroupValid => self.group.valid as f64,
            Op::BatchStart => self.batch.start as f64,
            Op::BatchCount => self.batch.count as f64,
            Op::BatchValid => self.batch.valid as f64,
            Op::IsValid => bit((self.is_valid)(a as usize)),
            // Not in the statements of a unit.
            Op::Jump | Op::JumpIfNot | Op::ForStart | Op::ForStep | Op::Call | Op::Return | Op::Fail => return None,
            Op::MemoGet | Op::MemoPut => return None,
        })
    }
}

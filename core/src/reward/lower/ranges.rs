//! What is known of a number before the program runs: the bounds it lies between. They follow through assignments and
//! arithmetic, bound the steps of loops, and tell comparisons that come out the same every time.

use super::super::ir::{Konst, Op, Reg};
use super::super::range::Range;
use super::builder::Lower;

impl Range {
    /// The bounds of a number that is known.
    pub fn of(konst: Konst) -> Self {
        Range::at(konst.number())
    }
}

/// Bounds of what an operation gives.
fn result(op: Op, a: Range, b: Range, c: Range, imm: u32) -> Range {
    let bit = Range::new(0.0, 1.0);
    match op {
        Op::Copy | Op::BoolToInt => a,
        Op::IntToFloat => a.rounded(),
        Op::AddI => Range::new(a.low + b.low, a.high + b.high),
        Op::SubI => Range::new(a.low - b.high, a.high - b.low),
        Op::MulI => a.corners(b, |a, b| a * b),
        Op::AddF => Range::new(a.low + b.low, a.high + b.high).rounded(),
        Op::SubF => Range::new(a.low - b.high, a.high - b.low).rounded(),
        Op::MulF => a.corners(b, |a, b| a * b).rounded(),
        Op::DivF if b.low > 0.0 || b.high < 0.0 => a.corners(b, |a, b| a / b).divided(),
        Op::FloorDivI | Op::FloorDivF if b.low > 0.0 || b.high < 0.0 => {
            let quotient = a.corners(b, |a, b| a / b);
            if op == Op::FloorDivI { quotient.map(f64::floor) } else { quotient.divided().map(f64::floor) }
        }
        Op::ModI | Op::ModF if b.low > 0.0 => {
            let top = if op == Op::ModI { b.high - 1.0 } else { b.high };
            if a.low >= 0.0 && a.high < b.low { a } else { Range::new(0.0, top) }
        }
        Op::NegF | Op::NegI => Range::new(-a.high, -a.low),
        Op::AbsF | Op::AbsI => {
            let low = if a.low <= 0.0 && a.high >= 0.0 { 0.0 } else { a.low.abs().min(a.high.abs()) };
            Range::new(low, a.low.abs().max(a.high.abs()))
        }
        Op::MinF | Op::MinI => Range::new(a.low.min(b.low), a.high.min(b.high)),
        Op::MaxF | Op::MaxI => Range::new(a.low.max(b.low), a.high.max(b.high)),
        Op::Floor => a.map(f64::floor),
        Op::Ceil => a.map(f64::ceil),
        Op::Round => a.map(f64::round_ties_even),
        Op::Trunc => a.map(f64::trunc),
        Op::RoundTo => Range::new(a.low.floor(), a.high.ceil()),
        Op::Function(f) => Range::new(f.operation().bounds.0, f.operation().bounds.1),
        Op::LtF | Op::LeF | Op::EqF | Op::LtI | Op::LeI | Op::EqI | Op::Not | Op::EqB | Op::IsNone | Op::IsValid => bit,
        Op::LoadBool | Op::LoadBoolAt | Op::Uniform => bit,
        Op::Below => Range::new(0.0, a.high - 1.0),
        Op::Lengthen => Range::new(0.0, a.high - 1.0),
        Op::LoadLen => Range::new(0.0, b.high),
        Op::Index => Range::new(b.low, c.high - 1.0),
        Op::SliceBound => Range::new(b.low, c.high),
        Op::RangeCount => Range::new(0.0, f64::from(imm)),
        Op::GroupStart | Op::BatchStart | Op::GroupCount | Op::BatchCount | Op::GroupValid | Op::BatchValid => {
            Range::new(0.0, f64::INFINITY)
        }
        _ => Range::ALL,
    }
}

impl Lower<'_, '_> {
    pub fn range_of(&self, reg: Reg) -> Range {
        self.regs.get(reg as usize).map_or(Range::ALL, |info| info.konst.map_or(info.range, Range::of))
    }

    pub fn set_range(&mut self, reg: Reg, range: Range) {
        if let Some(info) = self.regs.get_mut(reg as usize) {
            info.range = range;
        }
    }

    /// The largest int that a register can hold, where that is known.
    pub fn max_of(&self, reg: Reg) -> Option<i64> {
        let high = self.range_of(reg).high;
        (high < 9e15).then_some(high as i64)
    }

    /// Notes the bounds of an operation's result.
    pub(super) fn bound(&mut self, op: Op, dst: Reg, args: &[Reg], imm: u32) {
        let arg = |index: usize| args.get(index).map_or(Range::ALL, |reg| self.range_of(*reg));
        let range = match (op, args) {
            // The numbers that are written out, one of which is taken.
            (Op::Element, [first, _]) => (*first..first + imm).map(|reg| self.range_of(reg)).reduce(Range::join),
            _ => None,
        };
        let range = range.unwrap_or_else(|| result(op, arg(0), arg(1), arg(2), imm));
        self.set_range(dst, range);
    }

    // Variables: their registers are assigned to more than once, so their bounds belong to a place in the program.

    /// The bounds of all variables here.
    pub fn ranges(&self) -> Vec<(Reg, Range)> {
        self.variable_regs().map(|reg| (reg, self.range_of(reg))).collect()
    }

    pub fn set_ranges(&mut self, ranges: &[(Reg, Range)]) {
        for (reg, range) in ranges {
            self.set_range(*reg, *range);
        }
    }

    /// Where two ways meet: what holds on both.
    pub fn join_ranges(&mut self, other: &[(Reg, Range)]) {
        for (reg, range) in other {
            let joined = self.range_of(*reg).join(*range);
            self.set_range(*reg, joined);
        }
    }

    /// Forgets the bounds of the variables that a loop's body assigns to.
    pub fn forget_ranges(&mut self, names: &[String]) {
        for reg in names.iter().flat_map(|name| self.regs_of(name)).collect::<Vec<_>>() {
            self.set_range(reg, Range::ALL);
        }
    }
}

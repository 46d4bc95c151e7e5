//! What is known of a number before the program runs: the bounds it lies between. They follow through assignments and
//! arithmetic, bound the steps of loops, and tell comparisons that come out the same every time.
//!
//! Bounds are those of exact arithmetic, rounded outwards where the operation rounds. What overflows ends the sample, so
//! no bound is needed for it.

use super::super::ir::{Konst, Op, Reg};
use super::super::schema::Field;
use super::builder::Lower;

/// Bounds of a number, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    pub const ALL: Range = Range { low: f64::NEG_INFINITY, high: f64::INFINITY };

    pub fn new(low: f64, high: f64) -> Self {
        Range { low, high }
    }

    pub fn at(value: f64) -> Self {
        Range { low: value, high: value }
    }

    pub fn of(konst: Konst) -> Self {
        Range::at(konst.number())
    }

    /// The smallest range that holds both.
    pub fn join(self, other: Range) -> Range {
        Range::new(self.low.min(other.low), self.high.max(other.high))
    }

    /// Whether every number of it is below every one of the other.
    pub fn is_below(self, other: Range) -> bool {
        self.high < other.low
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Range {
        Range::new(f(self.low), f(self.high))
    }

    /// Bounds of a function of two numbers that is monotone in each.
    fn corners(self, other: Range, f: impl Fn(f64, f64) -> f64) -> Range {
        let mut range = Range::new(f64::INFINITY, f64::NEG_INFINITY);
        for a in [self.low, self.high] {
            for b in [other.low, other.high] {
                let value = f(a, b);
                // 0 times what has no bound: every number itself is finite.
                range = range.join(Range::at(if value.is_nan() { 0.0 } else { value }));
            }
        }
        range
    }

    /// The bounds as floats of 32 bits, which round like the numbers between them; a device may take the smallest for 0.
    fn rounded(self) -> Range {
        let round = |x: f64| if x.abs() < f64::from(f32::MIN_POSITIVE) { 0.0 } else { f64::from(x as f32) };
        self.map(round)
    }

    /// The same for a division, of which a device may miss some bits.
    fn divided(self) -> Range {
        Range::new(self.low - self.low.abs() * 1e-6, self.high + self.high.abs() * 1e-6).rounded()
    }

    /// What a field of an episode is declared to hold.
    pub fn of_field(field: &Field) -> Range {
        let (low, high) = field.bounds;
        Range::new(low.map_or(f64::NEG_INFINITY, f64::from), high.map_or(f64::INFINITY, f64::from))
    }

    /// Bounds of the sum of up to `n` such numbers; rounded sums keep no more than their sign.
    pub fn times(self, n: f64, is_exact: bool) -> Range {
        let bound = |x: f64| match x == 0.0 || is_exact {
            true => x * n,
            false => x * f64::INFINITY,
        };
        Range::new(bound(self.low.min(0.0)), bound(self.high.max(0.0)))
    }

    /// What is in both.
    pub fn meet(self, other: Range) -> Range {
        Range::new(self.low.max(other.low), self.high.min(other.high))
    }

    /// The bounds as words: "at least 0", "between 0 and 24".
    pub fn text(self) -> String {
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) if self.low == self.high => number(self.low),
            (true, true) => format!("between {} and {}", number(self.low), number(self.high)),
            (true, false) => format!("at least {}", number(self.low)),
            (false, true) => format!("at most {}", number(self.high)),
            (false, false) => "any number".to_string(),
        }
    }
}

/// A bound with the digits that it has as an int or as a float of 32 bits.
fn number(x: f64) -> String {
    if x.fract() == 0.0 { format!("{x}") } else { format!("{}", x as f32) }
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
        Op::LoadBool | Op::LoadBoolAt => bit,
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

//! Bounds that a number lies between.
//!
//! Bounds are those of exact arithmetic, rounded outwards where the operation rounds. What overflows ends the sample, so
//! no bound is needed for it.

use super::schema::Field;

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

    /// The smallest range that holds both.
    pub fn join(self, other: Range) -> Range {
        Range::new(self.low.min(other.low), self.high.max(other.high))
    }

    /// Whether every number of it is below every one of the other.
    pub fn is_below(self, other: Range) -> bool {
        self.high < other.low
    }

    pub fn map(self, f: impl Fn(f64) -> f64) -> Range {
        Range::new(f(self.low), f(self.high))
    }

    /// Bounds of a function of two numbers that is monotone in each.
    pub fn corners(self, other: Range, f: impl Fn(f64, f64) -> f64) -> Range {
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
    pub fn rounded(self) -> Range {
        let round = |x: f64| if x.abs() < f64::from(f32::MIN_POSITIVE) { 0.0 } else { f64::from(x as f32) };
        self.map(round)
    }

    /// The same for a division, of which a device may miss some bits.
    pub fn divided(self) -> Range {
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

//! What an instruction set gives.

/// Numbers that move together; the part that a matrix product needs.
pub(crate) trait Vector: Copy {
    const LANES: usize;
    /// # Safety
    /// `LANES` floats are readable at `from`.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `LANES` floats are writable at `to`.
    unsafe fn store(self, to: *mut f32);
    fn splat(x: f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
}

/// With everything else that the elementary functions need. `f32` is the one-lane instance, so that scalar and vector
/// results agree by construction.
pub(crate) trait Lanes: Vector {
    fn sub(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    /// `self > other ? self : other` (so `other` where either is not a number).
    fn max(self, other: Self) -> Self;
    /// `self < other ? self : other` (so `other` where either is not a number).
    fn min(self, other: Self) -> Self;
    fn and_bits(self, mask: u32) -> Self;
    fn or_bits(self, other: Self) -> Self;
    /// Adds the low mantissa bits of `magic` to the exponent: times 2^n where `magic` = 1.5 * 2^23 + n.
    fn add_exponent(self, magic: Self) -> Self;
    /// The biased exponent field as a number.
    fn exponent_field(self) -> Self;
    /// Where `a < b` then `x`, else `y`.
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self;
}

/// An instruction set.
pub(crate) trait Simd {
    /// Eight lanes: the unit of every reduction.
    type V: Lanes;
    /// Sixteen lanes: the panel of a matrix product.
    type W: Vector;
    /// Rows of a matrix product's register tile, which is a panel wide: as many as the registers hold.
    const TILE_ROWS: usize;
}

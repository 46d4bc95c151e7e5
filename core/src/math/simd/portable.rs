//! Lanes as plain arrays and as one scalar.

use super::{Lanes, Simd, Vector};

/// No instruction set beyond the target's own.
pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 8];
    type W = Wide<[f32; 8]>;
    const TILE_ROWS: usize = 2;
}

/// Sixteen lanes as two times eight.
#[derive(Clone, Copy)]
pub(crate) struct Wide<V>(V, V);

impl<V: Vector> Vector for Wide<V> {
    const LANES: usize = 16;
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for sixteen floats.
        unsafe { Self(V::load(from), V::load(from.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for sixteen floats.
        unsafe {
            self.0.store(to);
            self.1.store(to.add(8));
        }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(V::splat(x), V::splat(x))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0), self.1.mul(other.1))
    }
}

impl Vector for [f32; 8] {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for eight floats.
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for eight floats.
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        [x; 8]
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] + other[i])
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] * other[i])
    }
}

impl Lanes for [f32; 8] {
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] - other[i])
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] / other[i])
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        std::array::from_fn(|i| Lanes::max(self[i], other[i]))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        std::array::from_fn(|i| Lanes::min(self[i], other[i]))
    }
    #[inline(always)]
    fn and_bits(self, mask: u32) -> Self {
        self.map(|x| x.and_bits(mask))
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i].or_bits(other[i]))
    }
    #[inline(always)]
    fn add_exponent(self, magic: Self) -> Self {
        std::array::from_fn(|i| self[i].add_exponent(magic[i]))
    }
    #[inline(always)]
    fn exponent_field(self) -> Self {
        self.map(Lanes::exponent_field)
    }
    #[inline(always)]
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
        std::array::from_fn(|i| if a[i] < b[i] { x[i] } else { y[i] })
    }
}

impl Vector for f32 {
    const LANES: usize = 1;
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for a float.
        unsafe { *from }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for a float.
        unsafe { *to = self }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        x
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self * other
    }
}

impl Lanes for f32 {
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self - other
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self / other
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
    #[inline(always)]
    fn and_bits(self, mask: u32) -> Self {
        f32::from_bits(self.to_bits() & mask)
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        f32::from_bits(self.to_bits() | other.to_bits())
    }
    #[inline(always)]
    fn add_exponent(self, magic: Self) -> Self {
        f32::from_bits(self.to_bits().wrapping_add(magic.to_bits() << 23))
    }
    #[inline(always)]
    fn exponent_field(self) -> Self {
        ((self.to_bits() >> 23) & 0xff) as f32
    }
    #[inline(always)]
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
        if a < b { x } else { y }
    }
}

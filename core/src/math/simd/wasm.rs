//! SIMD128: eight lanes as two 128-bit vectors. The module is compiled only where the target has it.

use super::{Lanes, Simd, Vector, Wide};
use std::arch::wasm32::*;

/// 128-bit vectors.
pub(crate) struct Simd128;

impl Simd for Simd128 {
    type V = F32x8;
    type W = Wide<F32x8>;
    const TILE_ROWS: usize = 2;
}

#[derive(Clone, Copy)]
pub(crate) struct F32x8(v128, v128);

impl F32x8 {
    #[inline(always)]
    fn zip(self, other: Self, f: impl Fn(v128, v128) -> v128) -> Self {
        Self(f(self.0, other.0), f(self.1, other.1))
    }
}

impl Vector for F32x8 {
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for eight floats.
        unsafe { Self(v128_load(from.cast()), v128_load(from.add(4).cast())) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for eight floats.
        unsafe {
            v128_store(to.cast(), self.0);
            v128_store(to.add(4).cast(), self.1);
        }
    }
    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(f32x4_splat(x), f32x4_splat(x))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_add(a, b))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_mul(a, b))
    }
}

impl Lanes for F32x8 {
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_sub(a, b))
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_div(a, b))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_pmax(b, a))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| f32x4_pmin(b, a))
    }
    #[inline(always)]
    fn and_bits(self, mask: u32) -> Self {
        let mask = u32x4_splat(mask);
        Self(v128_and(self.0, mask), v128_and(self.1, mask))
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        self.zip(other, |a, b| v128_or(a, b))
    }
    #[inline(always)]
    fn add_exponent(self, magic: Self) -> Self {
        self.zip(magic, |p, m| i32x4_add(p, i32x4_shl(m, 23)))
    }
    #[inline(always)]
    fn exponent_field(self) -> Self {
        let field = |x| f32x4_convert_i32x4(v128_and(u32x4_shr(x, 23), u32x4_splat(0xff)));
        Self(field(self.0), field(self.1))
    }
    #[inline(always)]
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
        Self(v128_bitselect(x.0, y.0, f32x4_lt(a.0, b.0)), v128_bitselect(x.1, y.1, f32x4_lt(a.1, b.1)))
    }
}

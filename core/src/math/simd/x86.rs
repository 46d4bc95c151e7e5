//! AVX2 and AVX-512, chosen at run time.
//!
//! The intrinsics below need their instruction set: values of these types exist only under `dispatch!`, which enters a
//! function compiled for the set after it was detected. No operation here is a fused one.

use super::portable::Wide;
use super::{Lanes, Simd, Vector};
use std::arch::x86_64::*;

/// 256-bit vectors, sixteen registers.
pub(crate) struct Avx2;

impl Simd for Avx2 {
    type V = F32x8;
    type W = Wide<F32x8>;
    const TILE_ROWS: usize = 6;
}

/// 512-bit vectors in matrix products, thirty-two registers.
pub(crate) struct Avx512;

impl Simd for Avx512 {
    type V = F32x8;
    type W = F32x16;
    const TILE_ROWS: usize = 8;
}

#[derive(Clone, Copy)]
pub(crate) struct F32x8(__m256);

#[derive(Clone, Copy)]
pub(crate) struct F32x16(__m512);

/// What a width needs for matrix products, by its intrinsics.
macro_rules! vector {
    ($name:ident, $lanes:literal, $load:ident, $store:ident, $splat:ident, $add:ident, $mul:ident) => {
        // SAFETY (for the whole block): see the head of the file; load and store pass their caller's promise on.
        impl Vector for $name {
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                unsafe { Self($load(from)) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            fn splat(x: f32) -> Self {
                unsafe { Self($splat(x)) }
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                unsafe { Self($add(self.0, other.0)) }
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                unsafe { Self($mul(self.0, other.0)) }
            }
        }
    };
}
vector!(F32x8, 8, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_set1_ps, _mm256_add_ps, _mm256_mul_ps);
vector!(F32x16, 16, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_add_ps, _mm512_mul_ps);

// SAFETY (for the whole block): see the head of the file.
impl Lanes for F32x8 {
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        unsafe { Self(_mm256_div_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn and_bits(self, mask: u32) -> Self {
        unsafe { Self(_mm256_and_ps(self.0, _mm256_set1_ps(f32::from_bits(mask)))) }
    }
    #[inline(always)]
    fn or_bits(self, other: Self) -> Self {
        unsafe { Self(_mm256_or_ps(self.0, other.0)) }
    }
    #[inline(always)]
    fn add_exponent(self, magic: Self) -> Self {
        unsafe {
            let shift = _mm256_slli_epi32::<23>(_mm256_castps_si256(magic.0));
            Self(_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), shift)))
        }
    }
    #[inline(always)]
    fn exponent_field(self) -> Self {
        unsafe {
            let field = _mm256_srli_epi32::<23>(_mm256_castps_si256(self.0));
            Self(_mm256_cvtepi32_ps(_mm256_and_si256(field, _mm256_set1_epi32(0xff))))
        }
    }
    #[inline(always)]
    fn select_lt(a: Self, b: Self, x: Self, y: Self) -> Self {
        unsafe { Self(_mm256_blendv_ps(y.0, x.0, _mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0))) }
    }
}

//! Instruction sets behind one set of eight-lane operations.
//!
//! A kernel is written once, generic over `Simd`, and instantiated for every set by `dispatch!`. The sets differ in how many
//! lanes one instruction covers, never in what is computed: every operation is one IEEE single-precision operation a lane.

mod lanes;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use lanes::{Lanes, Simd, Vector};
pub(crate) use portable::Portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use portable::Wide;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) use wasm::Simd128;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// Sum of eight lanes, always in the same tree.
#[inline(always)]
pub(crate) fn sum_lanes<V: Vector>(v: V) -> f32 {
    let l = to_array(v);
    let four = [l[0] + l[4], l[1] + l[5], l[2] + l[6], l[3] + l[7]];
    (four[0] + four[2]) + (four[1] + four[3])
}

/// Greatest of eight lanes.
#[inline(always)]
pub(crate) fn max_lanes<V: Vector>(v: V) -> f32 {
    let l = to_array(v);
    // Not f32::max, which is a function call in wasm.
    l.into_iter().fold(f32::NEG_INFINITY, |greatest, x| if x > greatest { x } else { greatest })
}

#[inline(always)]
fn to_array<V: Vector>(v: V) -> [f32; 8] {
    const { assert!(V::LANES == 8) };
    let mut out = [0.0; 8];
    // SAFETY: V has eight lanes, as checked above.
    unsafe { v.store(out.as_mut_ptr()) };
    out
}

/// The instruction set of a kernel call. Only sets that this machine has can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(pub(crate) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
}

impl Level {
    /// The widest set of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
            {
                return Self(Kind::Avx512);
            }
            if is_x86_feature_detected!("avx2") {
                return Self(Kind::Avx2);
            }
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        return Self(Kind::Simd128);
        #[allow(unreachable_code, reason = "with simd128 at compile time there is no other case")]
        Self(Kind::Portable)
    }

    /// Plain Rust, on every machine.
    pub fn portable() -> Self {
        Self(Kind::Portable)
    }

    /// Every set of this machine, so that tests can compare them.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::portable()];
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            all.push(Self(Kind::Avx2));
        }
        if !all.contains(&Self::detect()) {
            all.push(Self::detect());
        }
        all
    }
}

/// Declares a kernel: a function that takes a `Level` first and runs the instance of a generic one for it.
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident = $generic:ident($($arg:ident: $ty:ty),* $(,)?)) => {
        $(#[$meta])*
        $vis fn $name(level: $crate::math::simd::Level, $($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn avx2($($arg: $ty),*) {
                $generic::<$crate::math::simd::Avx2>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq")]
            fn avx512($($arg: $ty),*) {
                $generic::<$crate::math::simd::Avx512>($($arg),*)
            }
            match level.0 {
                $crate::math::simd::Kind::Portable => $generic::<$crate::math::simd::Portable>($($arg),*),
                // SAFETY: a Level names only sets that were detected.
                #[cfg(target_arch = "x86_64")]
                $crate::math::simd::Kind::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                $crate::math::simd::Kind::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                $crate::math::simd::Kind::Simd128 => $generic::<$crate::math::simd::Simd128>($($arg),*),
            }
        }
    };
}
pub(crate) use dispatch;

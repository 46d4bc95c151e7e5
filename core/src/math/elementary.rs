//! exp, log, tanh and sigmoid in plain single-precision operations, branch-free, the same for one number and for lanes.
//!
//! Range reduction with a polynomial fitted (Chebyshev) to the reduced function. exp and log are within 1 unit in the last
//! place of the true value, sigmoid within 2.5 and tanh within 5.5, except that results below the smallest normal number
//! are 0.

use super::simd::Lanes;

const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// 1.5 * 2^23: adding it rounds to a whole number and leaves that number in the low mantissa bits.
const ROUND: f32 = 12_582_912.0;

/// e^x. 0 below -87.3365, infinity above 88.72283.
pub fn exp(x: f32) -> f32 {
    exp_lanes(x)
}

/// The natural logarithm: -infinity at 0, not a number below.
pub fn log(x: f32) -> f32 {
    log_lanes(x)
}

/// The hyperbolic tangent.
pub fn tanh(x: f32) -> f32 {
    tanh_lanes(x)
}

/// 1 / (1 + e^-x).
pub fn sigmoid(x: f32) -> f32 {
    sigmoid_lanes(x)
}

/// c[0] + c[1] x + c[2] x^2 + ...
#[inline(always)]
fn polynomial<L: Lanes, const N: usize>(x: L, c: [f32; N]) -> L {
    let mut y = L::splat(c[N - 1]);
    for i in (0..N - 1).rev() {
        y = y.mul(x).add(L::splat(c[i]));
    }
    y
}

/// e^x = 2^n e^r with n whole and |r| <= ln(2)/2.
#[inline(always)]
pub(crate) fn exp_lanes<L: Lanes>(x: L) -> L {
    let magic = x.mul(L::splat(std::f32::consts::LOG2_E)).add(L::splat(ROUND));
    let n = magic.sub(L::splat(ROUND));
    let r = x.sub(n.mul(L::splat(LN2_HIGH))).sub(n.mul(L::splat(LN2_LOW)));
    let q = polynomial(r, [0.5, 0.166_665_77, 0.041_666_556, 0.008_363_233, 0.001_392_625_1]);
    let p = r.mul(r).mul(q).add(r).add(L::splat(1.0));
    let y = p.add_exponent(magic);
    let y = L::select_lt(x, L::splat(-87.3365), L::splat(0.0), y);
    // What is not below the last finite result is infinity, or not a number and stays that.
    L::select_lt(x, L::splat(88.722_84), y, x.add(L::splat(f32::INFINITY)))
}

/// ln x = e ln 2 + ln m with m in [sqrt(1/2), sqrt(2)).
#[inline(always)]
pub(crate) fn log_lanes<L: Lanes>(x: L) -> L {
    let tiny = L::splat(f32::MIN_POSITIVE);
    let zero = L::splat(0.0);
    // Subnormal numbers are brought into the normal range first.
    let scaled = L::select_lt(x, tiny, x.mul(L::splat(8_388_608.0)), x);
    let offset = L::select_lt(x, tiny, L::splat(149.0), L::splat(126.0));
    let e = scaled.exponent_field().sub(offset);
    let m = scaled.and_bits(0x007f_ffff).or_bits(L::splat(0.5));
    let low = L::splat(std::f32::consts::FRAC_1_SQRT_2);
    let e = L::select_lt(m, low, e.sub(L::splat(1.0)), e);
    let f = L::select_lt(m, low, m.add(m), m).sub(L::splat(1.0));
    let q = polynomial(
        f,
        [
            0.333_333_3,
            -0.250_003_06,
            0.200_010_45,
            -0.166_412_81,
            0.142_144_96,
            -0.129_981_84,
            0.126_223_2,
            -0.079_027_44,
        ],
    );
    let f2 = f.mul(f);
    let y = f2.mul(f).mul(q).add(e.mul(L::splat(LN2_LOW))).sub(f2.mul(L::splat(0.5))).add(f);
    let y = y.add(e.mul(L::splat(LN2_HIGH)));
    let y = L::select_lt(zero, x, y, L::splat(f32::NEG_INFINITY));
    let y = L::select_lt(x, zero, L::splat(f32::NAN), y);
    // Infinity stays that, and so does what is not a number.
    L::select_lt(x, L::splat(f32::INFINITY), y, x)
}

/// x P(x^2) / Q(x^2) on -9..9, fitted to the least relative error; 1 or -1 beyond.
#[inline(always)]
pub(crate) fn tanh_lanes<L: Lanes>(x: L) -> L {
    // In this order of operands what is not a number stays that.
    let x = L::splat(9.0).min(L::splat(-9.0).max(x));
    let z = x.mul(x);
    let p = polynomial(z, [1.0, 0.133_840_44, 0.003_499_149, 2.066_675_2e-5, 1.343_322_25e-8]);
    let q = polynomial(z, [1.0, 0.467_173_6, 0.025_890_592, 3.291_417_4e-4, 7.808_958e-7]);
    L::splat(1.0).min(L::splat(-1.0).max(x.mul(p).div(q)))
}

#[inline(always)]
pub(crate) fn sigmoid_lanes<L: Lanes>(x: L) -> L {
    let one = L::splat(1.0);
    one.div(exp_lanes(L::splat(0.0).sub(x)).add(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Error in units of the last place of the true value.
    fn ulps(got: f32, want: f64) -> f64 {
        let w = want as f32;
        if got == w {
            return 0.0;
        }
        let unit = f64::from(f32::from_bits(w.abs().max(f32::MIN_POSITIVE).to_bits() + 1)) - f64::from(w.abs());
        (f64::from(got) - want).abs() / unit.max(f64::from(f32::MIN_POSITIVE) * f64::from(f32::EPSILON))
    }

    fn worst(f: fn(f32) -> f32, truth: fn(f64) -> f64, low: f32, high: f32) -> f64 {
        let n = 400_000;
        (0..=n)
            .map(|i| low + (high - low) * (i as f32 / n as f32))
            .map(|x| ulps(f(x), truth(f64::from(x))))
            .fold(0.0, f64::max)
    }

    #[test]
    fn each_function_is_within_its_stated_error() {
        let sigmoid_of = |x: f64| 1.0 / (1.0 + libm::exp(-x));
        for (name, bound, error) in [
            ("exp", 1.0, worst(exp, libm::exp, -87.3, 88.72)),
            ("exp near 0", 1.0, worst(exp, libm::exp, -1.0, 1.0)),
            ("log", 1.0, worst(log, libm::log, 1e-6, 100.0)),
            ("log of large", 1.0, worst(log, libm::log, 100.0, 3e38)),
            ("log near 1", 1.0, worst(log, libm::log, 0.9, 1.1)),
            ("tanh", 5.5, worst(tanh, libm::tanh, -12.0, 12.0)),
            ("tanh near 0", 5.5, worst(tanh, libm::tanh, -1e-3, 1e-3)),
            ("sigmoid", 2.5, worst(sigmoid, sigmoid_of, -80.0, 30.0)),
        ] {
            println!("{name}: {error:.2} ulp");
            assert!(error <= bound, "{name}: {error}");
        }
    }

    #[test]
    fn special_values_are_exact() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(-0.0), 1.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(1000.0), f32::INFINITY);
        assert_eq!(exp(-1e30), 0.0);
        assert_eq!(exp(1e30), f32::INFINITY);
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(log(1.0), 0.0);
        assert_eq!(log(0.0), f32::NEG_INFINITY);
        assert_eq!(log(f32::INFINITY), f32::INFINITY);
        assert!(log(-0.5).is_nan() && log(f32::NEG_INFINITY).is_nan() && log(f32::NAN).is_nan());
        assert!(ulps(log(1e-42), libm::log(f64::from(1e-42_f32))) < 2.5);
        assert_eq!((tanh(0.0), tanh(40.0), tanh(-40.0)), (0.0, 1.0, -1.0));
        assert_eq!((tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)), (1.0, -1.0));
        assert!(tanh(f32::NAN).is_nan());
        assert_eq!((sigmoid(0.0), sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)), (0.5, 1.0, 0.0));
    }
}

//! Python's arithmetic on `f32` and `i32`, with what Python would raise as an error code. The shader's twin is the
//! prelude in `prelude.wgsl`: same names, same order of operations.

use super::faults::{FINITE_LIMIT, INT_LIMIT, code};

type Checked<T> = Result<T, u32>;

#[inline(always)]
pub fn finite(x: f32) -> Checked<f32> {
    if x.abs() < FINITE_LIMIT { Ok(x) } else { Err(code::NOT_FINITE) }
}

#[inline(always)]
fn not_too_large(x: f32) -> Checked<f32> {
    if x.abs() < FINITE_LIMIT { Ok(x) } else { Err(code::OVERFLOW) }
}

/// The length of a list, out of its record.
#[inline(always)]
pub fn list_len(stored: f32, cap: i32) -> Checked<i32> {
    if stored < 0.0 { Err(code::ABSENT) } else { Ok((stored as i32).min(cap)) }
}

#[inline(always)]
pub fn div(a: f32, b: f32) -> Checked<f32> {
    if b == 0.0 { Err(code::DIVISION) } else { finite(a / b) }
}

/// CPython's `float_divmod`: the quotient, which may be too large, and the remainder, which has the sign of `b`.
fn divmod(a: f32, b: f32) -> Checked<(f32, f32)> {
    if b == 0.0 {
        return Err(code::DIVISION);
    }
    let mut remainder = a % b;
    let mut quotient = (a - remainder) / b;
    if remainder != 0.0 && (b < 0.0) != (remainder < 0.0) {
        remainder += b;
        quotient -= 1.0;
    }
    let mut floor = quotient.floor();
    if quotient - floor > 0.5 {
        floor += 1.0;
    }
    Ok((floor, remainder))
}

pub fn floor_div(a: f32, b: f32) -> Checked<f32> {
    divmod(a, b).and_then(|(quotient, _)| finite(quotient))
}

pub fn modulo(a: f32, b: f32) -> Checked<f32> {
    divmod(a, b).map(|(_, remainder)| remainder)
}

pub fn pow(a: f32, b: f32) -> Checked<f32> {
    if b == 0.0 || a == 1.0 {
        return Ok(1.0);
    }
    if a == 0.0 {
        return if b < 0.0 { Err(code::DIVISION) } else { Ok(0.0) };
    }
    if a < 0.0 && b.floor() != b {
        return Err(code::COMPLEX);
    }
    not_too_large(libm::powf(a, b))
}

/// Above this `math.exp`, which has 64 bits, raises too.
pub const LARGEST_EXPONENT: f32 = 709.782_7;

pub fn exp(x: f32) -> Checked<f32> {
    let code = if x > LARGEST_EXPONENT { code::OVERFLOW } else { code::EXP };
    not_too_large(libm::expf(x)).map_err(|_| code)
}

pub fn log(x: f32) -> Checked<f32> {
    if x > 0.0 { Ok(libm::logf(x)) } else { Err(code::DOMAIN) }
}

pub fn log1p(x: f32) -> Checked<f32> {
    if x > -1.0 { Ok(libm::log1pf(x)) } else { Err(code::DOMAIN) }
}

pub fn sqrt(x: f32) -> Checked<f32> {
    if x >= 0.0 { Ok(x.sqrt()) } else { Err(code::DOMAIN) }
}

pub fn sin(x: f32) -> Checked<f32> {
    if x.abs() < FINITE_LIMIT { Ok(libm::sinf(x)) } else { Err(code::DOMAIN) }
}

pub fn cos(x: f32) -> Checked<f32> {
    if x.abs() < FINITE_LIMIT { Ok(libm::cosf(x)) } else { Err(code::DOMAIN) }
}

pub fn tan(x: f32) -> Checked<f32> {
    // A float is never so near to a pole that its tangent is not finite.
    if x.abs() < FINITE_LIMIT { Ok(libm::tanf(x)) } else { Err(code::DOMAIN) }
}

pub fn asin(x: f32) -> Checked<f32> {
    if x.abs() <= 1.0 { Ok(libm::asinf(x)) } else { Err(code::DOMAIN) }
}

pub fn acos(x: f32) -> Checked<f32> {
    if x.abs() <= 1.0 { Ok(libm::acosf(x)) } else { Err(code::DOMAIN) }
}

pub fn log2(x: f32) -> Checked<f32> {
    if x > 0.0 { Ok(libm::log2f(x)) } else { Err(code::DOMAIN) }
}

pub fn log10(x: f32) -> Checked<f32> {
    if x > 0.0 { Ok(libm::log10f(x)) } else { Err(code::DOMAIN) }
}

pub fn sigmoid(x: f32) -> f32 {
    let e = libm::expf(-x.abs());
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// `x` rounded half to even at `digits` decimals.
pub fn round_to(x: f32, digits: u32) -> f32 {
    let scale = [1.0, 10.0, 100.0, 1.0e3, 1.0e4, 1.0e5, 1.0e6][digits.min(6) as usize];
    let scaled = x * scale;
    // Above 2^23 a float has no decimals left.
    if scaled.abs() < 8_388_608.0 { scaled.round_ties_even() / scale } else { x }
}

/// The int of a float that has no decimals.
#[inline(always)]
pub fn to_int(x: f32) -> Checked<i32> {
    if x.abs() < INT_LIMIT {
        Ok(x as i32)
    } else if x.abs() < FINITE_LIMIT {
        Err(code::INT_OVERFLOW)
    } else {
        Err(code::OVERFLOW)
    }
}

/// The smallest `i32` is left out, so that every int has a negative.
#[inline(always)]
pub fn int(x: Option<i32>) -> Checked<i32> {
    match x {
        Some(x) if x != i32::MIN => Ok(x),
        _ => Err(code::INT_OVERFLOW),
    }
}

pub fn floor_div_int(a: i32, b: i32) -> Checked<i32> {
    if b == 0 {
        return Err(code::DIVISION);
    }
    let quotient = a / b;
    Ok(if a % b != 0 && (a < 0) != (b < 0) { quotient - 1 } else { quotient })
}

pub fn modulo_int(a: i32, b: i32) -> Checked<i32> {
    if b == 0 {
        return Err(code::DIVISION);
    }
    let remainder = a % b;
    Ok(if remainder != 0 && (remainder < 0) != (b < 0) { remainder + b } else { remainder })
}

/// The place of element `i` in `start..end`; a negative `i` counts from the end.
#[inline(always)]
pub fn index(i: i32, start: i32, end: i32) -> Checked<i32> {
    let at = if i < 0 { end.saturating_add(i) } else { start.saturating_add(i) };
    if at >= start && at < end { Ok(at) } else { Err(code::INDEX) }
}

pub fn slice_bound(i: i32, start: i32, end: i32) -> i32 {
    let at = if i < 0 { end.saturating_add(i) } else { start.saturating_add(i) };
    at.min(end).max(start)
}

pub fn range_count(start: i32, stop: i32, step: i32, bound: u32) -> Checked<i32> {
    let (start, stop, step) = (i64::from(start), i64::from(stop), i64::from(step));
    let count = match step {
        0 => return Err(code::STEP),
        1.. => (stop - start + step - 1).div_euclid(step),
        _ => (start - stop - step - 1).div_euclid(-step),
    };
    if count > i64::from(bound) { Err(code::LOOP) } else { Ok(count.max(0) as i32) }
}

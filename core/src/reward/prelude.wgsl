// Python's arithmetic on f32 and i32 for programs; the shader's twin of number.rs.
//
// An error is sticky: the first one of an evaluation stays in goodhart_failure as code << 16 | line, and a harmless
// value goes on. The constants GOODHART_* stand before this text, made from those of ir.rs. Infinity and NaN cannot be relied on in a shader, so checks look at bits and marks are finite.


var<private> goodhart_failure: u32;

fn goodhart_fail(code: u32, line: u32) {
    if (goodhart_failure == 0u) {
        goodhart_failure = (code << 16u) | line;
    }
}

fn goodhart_is_large(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) >= GOODHART_LIMIT_BITS;
}

fn goodhart_is_none(x: f32) -> bool {
    return x > 2.5e38;
}

fn goodhart_checked(x: f32, code: u32, line: u32) -> f32 {
    if (goodhart_is_large(x)) {
        goodhart_fail(code, line);
        return 0.0;
    }
    return x;
}

fn goodhart_finite(x: f32, line: u32) -> f32 {
    if (goodhart_is_none(x)) {
        return x;
    }
    return goodhart_checked(x, GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_unwrap(x: f32, line: u32) -> f32 {
    if (goodhart_is_none(x)) {
        goodhart_fail(GOODHART_FAULT_NONE, line);
        return 0.0;
    }
    return x;
}

fn goodhart_add(a: f32, b: f32, line: u32) -> f32 {
    return goodhart_checked(a + b, GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_sub(a: f32, b: f32, line: u32) -> f32 {
    return goodhart_checked(a - b, GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_mul(a: f32, b: f32, line: u32) -> f32 {
    return goodhart_checked(a * b, GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_div(a: f32, b: f32, line: u32) -> f32 {
    if (b == 0.0) {
        goodhart_fail(GOODHART_FAULT_DIVISION, line);
        return 0.0;
    }
    return goodhart_checked(a / b, GOODHART_FAULT_NOT_FINITE, line);
}

// The exact remainder with the sign of a: long division of the mantissas. Subnormal numbers count as zero.
fn goodhart_fmod(a: f32, b: f32) -> f32 {
    let ua = bitcast<u32>(a) & 0x7fffffffu;
    let ub = bitcast<u32>(b) & 0x7fffffffu;
    if (ua < ub) {
        return a;
    }
    var exponent = i32(ua >> 23u);
    let exponent_b = i32(ub >> 23u);
    if (exponent_b == 0) {
        return 0.0;
    }
    var mantissa = (ua & 0x7fffffu) | 0x800000u;
    let mantissa_b = (ub & 0x7fffffu) | 0x800000u;
    for (; exponent > exponent_b; exponent = exponent - 1) {
        if (mantissa >= mantissa_b) {
            mantissa = mantissa - mantissa_b;
        }
        mantissa = mantissa << 1u;
    }
    if (mantissa >= mantissa_b) {
        mantissa = mantissa - mantissa_b;
    }
    if (mantissa == 0u) {
        return 0.0;
    }
    let shift = i32(countLeadingZeros(mantissa)) - 8;
    exponent = exponent - shift;
    if (exponent <= 0) {
        return 0.0;
    }
    mantissa = mantissa << u32(shift);
    return bitcast<f32>((bitcast<u32>(a) & 0x80000000u) | (u32(exponent) << 23u) | (mantissa & 0x7fffffu));
}

// CPython's float_divmod.
fn goodhart_divmod(a: f32, b: f32, line: u32) -> vec2<f32> {
    if (b == 0.0) {
        goodhart_fail(GOODHART_FAULT_DIVISION, line);
        return vec2<f32>(0.0, 0.0);
    }
    var remainder = goodhart_fmod(a, b);
    var quotient = (a - remainder) / b;
    if (remainder != 0.0 && (b < 0.0) != (remainder < 0.0)) {
        remainder = remainder + b;
        quotient = quotient - 1.0;
    }
    // The division of a shader may be off by some units in the last place, to either side of a whole number.
    return vec2<f32>(round(quotient), remainder);
}

fn goodhart_floor_div(a: f32, b: f32, line: u32) -> f32 {
    return goodhart_checked(goodhart_divmod(a, b, line).x, GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_mod(a: f32, b: f32, line: u32) -> f32 {
    return goodhart_divmod(a, b, line).y;
}

fn goodhart_pow(a: f32, b: f32, line: u32) -> f32 {
    if (b == 0.0 || a == 1.0) {
        return 1.0;
    }
    if (a == 0.0) {
        if (b < 0.0) {
            goodhart_fail(GOODHART_FAULT_DIVISION, line);
        }
        return 0.0;
    }
    if (a > 0.0) {
        return goodhart_checked(pow(a, b), GOODHART_FAULT_OVERFLOW, line);
    }
    if (floor(b) != b) {
        goodhart_fail(GOODHART_FAULT_COMPLEX, line);
        return 0.0;
    }
    let power = goodhart_checked(pow(-a, b), GOODHART_FAULT_OVERFLOW, line);
    let half = b * 0.5;
    return select(-power, power, floor(half) == half);
}

fn goodhart_exp(x: f32, line: u32) -> f32 {
    return goodhart_checked(exp(min(x, 88.0)), select(GOODHART_FAULT_EXP, GOODHART_FAULT_OVERFLOW, x > 709.7827), line);
}

fn goodhart_log(x: f32, line: u32) -> f32 {
    if (x <= 0.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    return log(x);
}

// Near 0, twice the series of the area tangent of x / (2 + x).
fn goodhart_log1p(x: f32, line: u32) -> f32 {
    if (x <= -1.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    if (abs(x) > 0.4) {
        return log(1.0 + x);
    }
    let s = x / (2.0 + x);
    let z = s * s;
    return 2.0 * s * (1.0 + z * (1.0 / 3.0 + z * (0.2 + z * (1.0 / 7.0 + z * (1.0 / 9.0)))));
}

fn goodhart_sqrt(x: f32, line: u32) -> f32 {
    if (x < 0.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    return sqrt(x);
}

// The upper half of a product of 64 bits.
fn goodhart_mul_high(a: u32, b: u32) -> u32 {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let one = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let two = (a & 0xffffu) * (b >> 16u) + (one & 0xffffu);
    return (a >> 16u) * (b >> 16u) + (one >> 16u) + (two >> 16u);
}

// Bits of 2/pi from place 32 * i - 2 on.
fn goodhart_two_over_pi(i: u32) -> u32 {
    switch (i) {
        case 1u: { return 0x28be60dbu; }
        case 2u: { return 0x9391054au; }
        case 3u: { return 0x7f09d5f4u; }
        case 4u: { return 0x7d4d3770u; }
        case 5u: { return 0x36d8a566u; }
        case 6u: { return 0x4f10e410u; }
        default: { return 0u; }
    }
}

// Reduction of a large angle by multiples of pi/2 (M. Payne, R. Hanek: Radian reduction for trigonometric functions,
// SIGNUM Newsletter 18, 1983): what is left, between -pi/4 and pi/4, and the number of the quarter. The product of the
// mantissa with the bits of 2/pi that matter is a fixed-point number with 2 bits before its point.
fn goodhart_reduce(x: f32) -> vec2<f32> {
    let bits = bitcast<u32>(x) & 0x7fffffffu;
    let mantissa = ((bits & 0x7fffffu) | 0x800000u) << 8u;
    let exponent = (bits >> 23u) - 126u;
    let i = exponent >> 5u;
    let shift = exponent & 31u;
    var high = goodhart_two_over_pi(i);
    var middle = goodhart_two_over_pi(i + 1u);
    var low = goodhart_two_over_pi(i + 2u);
    if (shift > 0u) {
        let next = goodhart_two_over_pi(i + 3u);
        high = (high << shift) | (middle >> (32u - shift));
        middle = (middle << shift) | (low >> (32u - shift));
        low = (low << shift) | (next >> (32u - shift));
    }
    let carried = goodhart_mul_high(mantissa, low);
    var lower = mantissa * middle + carried;
    var upper = mantissa * high + goodhart_mul_high(mantissa, middle) + select(0u, 1u, lower < carried);
    var quarter = upper >> 30u;
    upper = upper & 0x3fffffffu;
    let is_above = upper >= 0x20000000u;
    if (is_above) {
        // The fraction less 1, its sign apart.
        quarter = quarter + 1u;
        upper = 0x40000000u - upper - select(0u, 1u, lower > 0u);
        lower = 0u - lower;
    }
    var place = 30u;
    if (upper == 0u) {
        upper = lower;
        lower = 0u;
        place = 62u;
    }
    let zeros = countLeadingZeros(upper);
    if (zeros > 0u && zeros < 32u) {
        upper = (upper << zeros) | (lower >> (32u - zeros));
    }
    let size = f32(upper) * 1.5707964 * bitcast<f32>((127u - place - zeros) << 23u);
    let is_negative = (x < 0.0) != is_above;
    let turned = i32(quarter & 3u);
    return vec2<f32>(select(size, -size, is_negative), f32(select(turned, -turned, x < 0.0)));
}

// Sine and cosine after Cephes' single precision routines (S. Moshier): reduction by pi/2 in three parts, of large
// angles bit by bit, then a polynomial. WGSL promises only 2^-11 for its own, and nothing for large angles.
fn goodhart_sine(x: f32, quarter: i32, line: u32) -> f32 {
    if (goodhart_is_large(x)) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    var k = round(x * 0.63661977);
    var r = ((x - k * 1.5703125) - k * 4.837512969970703125e-4) - k * 7.549789948768648e-8;
    if (abs(k) > 4096.0) {
        let reduced = goodhart_reduce(x);
        r = reduced.x;
        k = reduced.y;
    }
    let z = r * r;
    let q = (i32(k) + quarter) & 3;
    let s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
    let c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
    let value = select(s, c, (q & 1) == 1);
    return select(value, -value, q >= 2);
}

fn goodhart_sin(x: f32, line: u32) -> f32 {
    return goodhart_sine(x, 0, line);
}

fn goodhart_cos(x: f32, line: u32) -> f32 {
    return goodhart_sine(x, 1, line);
}

fn goodhart_tan(x: f32, line: u32) -> f32 {
    return goodhart_sine(x, 0, line) / goodhart_sine(x, 1, line);
}

// The angle of a point, after Cephes' atanf (S. Moshier): reduction to |z| <= tan(pi/8), then a polynomial.
fn goodhart_atan2(y: f32, x: f32) -> f32 {
    let low = min(abs(x), abs(y));
    let high = max(abs(x), abs(y));
    var angle = 0.0;
    if (high > 0.0) {
        var z = low / high;
        if (z > 0.41421356) {
            z = (z - 1.0) / (z + 1.0);
            angle = 0.78539816;
        }
        let s = z * z;
        angle = angle + z + z * s
            * (-3.33329491539e-1 + s * (1.99777106478e-1 + s * (-1.38776856032e-1 + s * 8.05374449538e-2)));
    }
    angle = select(angle, 1.57079633 - angle, abs(y) > abs(x));
    // A zero has a sign here, as in Python.
    angle = select(angle, 3.14159265 - angle, (bitcast<u32>(x) >> 31u) == 1u);
    return select(angle, -angle, (bitcast<u32>(y) >> 31u) == 1u);
}

fn goodhart_asin(x: f32, line: u32) -> f32 {
    if (abs(x) > 1.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    return goodhart_atan2(x, sqrt((1.0 - x) * (1.0 + x)));
}

fn goodhart_acos(x: f32, line: u32) -> f32 {
    if (abs(x) > 1.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    return goodhart_atan2(sqrt((1.0 - x) * (1.0 + x)), x);
}

// Scaled, so that no square is too large or too small.
fn goodhart_hypot(a: f32, b: f32, line: u32) -> f32 {
    let low = min(abs(a), abs(b));
    let high = max(abs(a), abs(b));
    if (high == 0.0) {
        return 0.0;
    }
    let ratio = low / high;
    return goodhart_checked(high * sqrt(1.0 + ratio * ratio), GOODHART_FAULT_NOT_FINITE, line);
}

fn goodhart_log2(x: f32, line: u32) -> f32 {
    if (x <= 0.0) {
        goodhart_fail(GOODHART_FAULT_DOMAIN, line);
        return 0.0;
    }
    return log2(x);
}

fn goodhart_log10(x: f32, line: u32) -> f32 {
    return goodhart_log2(x, line) * 0.30103;
}

fn goodhart_tanh(x: f32, line: u32) -> f32 {
    let a = abs(x);
    if (a < 0.25) {
        let z = x * x;
        return x * (1.0 + z * (-1.0 / 3.0 + z * (2.0 / 15.0 + z * (-17.0 / 315.0 + z * (62.0 / 2835.0)))));
    }
    let e = exp(-2.0 * min(a, 40.0));
    return sign(x) * (1.0 - e) / (1.0 + e);
}

fn goodhart_sigmoid(x: f32, line: u32) -> f32 {
    let e = exp(-min(abs(x), 87.0));
    return select(e, 1.0, x >= 0.0) / (1.0 + e);
}

fn goodhart_min(a: f32, b: f32) -> f32 {
    return select(a, b, b < a);
}

fn goodhart_max(a: f32, b: f32) -> f32 {
    return select(a, b, b > a);
}

fn goodhart_to_int(x: f32, line: u32) -> i32 {
    if ((bitcast<u32>(x) & 0x7fffffffu) >= GOODHART_INT_LIMIT_BITS) {
        goodhart_fail(select(GOODHART_FAULT_INT_OVERFLOW, GOODHART_FAULT_OVERFLOW, goodhart_is_large(x)), line);
        return 0;
    }
    return i32(x);
}

fn goodhart_round_to(x: f32, scale: f32) -> f32 {
    let scaled = x * scale;
    return select(x, round(scaled) / scale, abs(scaled) < 8388608.0);
}

fn goodhart_add_i(a: i32, b: i32, line: u32) -> i32 {
    let r = a + b;
    if (((a ^ r) & (b ^ r)) < 0 || r == i32(-2147483648)) {
        goodhart_fail(GOODHART_FAULT_INT_OVERFLOW, line);
        return 0;
    }
    return r;
}

fn goodhart_sub_i(a: i32, b: i32, line: u32) -> i32 {
    return goodhart_add_i(a, -b, line);
}

fn goodhart_mul_i(a: i32, b: i32, line: u32) -> i32 {
    let r = a * b;
    if (a != 0 && (r == i32(-2147483648) || r / a != b)) {
        goodhart_fail(GOODHART_FAULT_INT_OVERFLOW, line);
        return 0;
    }
    return r;
}

fn goodhart_floor_div_i(a: i32, b: i32, line: u32) -> i32 {
    if (b == 0) {
        goodhart_fail(GOODHART_FAULT_DIVISION, line);
        return 0;
    }
    let quotient = a / b;
    return select(quotient, quotient - 1, quotient * b != a && (a < 0) != (b < 0));
}

fn goodhart_mod_i(a: i32, b: i32, line: u32) -> i32 {
    if (b == 0) {
        goodhart_fail(GOODHART_FAULT_DIVISION, line);
        return 0;
    }
    let remainder = a - (a / b) * b;
    return select(remainder, remainder + b, remainder != 0 && (remainder < 0) != (b < 0));
}

fn goodhart_index(i: i32, start: i32, end: i32, line: u32) -> i32 {
    let at = select(start, end, i < 0) + i;
    if (at < start || at >= end) {
        goodhart_fail(GOODHART_FAULT_INDEX, line);
        return start;
    }
    return at;
}

fn goodhart_slice_bound(i: i32, start: i32, end: i32) -> i32 {
    if (i < 0) {
        return max(end + i, start);
    }
    return select(start + i, end, i > end - start);
}

fn goodhart_range_count(start: i32, stop: i32, step: i32, bound: u32, line: u32) -> i32 {
    if (step == 0) {
        goodhart_fail(GOODHART_FAULT_STEP, line);
        return 0;
    }
    let up = step > 0;
    if (select(stop >= start, stop <= start, up)) {
        return 0;
    }
    let distance = select(bitcast<u32>(start) - bitcast<u32>(stop), bitcast<u32>(stop) - bitcast<u32>(start), up);
    let count = (distance - 1u) / u32(abs(step)) + 1u;
    if (count > bound) {
        goodhart_fail(GOODHART_FAULT_LOOP, line);
        return 0;
    }
    return i32(count);
}

//! Elementwise and rowwise kernels of the policies, forward and backward. Row lengths are multiples of eight, padding is
//! zero and stays zero.

use super::elementary::{exp_lanes, tanh_lanes};
use super::simd::{Lanes, Simd, Vector, dispatch, sum_lanes};

/// Runs `f` on eight numbers at a time of `x`.
#[inline(always)]
fn each<V: Vector>(x: &mut [f32], f: impl Fn(usize, V) -> V) {
    for (i, part) in x.chunks_exact_mut(8).enumerate() {
        // SAFETY: the part has eight numbers.
        unsafe { f(8 * i, V::load(part.as_ptr())).store(part.as_mut_ptr()) }
    }
}

/// Eight numbers from `start`.
#[inline(always)]
fn at<V: Vector>(x: &[f32], start: usize) -> V {
    let part = &x[start..start + 8];
    // SAFETY: the part has eight numbers.
    unsafe { V::load(part.as_ptr()) }
}

#[inline(always)]
fn splat<V: Lanes>(x: f32) -> V {
    V::splat(x)
}

dispatch! {
    /// x = tanh(x + bias) for rows of `bias.len()` numbers.
    pub fn bias_tanh = bias_tanh_rows(x: &mut [f32], bias: &[f32])
}

#[inline(always)]
fn bias_tanh_rows<S: Simd>(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        each::<S::V>(row, |i, v| tanh_lanes(Vector::add(v, at(bias, i))));
    }
}

dispatch! {
    /// x = max(x + bias, 0) for rows of `bias.len()` numbers.
    pub fn bias_relu = bias_relu_rows(x: &mut [f32], bias: &[f32])
}

#[inline(always)]
fn bias_relu_rows<S: Simd>(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        each::<S::V>(row, |i, v| splat::<S::V>(0.0).max(Vector::add(v, at(bias, i))));
    }
}

dispatch! {
    /// d *= 1 - h^2, with h the output of tanh.
    pub fn tanh_backward = tanh_backward_all(d: &mut [f32], h: &[f32])
}

#[inline(always)]
fn tanh_backward_all<S: Simd>(d: &mut [f32], h: &[f32]) {
    let h = &h[..d.len()];
    each::<S::V>(d, |i, v| {
        let y = at::<S::V>(h, i);
        Vector::mul(v, splat::<S::V>(1.0).sub(Vector::mul(y, y)))
    });
}

dispatch! {
    /// d = 0 where h, the output of relu, is 0.
    pub fn relu_backward = relu_backward_all(d: &mut [f32], h: &[f32])
}

#[inline(always)]
fn relu_backward_all<S: Simd>(d: &mut [f32], h: &[f32]) {
    let h = &h[..d.len()];
    each::<S::V>(d, |i, v| S::V::select_lt(splat(0.0), at(h, i), v, splat(0.0)));
}

dispatch! {
    /// x *= y.
    pub fn multiply = multiply_all(x: &mut [f32], y: &[f32])
}

#[inline(always)]
fn multiply_all<S: Simd>(x: &mut [f32], y: &[f32]) {
    let y = &y[..x.len()];
    each::<S::V>(x, |i, v| Vector::mul(v, at(y, i)));
}

dispatch! {
    /// sums[j] += each row's j-th number, rows of `sums.len()` in ascending order.
    pub fn add_rows = add_rows_all(sums: &mut [f32], x: &[f32])
}

#[inline(always)]
fn add_rows_all<S: Simd>(sums: &mut [f32], x: &[f32]) {
    let n = sums.len();
    each::<S::V>(sums, |i, v| x.chunks_exact(n).fold(v, |sum, row| Vector::add(sum, at(row, i))));
}

dispatch! {
    /// The tanh form of GELU (Hendrycks and Gimpel 2016) in place, and its derivative:
    /// u = x s(2w), w = sqrt(2/pi) (x + 0.044715 x^3), s the logistic function, since (1 + tanh w) / 2 = s(2w).
    pub fn gelu = gelu_all(x: &mut [f32], derivative: &mut [f32])
}

#[inline(always)]
fn gelu_all<S: Simd>(x: &mut [f32], derivative: &mut [f32]) {
    const SCALE: f32 = 2.0 * 0.797_884_6;
    const CUBE: f32 = 0.044_715;
    let derivative = &mut derivative[..x.len()];
    for (part, slope) in x.chunks_exact_mut(8).zip(derivative.chunks_exact_mut(8)) {
        let v = at::<S::V>(part, 0);
        let square = Vector::mul(v, v);
        let one = splat::<S::V>(1.0);
        let w2 = Vector::mul(Vector::mul(v, splat(SCALE)), Vector::add(Vector::mul(square, splat(CUBE)), one));
        let s = one.div(Vector::add(exp_lanes(splat::<S::V>(0.0).sub(w2)), one));
        let y = Vector::mul(v, s);
        let dw2 = Vector::mul(Vector::add(Vector::mul(square, splat(3.0 * CUBE)), one), splat(SCALE));
        // s + x s (1 - s) dw2/dx
        let dy = Vector::add(s, Vector::mul(Vector::mul(y, one.sub(s)), dw2));
        // SAFETY: both parts have eight numbers.
        unsafe {
            y.store(part.as_mut_ptr());
            dy.store(slope.as_mut_ptr());
        }
    }
}

/// What keeps the root mean square of a zero row from dividing by zero.
const RMS_EPSILON: f32 = 1e-6;

dispatch! {
    /// y = x / rms(x) by rows of d numbers (RMSNorm of Zhang and Sennrich 2019, without a gain); `inverse` [rows] keeps
    /// 1 / rms(x) for the backward pass.
    pub fn rms_norm = rms_norm_rows(x: &[f32], y: &mut [f32], inverse: &mut [f32], d: usize)
}

#[inline(always)]
fn rms_norm_rows<S: Simd>(x: &[f32], y: &mut [f32], inverse: &mut [f32], d: usize) {
    for ((x, y), inverse) in x.chunks_exact(d).zip(y.chunks_exact_mut(d)).zip(inverse) {
        let scale = 1.0 / (dot::<S>(x, x) / d as f32 + RMS_EPSILON).sqrt();
        *inverse = scale;
        each::<S::V>(y, |i, _| Vector::mul(at::<S::V>(x, i), splat(scale)));
    }
}

dispatch! {
    /// dx += dL/dx of `rms_norm`, given dy = dL/dy and what the forward pass wrote.
    pub fn rms_norm_backward =
        rms_norm_backward_rows(dy: &[f32], y: &[f32], inverse: &[f32], dx: &mut [f32], d: usize)
}

#[inline(always)]
fn rms_norm_backward_rows<S: Simd>(dy: &[f32], y: &[f32], inverse: &[f32], dx: &mut [f32], d: usize) {
    for (((dy, y), &scale), dx) in dy.chunks_exact(d).zip(y.chunks_exact(d)).zip(inverse).zip(dx.chunks_exact_mut(d)) {
        let mean = dot::<S>(dy, y) / d as f32;
        each::<S::V>(dx, |i, v| {
            let along = Vector::mul(at::<S::V>(y, i), splat(mean));
            Vector::add(v, Vector::mul(at::<S::V>(dy, i).sub(along), splat(scale)))
        });
    }
}

dispatch! {
    /// The backward pass of a scaled softmax by rows of n: ds = scale p (dp - sum p dp), in place of dp.
    pub fn softmax_backward = softmax_backward_rows(dp: &mut [f32], p: &[f32], scale: f32, n: usize)
}

#[inline(always)]
fn softmax_backward_rows<S: Simd>(dp: &mut [f32], p: &[f32], scale: f32, n: usize) {
    for (dp, p) in dp.chunks_exact_mut(n).zip(p.chunks_exact(n)) {
        let mean = dot::<S>(dp, p);
        each::<S::V>(dp, |i, v| Vector::mul(Vector::mul(v.sub(splat(mean)), at(p, i)), splat(scale)));
    }
}

/// Sum of products with eight accumulators.
#[inline(always)]
pub(crate) fn dot<S: Simd>(x: &[f32], y: &[f32]) -> f32 {
    let y = &y[..x.len()];
    let mut sum = splat::<S::V>(0.0);
    for i in (0..x.len()).step_by(8) {
        sum = Vector::add(sum, Vector::mul(at::<S::V>(x, i), at(y, i)));
    }
    sum_lanes(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::simd::Level;
    use crate::math::{rng, tanh};

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n).map(|i| 6.0 * rng::uniform(rng::draw(seed, i as u32, 0, 0, 0, 0)[0]) - 3.0).collect()
    }

    /// Runs a kernel on every set and checks that all wrote the same bits.
    fn same_bits(run: impl Fn(Level) -> Vec<f32>) -> Vec<f32> {
        let bits = |level| run(level).iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        for level in Level::available() {
            assert_eq!(bits(level), bits(Level::portable()), "{level:?}");
        }
        run(Level::portable())
    }

    #[test]
    fn vector_tanh_is_the_scalar_one() {
        let (x, bias) = (numbers(64, 1), numbers(16, 2));
        let y = same_bits(|level| {
            let mut y = x.clone();
            bias_tanh(level, &mut y, &bias);
            y
        });
        assert!((0..64).all(|i| y[i].to_bits() == tanh(x[i] + bias[i % 16]).to_bits()));
    }

    #[test]
    fn gelu_and_its_derivative_follow_the_formula() {
        let x = numbers(64, 3);
        let out = same_bits(|level| {
            let (mut y, mut dy) = (x.clone(), vec![0.0; 64]);
            gelu(level, &mut y, &mut dy);
            y.extend(dy);
            y
        });
        let truth =
            |x: f64| 0.5 * x * (1.0 + libm::tanh((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x)));
        for (i, x) in x.iter().map(|x| f64::from(*x)).enumerate() {
            let slope = (truth(x + 1e-5) - truth(x - 1e-5)) / 2e-5;
            assert!((f64::from(out[i]) - truth(x)).abs() < 1e-6 && (f64::from(out[64 + i]) - slope).abs() < 1e-6);
        }
    }

    #[test]
    fn the_other_kernels_agree_on_every_set() {
        let (x, y) = (numbers(96, 4), numbers(96, 5));
        same_bits(|level| {
            let (mut n, mut inverse, mut dx) = (vec![0.0; 96], vec![0.0; 4], y.clone());
            rms_norm(level, &x, &mut n, &mut inverse, 24);
            rms_norm_backward(level, &y, &n, &inverse, &mut dx, 24);
            let mut relu = x.clone();
            bias_relu(level, &mut relu, &y[..24]);
            relu_backward(level, &mut dx, &relu);
            tanh_backward(level, &mut dx, &x);
            multiply(level, &mut dx, &y);
            softmax_backward(level, &mut dx, &x, 0.25, 24);
            let mut sums = vec![0.0; 24];
            add_rows(level, &mut sums, &dx);
            [n, inverse, dx, relu, sums].concat()
        });
    }
}

//! Sums in a fixed order: always eight accumulators, whatever the width of the machine's vectors.

const WIDTH: usize = 8;

/// Sum of f(x) over a slice.
#[inline(always)]
pub(crate) fn sum_by(xs: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut acc = [0.0f32; WIDTH];
    let mut chunks = xs.chunks_exact(WIDTH);
    for chunk in &mut chunks {
        for k in 0..WIDTH {
            acc[k] += f(chunk[k]);
        }
    }
    for (k, x) in chunks.remainder().iter().enumerate() {
        acc[k] += f(*x);
    }
    ((acc[0] + acc[4]) + (acc[2] + acc[6])) + ((acc[1] + acc[5]) + (acc[3] + acc[7]))
}

pub(crate) fn sum(xs: &[f32]) -> f32 {
    sum_by(xs, |x| x)
}

/// Count, mean and deviation (n - 1) of some numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Moments {
    pub count: u32,
    /// 0 when there are none.
    pub mean: f32,
    /// 0 when there are fewer than two, where the deviation is not defined.
    pub std: f32,
}

impl Moments {
    /// Two passes around the first number, so that equal numbers have exactly their own value as mean and a deviation
    /// of exactly 0: a dead group then moves nothing, whatever the epsilon.
    pub fn of(xs: impl Iterator<Item = f32> + Clone) -> Self {
        let Some(first) = xs.clone().next() else { return Self::default() };
        let (mut count, mut shift) = (0u32, 0.0f32);
        for x in xs.clone() {
            count += 1;
            shift += x - first;
        }
        let mean = first + shift / count as f32;
        let mut squares = 0.0f32;
        for x in xs {
            squares += (x - mean) * (x - mean);
        }
        let std = if count > 1 { (squares / (count - 1) as f32).sqrt() } else { 0.0 };
        Self { count, mean, std }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_exactly_no_deviation() {
        let m = Moments::of([0.1f32; 7].into_iter());
        assert_eq!(m, Moments { count: 7, mean: 0.1, std: 0.0 });
        assert_eq!(Moments::of(std::iter::empty()), Moments::default());
    }

    #[test]
    fn the_sum_of_any_length_is_the_sum() {
        for n in 0..40 {
            let xs: Vec<f32> = (0..n).map(|i| i as f32).collect();
            assert_eq!(sum(&xs), (0..n).sum::<i32>() as f32);
        }
    }
}

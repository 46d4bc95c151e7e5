//! Matrix products. Every number of the result is one chain `((0 + a0 b0) + a1 b1) + ...` in ascending order of the inner
//! index, whatever the shapes of the tiles, so it depends neither on the instruction set nor on the other rows.

use super::simd::{Level, Simd, Vector, dispatch};

/// Columns of a panel.
pub const PANEL: usize = 16;

/// Columns of every matrix are padded to a multiple of eight.
pub const fn padded(n: usize) -> usize {
    n.div_ceil(8) * 8
}

/// A left factor [m][k]: element (i, p) is `data[i * row + p * col]`.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub col: usize,
}

impl<'a> Left<'a> {
    /// Rows of `stride` numbers.
    pub fn rows(data: &'a [f32], stride: usize) -> Self {
        Self { data, row: stride, col: 1 }
    }

    /// The transpose of rows of `stride` numbers.
    pub fn transposed(data: &'a [f32], stride: usize) -> Self {
        Self { data, row: 1, col: stride }
    }
}

/// A right factor [k][n], n a multiple of eight.
#[derive(Clone, Copy)]
pub struct Right<'a> {
    data: &'a [f32],
    /// From one row to the next within a panel, and within a last panel of eight columns.
    row: usize,
    half_row: usize,
    /// From one panel to the next.
    panel: usize,
}

impl<'a> Right<'a> {
    /// Rows of `stride` numbers.
    pub fn rows(data: &'a [f32], stride: usize) -> Self {
        Self { data, row: stride, half_row: stride, panel: PANEL }
    }
}

/// A matrix [k][n] cut into panels of sixteen columns (the last may have eight), each contiguous; columns are padded with
/// zeros to a multiple of eight.
#[derive(Default)]
pub struct Packed {
    data: Vec<f32>,
    pub k: usize,
    pub n: usize,
}

impl Packed {
    /// Packs `get(p, j)` for p in 0..k, j in 0..n.
    pub fn fill(&mut self, k: usize, n: usize, get: impl Fn(usize, usize) -> f32) {
        let columns = padded(n);
        self.k = k;
        self.n = columns;
        self.data.resize(k * columns, 0.0);
        for start in (0..columns).step_by(PANEL) {
            let width = PANEL.min(columns - start);
            for (p, row) in self.data[start * k..][..k * width].chunks_exact_mut(width).enumerate() {
                for (j, x) in row.iter_mut().enumerate() {
                    *x = if start + j < n { get(p, start + j) } else { 0.0 };
                }
            }
        }
    }

    pub fn right(&self) -> Right<'_> {
        Right { data: &self.data, row: PANEL, half_row: 8, panel: PANEL * self.k }
    }
}

/// C[m][n] = A[m][k] B[k][n], or C += A B with `add` (the chain then starts from C). `stride` is C's row length.
pub fn gemm(
    level: Level,
    m: usize,
    n: usize,
    k: usize,
    a: Left<'_>,
    b: Right<'_>,
    c: &mut [f32],
    stride: usize,
    add: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !add {
            c.chunks_mut(stride).take(m).for_each(|row| row[..n].fill(0.0));
        }
        return;
    }
    // These keep the kernel's pointers inside the slices.
    let half = n % PANEL;
    let full_end = if n >= PANEL { (n / PANEL - 1) * b.panel + (k - 1) * b.row + PANEL } else { 0 };
    let half_end = if half > 0 { n / PANEL * b.panel + (k - 1) * b.half_row + 8 } else { 0 };
    assert!(half == 0 || half == 8, "columns come in eights");
    assert!((m - 1) * a.row + (k - 1) * a.col < a.data.len(), "left factor too short");
    assert!(full_end.max(half_end) <= b.data.len(), "right factor too short");
    assert!((m - 1) * stride + n <= c.len() && (n <= stride || m == 1), "result too short");
    if add { run_add(level, m, n, k, a, b, c, stride) } else { run_set(level, m, n, k, a, b, c, stride) }
}

dispatch! {
    fn run_set = set(m: usize, n: usize, k: usize, a: Left<'_>, b: Right<'_>, c: &mut [f32], stride: usize)
}
dispatch! {
    fn run_add = add(m: usize, n: usize, k: usize, a: Left<'_>, b: Right<'_>, c: &mut [f32], stride: usize)
}

#[inline(always)]
fn set<S: Simd>(m: usize, n: usize, k: usize, a: Left<'_>, b: Right<'_>, c: &mut [f32], stride: usize) {
    tiles::<S, false>(m, n, k, a, b, c, stride);
}

#[inline(always)]
fn add<S: Simd>(m: usize, n: usize, k: usize, a: Left<'_>, b: Right<'_>, c: &mut [f32], stride: usize) {
    tiles::<S, true>(m, n, k, a, b, c, stride);
}

/// Where a tile reads and writes.
struct Tile {
    k: usize,
    a: *const f32,
    a_row: usize,
    a_col: usize,
    b: *const f32,
    b_row: usize,
    c: *mut f32,
    c_row: usize,
}

#[inline(always)]
fn tiles<S: Simd, const ADD: bool>(
    m: usize,
    n: usize,
    k: usize,
    a: Left<'_>,
    b: Right<'_>,
    c: &mut [f32],
    stride: usize,
) {
    let c = c.as_mut_ptr();
    // Tiles of nearly equal height, so that none is too low to hide the latency of an addition.
    let count = m.div_ceil(S::TILE_ROWS);
    let (low, higher) = (m / count, m % count);
    for j in (0..n).step_by(PANEL) {
        let half = n - j < PANEL;
        let mut first_row = 0;
        for i in 0..count {
            let rows = low + usize::from(i < higher);
            // SAFETY: `gemm` checked that all of A, B and C that the tiles touch lie in their slices.
            unsafe {
                let tile = Tile {
                    k,
                    a: a.data.as_ptr().add(first_row * a.row),
                    a_row: a.row,
                    a_col: a.col,
                    b: b.data.as_ptr().add(j / PANEL * b.panel),
                    b_row: if half { b.half_row } else { b.row },
                    c: c.add(first_row * stride + j),
                    c_row: stride,
                };
                if half { tile_of::<S::V, ADD>(rows, tile) } else { tile_of::<S::W, ADD>(rows, tile) }
            }
            first_row += rows;
        }
    }
}

/// # Safety
/// The tile's rows and columns lie inside the matrices.
#[inline(always)]
unsafe fn tile_of<V: Vector, const ADD: bool>(rows: usize, t: Tile) {
    // SAFETY: passed on.
    unsafe {
        match rows {
            1 => tile::<V, 1, ADD>(t),
            2 => tile::<V, 2, ADD>(t),
            3 => tile::<V, 3, ADD>(t),
            4 => tile::<V, 4, ADD>(t),
            5 => tile::<V, 5, ADD>(t),
            6 => tile::<V, 6, ADD>(t),
            7 => tile::<V, 7, ADD>(t),
            _ => tile::<V, 8, ADD>(t),
        }
    }
}

/// One register tile: ROWS rows of one vector.
///
/// # Safety
/// The tile's rows and columns lie inside the matrices.
#[inline(always)]
unsafe fn tile<V: Vector, const ROWS: usize, const ADD: bool>(t: Tile) {
    // SAFETY: the caller vouches for every address.
    unsafe {
        let mut acc = [V::splat(0.0); ROWS];
        if ADD {
            for i in 0..ROWS {
                acc[i] = V::load(t.c.add(i * t.c_row));
            }
        }
        let mut a = t.a;
        let mut b = t.b;
        for _ in 0..t.k {
            let row = V::load(b);
            for i in 0..ROWS {
                acc[i] = acc[i].add(V::splat(*a.add(i * t.a_row)).mul(row));
            }
            // Past the last row these point outside, and are not read.
            a = a.wrapping_add(t.a_col);
            b = b.wrapping_add(t.b_row);
        }
        for i in 0..ROWS {
            acc[i].store(t.c.add(i * t.c_row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::rng;

    fn numbers(n: usize, seed: u32) -> Vec<f32> {
        (0..n).map(|i| rng::uniform(rng::draw(seed, i as u32, 0, 0, 0, 0)[0]) - 0.5).collect()
    }

    #[test]
    fn every_set_and_layout_gives_the_bits_of_the_plain_chain() {
        for (m, n, k) in [(1, 8, 1), (3, 24, 5), (7, 40, 17), (13, 64, 32), (64, 96, 32), (17, 16, 9)] {
            let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
            let start = numbers(m * n, 3);
            let chain = |from: f32, i: usize, j: usize| (0..k).fold(from, |s, p| s + a[i * k + p] * b[p * n + j]);
            let a_transposed: Vec<f32> = (0..m * k).map(|x| a[x % m * k + x / m]).collect();
            let mut packed = Packed::default();
            packed.fill(k, n, |p, j| b[p * n + j]);
            for level in Level::available() {
                for left in [Left::rows(&a, k), Left::transposed(&a_transposed, m)] {
                    for right in [Right::rows(&b, n), packed.right()] {
                        let mut c = start.clone();
                        gemm(level, m, n, k, left, right, &mut c, n, false);
                        assert!((0..m * n).all(|x| c[x].to_bits() == chain(0.0, x / n, x % n).to_bits()), "{level:?}");
                        c.copy_from_slice(&start);
                        gemm(level, m, n, k, left, right, &mut c, n, true);
                        let same = |x: usize| c[x].to_bits() == chain(start[x], x / n, x % n).to_bits();
                        assert!((0..m * n).all(same), "{level:?} {m} {n} {k}");
                    }
                }
            }
        }
    }

    #[test]
    fn packing_pads_columns_with_zeros() {
        let mut packed = Packed::default();
        packed.fill(2, 5, |p, j| (10 * p + j) as f32);
        let mut c = [1.0; 8];
        gemm(Level::detect(), 1, packed.n, 2, Left::rows(&[1.0, 1.0], 2), packed.right(), &mut c, 8, false);
        assert_eq!(c, [10.0, 12.0, 14.0, 16.0, 18.0, 0.0, 0.0, 0.0]);
    }
}

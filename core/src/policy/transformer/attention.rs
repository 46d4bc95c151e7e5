//! Causal attention with cached keys and values: forward by rows, backward by slots.

use super::pass::LayerPass;
use super::shape::PassSizes;
use crate::math::activation::softmax_backward;
use crate::math::elementary::exp_lanes;
use crate::math::gemm::{Left, Right, gemm};
use crate::math::simd::{Lanes, Level, Simd, Vector, dispatch, max_lanes, sum_lanes};

/// A batch of rows that attend; see `LayerPass` for the shapes.
pub(super) struct Attend<'a> {
    pub shape: &'a PassSizes,
    pub slot: &'a [u32],
    pub position: &'a [u32],
    pub prompt_slots: usize,
    pub qkv: &'a [f32],
    pub keys: &'a mut [f32],
    pub values: &'a mut [f32],
    pub probabilities: &'a mut [f32],
    pub mixed: &'a mut [f32],
}

dispatch! {
    /// Stores the rows' keys and values in their slots, then mixes for every row and head h:
    /// mixed = sum_j softmax_j(q k_j / sqrt(head size)) v_j over the positions j up to its own.
    pub(super) fn attend = attend_rows(batch: Attend<'_>)
}

#[inline(always)]
fn attend_rows<S: Simd>(batch: Attend<'_>) {
    let shape = *batch.shape;
    let (d, columns, size) = (shape.d, shape.columns, shape.head_size());
    let places = || batch.slot.iter().zip(batch.position).map(|(s, p)| (*s as usize, *p as usize));
    for (row, (slot, position)) in batch.qkv.chunks_exact(3 * d).zip(places()) {
        let keys = &mut batch.keys[slot * d * columns..][..d * columns];
        for (to, key) in keys.chunks_exact_mut(columns).zip(&row[d..2 * d]) {
            to[position] = *key;
        }
        batch.values[(slot * columns + position) * d..][..d].copy_from_slice(&row[2 * d..]);
    }
    let scale = 1.0 / (size as f32).sqrt();
    let rows = batch.qkv.chunks_exact(3 * d).zip(batch.mixed.chunks_exact_mut(d));
    for ((row, mixed), (slot, position)) in rows.zip(places()) {
        let own = if slot < batch.prompt_slots { position } else { position - shape.prompt_len };
        let n = position + 1;
        let keys = &batch.keys[slot * d * columns..][..d * columns];
        let values = &batch.values[slot * d * columns..][..d * columns];
        let first = (slot * shape.heads * shape.slot_rows + own) * columns;
        for head in 0..shape.heads {
            let p = &mut batch.probabilities[first + head * shape.slot_rows * columns..][..columns];
            let query = &row[head * size..][..size];
            scores::<S>(query, &keys[head * size * columns..][..size * columns], n, p);
            softmax::<S>(p, n, scale);
        }
        let p = &batch.probabilities[first..];
        mix::<S>(p, shape.slot_rows * columns, values, n, d, size, mixed);
    }
}

/// scores[j] = sum_k query[k] keys[k][j], k ascending, for j < n; what lies beyond is overwritten too.
#[inline(always)]
fn scores<S: Simd>(query: &[f32], keys: &[f32], n: usize, scores: &mut [f32]) {
    let columns = scores.len();
    let mut j = 0;
    while j < n {
        if n - j > 16 && columns - j >= 32 {
            score_block::<S, 4>(query, keys, j, scores);
            j += 32;
        } else if n - j > 8 {
            score_block::<S, 2>(query, keys, j, scores);
            j += 16;
        } else {
            score_block::<S, 1>(query, keys, j, scores);
            j += 8;
        }
    }
}

#[inline(always)]
fn score_block<S: Simd, const N: usize>(query: &[f32], keys: &[f32], j: usize, scores: &mut [f32]) {
    let columns = scores.len();
    assert!(j + 8 * N <= columns && keys.len() == query.len() * columns);
    // SAFETY: the assertion keeps every load and store in its slice.
    unsafe {
        let mut acc = [<S::V as Vector>::splat(0.0); N];
        for (k, &q) in query.iter().enumerate() {
            let q = <S::V as Vector>::splat(q);
            for (i, acc) in acc.iter_mut().enumerate() {
                let key = S::V::load(keys.as_ptr().add(k * columns + j + 8 * i));
                *acc = Vector::add(*acc, Vector::mul(q, key));
            }
        }
        for (i, acc) in acc.into_iter().enumerate() {
            acc.store(scores.as_mut_ptr().add(j + 8 * i));
        }
    }
}

/// p = softmax(scale p) over the first n columns, 0 in the others.
#[inline(always)]
fn softmax<S: Simd>(p: &mut [f32], n: usize, scale: f32) {
    const INDEX: [f32; 8] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
    let used = n.div_ceil(8) * 8;
    let (used, rest) = p.split_at_mut(used);
    rest.fill(0.0);
    // SAFETY: every part has eight numbers.
    unsafe {
        let index = S::V::load(INDEX.as_ptr());
        let end = <S::V as Vector>::splat(n as f32);
        let mut greatest = <S::V as Vector>::splat(f32::NEG_INFINITY);
        for (i, part) in used.chunks_exact_mut(8).enumerate() {
            let j = Vector::add(index, Vector::splat((8 * i) as f32));
            let s = Vector::mul(S::V::load(part.as_ptr()), Vector::splat(scale));
            let s = S::V::select_lt(j, end, s, Vector::splat(f32::NEG_INFINITY));
            greatest = s.max(greatest);
            s.store(part.as_mut_ptr());
        }
        let shift = <S::V as Vector>::splat(max_lanes(greatest));
        let mut sum = <S::V as Vector>::splat(0.0);
        for part in used.chunks_exact_mut(8) {
            let e = exp_lanes(S::V::load(part.as_ptr()).sub(shift));
            sum = Vector::add(sum, e);
            e.store(part.as_mut_ptr());
        }
        let inverse = <S::V as Vector>::splat(1.0 / sum_lanes(sum));
        for part in used.chunks_exact_mut(8) {
            Vector::mul(S::V::load(part.as_ptr()), inverse).store(part.as_mut_ptr());
        }
    }
}

/// mixed[c] = sum_j p[head of c][j] values[j][c], j ascending; `stride` from one head's probabilities to the next's.
#[inline(always)]
fn mix<S: Simd>(p: &[f32], stride: usize, values: &[f32], n: usize, d: usize, size: usize, mixed: &mut [f32]) {
    let mut c = 0;
    while c < d {
        if d - c >= 32 {
            mix_block::<S, 4>(p, stride, values, n, c, size, mixed);
            c += 32;
        } else {
            mix_block::<S, 1>(p, stride, values, n, c, size, mixed);
            c += 8;
        }
    }
}

#[inline(always)]
fn mix_block<S: Simd, const N: usize>(
    p: &[f32],
    stride: usize,
    values: &[f32],
    n: usize,
    c: usize,
    size: usize,
    mixed: &mut [f32],
) {
    let d = mixed.len();
    assert!(c + 8 * N <= d && values.len() >= n * d && p.len() >= (c + 8 * N - 1) / size * stride + n);
    let heads: [usize; N] = std::array::from_fn(|i| (c + 8 * i) / size * stride);
    // SAFETY: the assertion keeps every load and store in its slice.
    unsafe {
        let mut acc = [<S::V as Vector>::splat(0.0); N];
        for j in 0..n {
            for (i, acc) in acc.iter_mut().enumerate() {
                let weight = <S::V as Vector>::splat(*p.get_unchecked(heads[i] + j));
                let value = S::V::load(values.as_ptr().add(j * d + c + 8 * i));
                *acc = Vector::add(*acc, Vector::mul(weight, value));
            }
        }
        for (i, acc) in acc.into_iter().enumerate() {
            acc.store(mixed.as_mut_ptr().add(c + 8 * i));
        }
    }
}

/// Buffers of one slot's attention, [slot rows or positions][d] each but for the values [d][columns] and the scores
/// [slot rows][columns].
#[derive(Default)]
pub(super) struct SlotScratch {
    pub queries: Vec<f32>,
    pub d_mixed: Vec<f32>,
    pub keys: Vec<f32>,
    pub values: Vec<f32>,
    pub d_scores: Vec<f32>,
    pub d_queries: Vec<f32>,
    pub d_keys: Vec<f32>,
    pub d_values: Vec<f32>,
}

/// The backward pass of one slot's attention: `rows` queries at the last positions of `n`. Reads queries and the gradients
/// of what they mixed from `scratch` and leaves there the gradients of queries [rows][d], keys and values [n][d].
pub(super) fn backward_slot(
    level: Level,
    shape: &PassSizes,
    layer: &LayerPass,
    slot: usize,
    rows: usize,
    n: usize,
    scratch: &mut SlotScratch,
) {
    let (d, columns, size) = (shape.d, shape.columns, shape.head_size());
    let scale = 1.0 / (size as f32).sqrt();
    let keys = &layer.keys[slot * d * columns..][..d * columns];
    let values = &layer.values[slot * d * columns..][..d * columns];
    // Keys by position, values by column: the other way round from how the forward pass holds them.
    for (j, to) in scratch.keys.chunks_exact_mut(d).take(n).enumerate() {
        for (c, x) in to.iter_mut().enumerate() {
            *x = keys[c * columns + j];
        }
    }
    for (c, to) in scratch.values.chunks_exact_mut(columns).enumerate() {
        for (j, x) in to.iter_mut().enumerate() {
            *x = if j < n { values[j * d + c] } else { 0.0 };
        }
    }
    for head in 0..shape.heads {
        let first = (slot * shape.heads + head) * shape.slot_rows * columns;
        let p = &layer.probabilities[first..][..rows * columns];
        let at = head * size;
        let ds = &mut scratch.d_scores[..rows * columns];
        let d_mixed = Left::rows(&scratch.d_mixed[at..], d);
        let values = Right::rows(&scratch.values[at * columns..], columns);
        gemm(level, rows, columns, size, d_mixed, values, ds, columns, false);
        softmax_backward(level, ds, p, scale, columns);
        let keys = Right::rows(&scratch.keys[at..], d);
        gemm(level, rows, size, n, Left::rows(ds, columns), keys, &mut scratch.d_queries[at..], d, false);
        let queries = Right::rows(&scratch.queries[at..], d);
        gemm(level, n, size, rows, Left::transposed(ds, columns), queries, &mut scratch.d_keys[at..], d, false);
        let d_mixed = Right::rows(&scratch.d_mixed[at..], d);
        gemm(level, n, size, rows, Left::transposed(p, columns), d_mixed, &mut scratch.d_values[at..], d, false);
    }
}

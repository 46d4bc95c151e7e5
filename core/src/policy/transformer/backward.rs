//! The backward pass: all rows of the pass, prompts included, layer by layer. A sample's gradients of its prompt's keys
//! and values are summed over its group, in the order of the samples, before the prompt's own attention goes back.

use super::attention::{SlotScratch, backward_slot};
use super::forward::BLOCK;
use super::network::Transformer;
use super::pass::grow;
use crate::math::activation::{multiply, rms_norm_backward};
use crate::math::gemm::{Left, Right, gemm};

impl Transformer {
    pub(super) fn backward_pass(&mut self, params: &[f32], dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        for (weights, offsets) in self.transposed.iter_mut().zip(&self.offsets.blocks) {
            weights.pack(params, offsets, self.shape.d, true);
        }
        let mut heads = std::mem::take(&mut self.heads_transposed);
        heads.fill(self.head_outputs(), self.shape.d, |p, j| self.head_weight(params, j, p));
        self.heads_transposed = heads;
        self.size_scratch();
        self.backward_heads(dlogits, dvalues, grads);
        for layer in (0..self.weights.len()).rev() {
            self.backward_feed_forward(layer, grads);
            self.backward_attention(layer);
            self.backward_qkv(layer, grads);
        }
        let d = self.shape.d;
        for (row, dx) in self.scratch.d_stream.chunks_exact(d).take(self.pass.rows()).enumerate() {
            let token = self.offsets.token + self.pass.token[row] as usize * d;
            let position = self.offsets.position + self.pass.position[row] as usize * d;
            for at in [token, position] {
                for (g, x) in grads[at..at + d].iter_mut().zip(dx) {
                    *g += x;
                }
            }
        }
    }

    fn size_scratch(&mut self) {
        let (shape, rows, width) = (self.shape, self.pass.rows(), self.heads.n);
        let d = shape.d;
        let s = &mut self.scratch;
        for (buffer, n) in [
            (&mut s.slot.queries, shape.slot_rows * d),
            (&mut s.slot.d_mixed, shape.slot_rows * d),
            (&mut s.slot.d_queries, shape.slot_rows * d),
            (&mut s.slot.d_scores, shape.slot_rows * shape.columns),
            (&mut s.slot.keys, shape.columns * d),
            (&mut s.slot.values, shape.columns * d),
            (&mut s.slot.d_keys, shape.columns * d),
            (&mut s.slot.d_values, shape.columns * d),
            (&mut s.d_outputs, rows * width),
            (&mut s.d_heads, d * width),
            (&mut s.d_stream, rows * d),
            (&mut s.d_mixed, rows * d),
            (&mut s.d_qkv, rows * 3 * d),
            (&mut s.d_hidden, BLOCK * 4 * d),
            (&mut s.d_norm, BLOCK * d),
            (&mut s.d_prompt_keys, self.pass.prompt_rows * d),
            (&mut s.d_prompt_values, self.pass.prompt_rows * d),
        ] {
            grow(buffer, n);
        }
        s.d_outputs[..rows * width].fill(0.0);
        s.d_heads[..d * width].fill(0.0);
        s.d_stream[..rows * d].fill(0.0);
    }

    /// From dL/dlogits and dL/dvalue to the residual stream. Samples of a group share the row behind their first logits.
    fn backward_heads(&mut self, dlogits: &[f32], dvalues: &[f32], grads: &mut [f32]) {
        let (n, width, d, level) = (self.shape.vocabulary, self.heads.n, self.shape.d, self.level);
        let s = &mut self.scratch;
        for (i, (&row, dl)) in self.pass.caller_rows.iter().zip(dlogits.chunks_exact(n)).enumerate() {
            let out = &mut s.d_outputs[row as usize * width..][..width];
            for (o, dl) in out.iter_mut().zip(dl) {
                *o += dl;
            }
            if self.shape.critic {
                out[n] += dvalues[i];
                grads[self.offsets.value_bias] += dvalues[i];
            }
        }
        let rows = self.pass.rows();
        for from in (0..rows).step_by(BLOCK) {
            let to = (from + BLOCK).min(rows);
            let (count, norm) = (to - from, &self.pass.norm[from * d..to * d]);
            let d_out = &s.d_outputs[from * width..to * width];
            let left = Left::transposed(norm, d);
            gemm(level, d, width, count, left, Right::rows(d_out, width), &mut s.d_heads, width, true);
            let weights = &self.heads_transposed;
            gemm(level, count, d, weights.k, Left::rows(d_out, width), weights.right(), &mut s.d_norm, d, false);
            let (inverse, dx) = (&self.pass.inverse[from..to], &mut s.d_stream[from * d..to * d]);
            rms_norm_backward(level, &s.d_norm, norm, inverse, dx, d);
        }
        for (p, row) in s.d_heads.chunks_exact(width).take(d).enumerate() {
            for (g, x) in grads[self.offsets.out + p * n..][..n].iter_mut().zip(row) {
                *g += x;
            }
            if self.shape.critic {
                grads[self.offsets.value + p] += row[n];
            }
        }
    }

    /// Through the feed-forward layer, and through the attention's projection to what was mixed.
    fn backward_feed_forward(&mut self, index: usize, grads: &mut [f32]) {
        let (d, level, rows) = (self.shape.d, self.level, self.pass.rows());
        let (layer, weights) = (&self.pass.layers[index], &self.transposed[index]);
        let (offsets, s) = (&self.offsets.blocks[index], &mut self.scratch);
        for from in (0..rows).step_by(BLOCK) {
            let to = (from + BLOCK).min(rows);
            let count = to - from;
            let dx = &mut s.d_stream[from * d..to * d];
            let dh = &mut s.d_hidden[..count * 4 * d];
            let hidden = Left::transposed(&layer.hidden[from * 4 * d..to * 4 * d], 4 * d);
            gemm(level, 4 * d, d, count, hidden, Right::rows(dx, d), &mut grads[offsets.down..], d, true);
            gemm(level, count, 4 * d, d, Left::rows(dx, d), weights.down.right(), dh, 4 * d, false);
            multiply(level, dh, &layer.slope[from * 4 * d..to * 4 * d]);
            let norm = &layer.norm2[from * d..to * d];
            let left = Left::transposed(norm, d);
            gemm(level, d, 4 * d, count, left, Right::rows(dh, 4 * d), &mut grads[offsets.up..], 4 * d, true);
            gemm(level, count, d, 4 * d, Left::rows(dh, 4 * d), weights.up.right(), &mut s.d_norm, d, false);
            rms_norm_backward(level, &s.d_norm, norm, &layer.inverse2[from..to], dx, d);
            let mixed = Left::transposed(&layer.mixed[from * d..to * d], d);
            gemm(level, d, d, count, mixed, Right::rows(dx, d), &mut grads[offsets.o..], d, true);
            let d_mixed = &mut s.d_mixed[from * d..to * d];
            gemm(level, count, d, d, Left::rows(dx, d), weights.o.right(), d_mixed, d, false);
        }
    }

    /// Through the attention of all slots: samples first, then the prompts with what the samples left there.
    fn backward_attention(&mut self, index: usize) {
        let (shape, level, groups) = (self.shape, self.level, self.pass.groups);
        let (d, prompt_len) = (shape.d, shape.prompt_len);
        let pass = &self.pass;
        let layer = &pass.layers[index];
        let s = &mut self.scratch;
        s.d_prompt_keys[..pass.prompt_rows * d].fill(0.0);
        s.d_prompt_values[..pass.prompt_rows * d].fill(0.0);
        for (sample, &group) in pass.group_of.iter().enumerate() {
            let own = pass.own_rows[sample] as usize;
            if own == 0 {
                continue;
            }
            let rows = &pass.row_of[sample * shape.slot_rows..][..own];
            gather(&mut s.slot, &layer.qkv, &s.d_mixed, rows.iter().map(|r| *r as usize), d);
            backward_slot(level, &shape, layer, groups + sample, own, prompt_len + own, &mut s.slot);
            let at = group as usize * prompt_len * d;
            add(&mut s.d_prompt_keys[at..][..prompt_len * d], &s.slot.d_keys);
            add(&mut s.d_prompt_values[at..][..prompt_len * d], &s.slot.d_values);
            let rows = rows.iter().map(|r| *r as usize);
            scatter(&mut s.d_qkv, &s.slot, rows, prompt_len, d);
        }
        for group in 0..groups {
            let rows = group * prompt_len..(group + 1) * prompt_len;
            gather(&mut s.slot, &layer.qkv, &s.d_mixed, rows.clone(), d);
            backward_slot(level, &shape, layer, group, prompt_len, prompt_len, &mut s.slot);
            add(&mut s.slot.d_keys[..prompt_len * d], &s.d_prompt_keys[rows.start * d..]);
            add(&mut s.slot.d_values[..prompt_len * d], &s.d_prompt_values[rows.start * d..]);
            scatter(&mut s.d_qkv, &s.slot, rows, 0, d);
        }
    }

    /// Through the projection to queries, keys and values, and the norm before it.
    fn backward_qkv(&mut self, index: usize, grads: &mut [f32]) {
        let (d, level, rows) = (self.shape.d, self.level, self.pass.rows());
        let (layer, weights) = (&self.pass.layers[index], &self.transposed[index]);
        let (offsets, s) = (&self.offsets.blocks[index], &mut self.scratch);
        for from in (0..rows).step_by(BLOCK) {
            let to = (from + BLOCK).min(rows);
            let (count, norm) = (to - from, &layer.norm1[from * d..to * d]);
            let d_qkv = &s.d_qkv[from * 3 * d..to * 3 * d];
            let left = Left::transposed(norm, d);
            gemm(level, d, 3 * d, count, left, Right::rows(d_qkv, 3 * d), &mut grads[offsets.qkv..], 3 * d, true);
            gemm(level, count, d, 3 * d, Left::rows(d_qkv, 3 * d), weights.qkv.right(), &mut s.d_norm, d, false);
            rms_norm_backward(level, &s.d_norm, norm, &layer.inverse1[from..to], &mut s.d_stream[from * d..to * d], d);
        }
    }
}

/// Queries and gradients of the mixed values of a slot's rows, one after the other.
fn gather(to: &mut SlotScratch, qkv: &[f32], d_mixed: &[f32], rows: impl Iterator<Item = usize>, d: usize) {
    for (i, row) in rows.enumerate() {
        to.queries[i * d..][..d].copy_from_slice(&qkv[row * 3 * d..][..d]);
        to.d_mixed[i * d..][..d].copy_from_slice(&d_mixed[row * d..][..d]);
    }
}

/// Gradients of a slot's queries, and of the keys and values from position `first` on, to its rows.
fn scatter(d_qkv: &mut [f32], from: &SlotScratch, rows: impl Iterator<Item = usize>, first: usize, d: usize) {
    for (i, row) in rows.enumerate() {
        let to = &mut d_qkv[row * 3 * d..][..3 * d];
        to[..d].copy_from_slice(&from.d_queries[i * d..][..d]);
        to[d..2 * d].copy_from_slice(&from.d_keys[(first + i) * d..][..d]);
        to[2 * d..].copy_from_slice(&from.d_values[(first + i) * d..][..d]);
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

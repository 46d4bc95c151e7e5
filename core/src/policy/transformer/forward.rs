//! The forward pass: rows go through all layers in blocks that stay in the cache. Rows of a call are in ascending order
//! of position, so a row's keys are there when it attends.

use super::attention::{Attend, attend};
use super::network::{BlockOffsets, BlockWeights, Transformer};
use super::pass::grow;
use crate::math::activation::{gelu, rms_norm};
use crate::math::gemm::{Left, Packed, gemm};

/// Rows that go through the layers together.
pub(super) const BLOCK: usize = 64;

/// Packs a matrix [rows][cols] that lies at `offset`, or its transpose.
fn pack(to: &mut Packed, params: &[f32], offset: usize, rows: usize, cols: usize, transpose: bool) {
    let from = &params[offset..offset + rows * cols];
    if transpose {
        to.fill(cols, rows, |p, j| from[j * cols + p]);
    } else {
        to.fill(rows, cols, |p, j| from[p * cols + j]);
    }
}

impl BlockWeights {
    pub(super) fn pack(&mut self, params: &[f32], offsets: &BlockOffsets, d: usize, transpose: bool) {
        pack(&mut self.qkv, params, offsets.qkv, d, 3 * d, transpose);
        pack(&mut self.o, params, offsets.o, d, d, transpose);
        pack(&mut self.up, params, offsets.up, d, 4 * d, transpose);
        pack(&mut self.down, params, offsets.down, 4 * d, d, transpose);
    }
}

impl Transformer {
    /// Packs the weights for the forward pass.
    pub(super) fn pack(&mut self, params: &[f32]) {
        for (weights, offsets) in self.weights.iter_mut().zip(&self.offsets.blocks) {
            weights.pack(params, offsets, self.shape.d, false);
        }
        let mut heads = std::mem::take(&mut self.heads);
        heads.fill(self.shape.d, self.head_outputs(), |p, j| self.head_weight(params, p, j));
        self.heads = heads;
    }

    /// Runs the prompts and gives every sample its group's keys and values.
    pub(super) fn prefill(&mut self, params: &[f32], prompts: &[u32], group_of: &[u32]) {
        self.pass.begin(&self.shape, prompts, group_of);
        self.pass.make_room(&self.shape);
        let width = self.heads.n;
        grow(&mut self.pass.outputs, BLOCK * width);
        grow(&mut self.pass.stream, BLOCK * self.shape.d);
        grow(&mut self.pass.prompt_outputs, self.pass.prompt_rows * width);
        for from in (0..self.pass.prompt_rows).step_by(BLOCK) {
            let to = (from + BLOCK).min(self.pass.prompt_rows);
            self.forward_block(params, from, to);
            let outputs = &self.pass.outputs[..(to - from) * width];
            self.pass.prompt_outputs[from * width..to * width].copy_from_slice(outputs);
        }
        let shape = self.shape;
        let (size, groups) = (shape.d * shape.columns, self.pass.groups);
        for layer in &mut self.pass.layers {
            let (prompts, samples) = layer.keys.split_at_mut(groups * size);
            for (keys, &group) in samples.chunks_exact_mut(size).zip(group_of) {
                let from = prompts[group as usize * size..][..size].chunks_exact(shape.columns);
                for (to, from) in keys.chunks_exact_mut(shape.columns).zip(from) {
                    to[..shape.prompt_len].copy_from_slice(&from[..shape.prompt_len]);
                }
            }
            let (prompts, samples) = layer.values.split_at_mut(groups * size);
            let prompt = shape.prompt_len * shape.d;
            for (values, &group) in samples.chunks_exact_mut(size).zip(group_of) {
                values[..prompt].copy_from_slice(&prompts[group as usize * size..][..prompt]);
            }
        }
    }

    /// The first logits of samples: those of their group's last prompt row.
    pub(super) fn first_step(
        &mut self,
        params: &[f32],
        samples: impl Iterator<Item = u32>,
        logits: &mut [f32],
        values: &mut [f32],
    ) {
        let width = self.heads.n;
        let mut values = values.iter_mut();
        for (sample, out) in samples.zip(logits.chunks_exact_mut(self.shape.vocabulary)) {
            let row = (self.pass.group_of[sample as usize] as usize + 1) * self.shape.prompt_len - 1;
            self.emit(params, &self.pass.prompt_outputs[row * width..][..width], out, values.next());
            self.pass.caller_rows.push(row as u32);
        }
    }

    /// Runs the rows from `from` on and gives their logits and values.
    pub(super) fn forward_and_emit(&mut self, params: &[f32], from: usize, logits: &mut [f32], values: &mut [f32]) {
        self.pass.make_room(&self.shape);
        let (rows, width) = (self.pass.rows(), self.heads.n);
        let mut logits = logits.chunks_exact_mut(self.shape.vocabulary);
        let mut values = values.iter_mut();
        for start in (from..rows).step_by(BLOCK) {
            let end = (start + BLOCK).min(rows);
            self.forward_block(params, start, end);
            let outputs = self.pass.outputs[..(end - start) * width].chunks_exact(width);
            for (row, out) in outputs.zip(&mut logits) {
                self.emit(params, row, out, values.next());
            }
        }
    }

    /// Runs rows from..to, at most BLOCK of them; leaves their head outputs in `pass.outputs`.
    fn forward_block(&mut self, params: &[f32], from: usize, to: usize) {
        let (level, shape, d, rows) = (self.level, self.shape, self.shape.d, to - from);
        let pass = &mut self.pass;
        let tokens = pass.token[from..to].iter().zip(&pass.position[from..to]);
        for (x, (&token, &position)) in pass.stream.chunks_exact_mut(d).zip(tokens) {
            let token = &params[self.offsets.token + token as usize * d..][..d];
            let position = &params[self.offsets.position + position as usize * d..][..d];
            for ((x, a), b) in x.iter_mut().zip(token).zip(position) {
                *x = a + b;
            }
        }
        let x = &mut pass.stream[..rows * d];
        for (layer, weights) in pass.layers.iter_mut().zip(&self.weights) {
            let norm1 = &mut layer.norm1[from * d..to * d];
            rms_norm(level, x, norm1, &mut layer.inverse1[from..to], d);
            let qkv = &mut layer.qkv[from * 3 * d..to * 3 * d];
            gemm(level, rows, 3 * d, d, Left::rows(norm1, d), weights.qkv.right(), qkv, 3 * d, false);
            let mixed = &mut layer.mixed[from * d..to * d];
            attend(
                level,
                Attend {
                    shape: &shape,
                    slot: &pass.slot[from..to],
                    position: &pass.position[from..to],
                    prompt_slots: pass.groups,
                    qkv,
                    keys: &mut layer.keys,
                    values: &mut layer.values,
                    probabilities: &mut layer.probabilities,
                    mixed,
                },
            );
            gemm(level, rows, d, d, Left::rows(mixed, d), weights.o.right(), x, d, true);
            let norm2 = &mut layer.norm2[from * d..to * d];
            rms_norm(level, x, norm2, &mut layer.inverse2[from..to], d);
            let hidden = &mut layer.hidden[from * 4 * d..to * 4 * d];
            gemm(level, rows, 4 * d, d, Left::rows(norm2, d), weights.up.right(), hidden, 4 * d, false);
            gelu(level, hidden, &mut layer.slope[from * 4 * d..to * 4 * d]);
            gemm(level, rows, d, 4 * d, Left::rows(hidden, 4 * d), weights.down.right(), x, d, true);
        }
        let norm = &mut pass.norm[from * d..to * d];
        rms_norm(level, x, norm, &mut pass.inverse[from..to], d);
        let width = self.heads.n;
        gemm(level, rows, width, d, Left::rows(norm, d), self.heads.right(), &mut pass.outputs, width, false);
    }
}

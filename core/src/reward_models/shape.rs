//! The shape of a reward model: what it reads, where its weights lie, how it starts, and its score.

use super::params::{Encoder, RewardModelParams};
use crate::math;
use crate::math::rng::{draw, purpose, uniform};
use serde::{Deserialize, Serialize};

/// A field of the record that a model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its first slot in a record; a list's length.
    pub offset: usize,
    pub cap: usize,
    pub list: bool,
}

/// Sizes of a reward model. Its weights, in order: for `sequence` the token embeddings [vocabulary][embedding], the
/// position embeddings [width - 1][embedding] and the query [embedding]; then for each layer its weights [in][out] and
/// biases [out], the last with one output; then shift and scale.
///
/// The score is (r - shift) * scale, r the output of the last layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelShape {
    pub encoder: Encoder,
    pub fields: Vec<Field>,
    /// Numbers of a row: what the fields hold, for `sequence` the number of tokens and then the tokens.
    pub width: usize,
    pub vocabulary: usize,
    pub embedding: usize,
    /// Inputs of the layers, and 1 at the end.
    pub layers: Vec<usize>,
}

impl ModelShape {
    pub(super) fn new(params: &RewardModelParams, fields: Vec<Field>, vocabulary: usize) -> Self {
        let held: usize = fields.iter().map(|f| f.cap).sum();
        let (width, first, embedding) = match params.encoder {
            Encoder::Mlp => (held, held, 0),
            Encoder::Sequence => (1 + held, params.embedding as usize, params.embedding as usize),
        };
        let hidden = params.hidden.iter().map(|n| *n as usize);
        let layers = std::iter::once(first).chain(hidden).chain([1]).collect();
        Self { encoder: params.encoder, fields, width, vocabulary, embedding, layers }
    }

    /// Weights before the layers.
    pub fn n_embedding(&self) -> usize {
        match self.encoder {
            Encoder::Mlp => 0,
            Encoder::Sequence => (self.vocabulary + self.width) * self.embedding,
        }
    }

    /// Weights that are learned.
    pub fn n_learned(&self) -> usize {
        self.n_embedding() + self.layers.windows(2).map(|l| (l[0] + 1) * l[1]).sum::<usize>()
    }

    /// Weights of a model.
    pub fn n_params(&self) -> usize {
        self.n_learned() + 2
    }

    /// Initial weights of model `model`: uniform with deviation sqrt(2 / inputs) (He et al. 2015), embeddings with
    /// deviation 1, biases 0, the last layer's deviation sqrt(1 / inputs); shift 0, scale 1.
    pub fn init(&self, seed: u32, model: u32) -> Vec<f32> {
        let mut weights = vec![0.0; self.n_params()];
        let fill = |part: &mut [f32], from: usize, deviation: f32| {
            for (i, w) in part.iter_mut().enumerate() {
                let u = uniform(draw(seed, model, 0, 0, (from + i) as u32, purpose::REWARD_MODEL_INIT)[0]);
                *w = (2.0 * u - 1.0) * deviation * 3.0f32.sqrt();
            }
        };
        let mut at = self.n_embedding();
        fill(&mut weights[..at], 0, 1.0);
        for l in self.layers.windows(2) {
            let power = if l[1] == 1 { 1.0 } else { 2.0 };
            fill(&mut weights[at..at + l[0] * l[1]], at, (power / l[0] as f32).sqrt());
            at += (l[0] + 1) * l[1];
        }
        weights[at + 1] = 1.0;
        weights
    }

    /// What a model reads of a record, into a row [width].
    pub fn gather(&self, record: &[f32], row: &mut [f32]) {
        row.fill(0.0);
        let mut at = usize::from(self.encoder == Encoder::Sequence);
        for field in &self.fields {
            let values = if field.list {
                let length = (record[field.offset].max(0.0) as usize).min(field.cap);
                &record[field.offset + 1..][..length]
            } else {
                &record[field.offset..=field.offset]
            };
            row[at..at + values.len()].copy_from_slice(values);
            // Numbers keep their places; tokens follow one another.
            at += if self.encoder == Encoder::Sequence { values.len() } else { field.cap };
        }
        if self.encoder == Encoder::Sequence {
            row[0] = (at - 1) as f32;
        }
    }
}

/// Working memory of a model's score.
#[derive(Clone, Debug, Default)]
pub struct Scorer {
    x: Vec<f32>,
    y: Vec<f32>,
    attention: Vec<f32>,
    tokens: Vec<f32>,
}

impl Scorer {
    /// The output of a model's last layer, before shift and scale, for a row [width].
    pub fn raw(&mut self, shape: &ModelShape, weights: &[f32], row: &[f32]) -> f32 {
        self.x.clear();
        match shape.encoder {
            Encoder::Mlp => self.x.extend_from_slice(row),
            Encoder::Sequence => self.pool(shape, weights, row),
        }
        let mut at = shape.n_embedding();
        for (i, l) in shape.layers.windows(2).enumerate() {
            let (matrix, bias) = weights[at..at + (l[0] + 1) * l[1]].split_at(l[0] * l[1]);
            self.y.clear();
            self.y.extend_from_slice(bias);
            for (x, w) in self.x.iter().zip(matrix.chunks_exact(l[1])) {
                for (y, w) in self.y.iter_mut().zip(w) {
                    *y += *x * *w;
                }
            }
            if i + 2 < shape.layers.len() {
                self.y.iter_mut().for_each(|y| *y = y.max(0.0));
            }
            std::mem::swap(&mut self.x, &mut self.y);
            at += (l[0] + 1) * l[1];
        }
        self.x[0]
    }

    /// The score of a model for a row [width].
    pub fn score(&mut self, shape: &ModelShape, weights: &[f32], row: &[f32]) -> f32 {
        let [shift, scale] = [weights[shape.n_learned()], weights[shape.n_learned() + 1]];
        (self.raw(shape, weights, row) - shift) * scale
    }

    /// Attention pooling: z = sum_i softmax_i(q x_i / sqrt(d)) x_i with x_i = relu(E[token_i] + P[i]), into `x` [d].
    fn pool(&mut self, shape: &ModelShape, weights: &[f32], row: &[f32]) {
        let d = shape.embedding;
        let (embeddings, rest) = weights.split_at(shape.vocabulary * d);
        let (positions, rest) = rest.split_at((shape.width - 1) * d);
        let query = &rest[..d];
        let n = (row[0] as usize).min(shape.width - 1);
        let scale = 1.0 / (d as f32).sqrt();
        self.tokens.clear();
        self.attention.clear();
        for (i, token) in row[1..=n].iter().enumerate() {
            let token = (*token as usize).min(shape.vocabulary.saturating_sub(1));
            let mut dot = 0.0;
            for k in 0..d {
                let x = (embeddings[token * d + k] + positions[i * d + k]).max(0.0);
                self.tokens.push(x);
                dot += query[k] * x;
            }
            self.attention.push(dot * scale);
        }
        let most = self.attention.iter().copied().fold(f32::MIN, f32::max);
        let mut total = 0.0;
        for a in &mut self.attention {
            *a = math::exp(*a - most);
            total += *a;
        }
        self.x.resize(d, 0.0);
        for (a, x) in self.attention.iter().zip(self.tokens.chunks_exact(d)) {
            let share = *a / total;
            for (z, x) in self.x.iter_mut().zip(x) {
                *z += share * *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mlp() -> ModelShape {
        let params = RewardModelParams { hidden: vec![2], ..RewardModelParams::default() };
        let fields = vec![Field { offset: 0, cap: 1, list: false }, Field { offset: 2, cap: 2, list: true }];
        ModelShape::new(&params, fields, 0)
    }

    #[test]
    fn the_mlp_scores_as_written_out_by_hand() {
        let shape = mlp();
        assert_eq!((shape.width, shape.n_params()), (3, 3 * 2 + 2 + 2 + 1 + 2));
        let mut row = vec![f32::NAN; 3];
        shape.gather(&[4.0, 9.0, 1.0, 7.0, 8.0], &mut row);
        assert_eq!(row, [4.0, 7.0, 0.0], "a list that is shorter is padded");
        // hidden = relu([4 1 + 7 0 + 0.5, 4 0 - 7 1 + 0]) = [4.5, 0]; r = 2 4.5 + 3 0 + 1 = 10; (10 - 4) / 2 = 3.
        let weights = [1.0, 0.0, 0.0, -1.0, 5.0, 5.0, 0.5, 0.0, 2.0, 3.0, 1.0, 4.0, 0.5];
        assert_eq!(Scorer::default().score(&shape, &weights, &row), 3.0);
    }

    #[test]
    fn the_sequence_encoder_attends_as_written_out_by_hand() {
        let params = RewardModelParams {
            encoder: Encoder::Sequence,
            embedding: 1,
            hidden: vec![1],
            ..RewardModelParams::default()
        };
        let fields = [0, 3].map(|offset| Field { offset, cap: 2, list: true }).to_vec();
        let shape = ModelShape::new(&params, fields, 2);
        let mut row = vec![f32::NAN; shape.width];
        shape.gather(&[1.0, 1.0, 0.0, 2.0, 0.0, 1.0], &mut row);
        assert_eq!(row, [3.0, 1.0, 0.0, 1.0, 0.0], "the tokens follow one another, their number first");
        // Embeddings 1 and 2; positions 0, 1, -5, 0: x = relu([2, 2, -3]); query 1.
        let weights = [1.0, 2.0, 0.0, 1.0, -5.0, 0.0, 1.0, 3.0, 0.25, 2.0, -1.0, 0.0, 1.0];
        let e = 2.0f64.exp();
        let z = 2.0 * 2.0 * e / (2.0 * e + 1.0);
        let want = 2.0 * (3.0 * z + 0.25) - 1.0;
        let got = Scorer::default().score(&shape, &weights, &row);
        assert!((f64::from(got) - want).abs() < 1e-5, "{got} {want}");
    }

    #[test]
    fn models_start_apart_and_in_scale() {
        let shape = mlp();
        assert_ne!(shape.init(3, 0), shape.init(3, 1));
        assert_eq!(shape.init(3, 1), shape.init(3, 1));
        let wide = ModelShape { layers: vec![50, 64, 1], width: 50, ..shape };
        let first = &wide.init(0, 0)[..50 * 64];
        let variance = first.iter().map(|w| w * w).sum::<f32>() / first.len() as f32;
        assert!((variance - 2.0 / 50.0).abs() < 0.003, "{variance}");
    }
}

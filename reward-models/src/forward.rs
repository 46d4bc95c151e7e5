//! The models of a job as a graph of tensors: weights in and out, a batch of rows, and their scores. The same arithmetic
//! as `goodhart_core::reward_models::Scorer`.

use crate::adamw::AdamW;
use crate::numbers::{Fault, floats, tensor};
use burn::tensor::{Device, Gradients, Tensor, activation};
use goodhart_core::reward_models::{Encoder, Job, ModelShape};

/// A tensor of the weights of all models, with the moments of its optimiser, [models][rows][columns] each.
struct WeightTensor {
    /// Where it starts in a model's weights.
    at: usize,
    values: Tensor<3>,
    m: Tensor<3>,
    v: Tensor<3>,
}

/// The learned weights of a job's models, on the device that trains them.
pub struct Weights {
    parts: Vec<WeightTensor>,
}

impl Weights {
    /// Cuts the weights of a job's models into tensors: embeddings first, then each layer's matrix and bias.
    pub fn split(job: &Job, device: &Device) -> Self {
        let shape = &job.shape;
        let mut shapes = Vec::new();
        if shape.encoder == Encoder::Sequence {
            let d = shape.embedding;
            shapes.extend([[shape.vocabulary, d], [shape.width - 1, d], [1, d]]);
        }
        shapes.extend(shape.layers.windows(2).flat_map(|l| [[l[0], l[1]], [1, l[1]]]));
        let mut parts = Vec::new();
        let mut at = 0;
        for [rows, columns] in shapes {
            let size = rows * columns;
            let values: Vec<f32> = job.models.iter().flat_map(|m| m.weights[at..at + size].iter().copied()).collect();
            let shape = [job.models.len(), rows, columns];
            let zeros = || Tensor::zeros(shape, device);
            parts.push(WeightTensor { at, values: tensor(values, shape, device), m: zeros(), v: zeros() });
            at += size;
        }
        Self { parts }
    }

    /// The weights of the models again, one after another.
    ///
    /// Errors: a device that does not give its numbers back.
    pub async fn join(&self, job: &Job) -> Result<Vec<f32>, Fault> {
        let mut weights = job.weights();
        let size = job.shape.n_params();
        for part in &self.parts {
            let [_, rows, columns] = part.values.dims();
            let values = floats(part.values.clone()).await?;
            for (model, own) in values.chunks_exact(rows * columns).enumerate() {
                weights[model * size + part.at..][..own.len()].copy_from_slice(own);
            }
        }
        Ok(weights)
    }

    /// The weights as leaves of a new graph.
    pub fn leaves(&self) -> Leaves {
        Leaves { tensors: self.parts.iter().map(|p| p.values.clone().autodiff().require_grad()).collect() }
    }

    /// A step of AdamW down the gradients of these leaves.
    pub fn step(&mut self, leaves: &Leaves, grads: &mut Gradients, step: &AdamW) {
        for (part, leaf) in self.parts.iter_mut().zip(&leaves.tensors) {
            let Some(grad) = leaf.grad_remove(grads) else { continue };
            [part.values, part.m, part.v] = step.apply(part.values.clone(), grad, part.m.clone(), part.v.clone());
        }
    }
}

/// A batch: what each model reads, [models][rows][..], and its targets [models][rows] where there are any.
pub struct Rows {
    models: usize,
    rows: usize,
    /// Numbers [models][rows][width] (mlp), or tokens as one-hot vectors [models][rows * length][vocabulary].
    inputs: Tensor<3>,
    /// 1 for a token that is there, [models][rows][length] (sequence).
    present: Option<Tensor<3>>,
    pub targets: Tensor<2>,
}

impl Rows {
    /// The batch of a step.
    pub fn draw(job: &Job, step: u32, device: &Device) -> Self {
        let (models, width) = (job.models.len(), job.shape.width);
        let pairwise = job.objective.is_pairwise();
        let (mut picked, mut targets) = (Vec::new(), Vec::new());
        for m in 0..models {
            let examples = &job.models[m].examples;
            picked.extend(job.draws(m, step).map(|i| examples.first[i]));
            if pairwise {
                picked.extend(job.draws(m, step).map(|i| examples.second[i]));
                targets.extend(std::iter::repeat_n(0.0, 2 * job.batch as usize));
            } else {
                targets.extend(job.draws(m, step).map(|i| examples.targets[i]));
            }
        }
        let rows = picked.len() / models;
        let row = |i: u32| &job.rows[i as usize * width..(i as usize + 1) * width];
        let targets = tensor(targets, [models, rows], device);
        match job.shape.encoder {
            Encoder::Mlp => {
                let values = picked.iter().flat_map(|i| row(*i).iter().copied()).collect();
                let inputs = tensor(values, [models, rows, width], device);
                Self { models, rows, inputs, present: None, targets }
            }
            Encoder::Sequence => {
                let (length, vocabulary) = (width - 1, job.shape.vocabulary);
                let mut one_hot = vec![0.0; picked.len() * length * vocabulary];
                let mut present = vec![0.0; picked.len() * length];
                for (r, i) in picked.iter().enumerate() {
                    let own = row(*i);
                    for (k, token) in own[1..=(own[0] as usize).min(length)].iter().enumerate() {
                        let token = (*token as usize).min(vocabulary.saturating_sub(1));
                        one_hot[(r * length + k) * vocabulary + token] = 1.0;
                        present[r * length + k] = 1.0;
                    }
                }
                let inputs = tensor(one_hot, [models, rows * length, vocabulary], device);
                let present = Some(tensor(present, [models, rows, length], device));
                Self { models, rows, inputs, present, targets }
            }
        }
    }
}

/// The leaves of a graph, in the order of `Weights`.
pub struct Leaves {
    pub tensors: Vec<Tensor<3>>,
}

impl Leaves {
    /// Outputs of the last layer, [models][rows].
    pub fn forward(&self, shape: &ModelShape, rows: &Rows) -> Tensor<2> {
        let (mut x, layers) = match &rows.present {
            None => (rows.inputs.clone(), &self.tensors[..]),
            Some(present) => (self.pool(shape, rows, present), &self.tensors[3..]),
        };
        let last = shape.layers.len() - 2;
        for (i, layer) in layers.chunks_exact(2).enumerate() {
            x = x.matmul(layer[0].clone()) + layer[1].clone();
            if i < last {
                x = activation::relu(x);
            }
        }
        x.reshape([rows.models, rows.rows])
    }

    /// Attention pooling of the tokens, [models][rows][embedding].
    fn pool(&self, shape: &ModelShape, rows: &Rows, present: &Tensor<3>) -> Tensor<3> {
        let (length, d) = (shape.width - 1, shape.embedding);
        let [models, n] = [rows.models, rows.rows];
        let embedded = rows.inputs.clone().matmul(self.tensors[0].clone()).reshape([models, n, length, d]);
        let places = self.tensors[1].clone().reshape([models, 1, length, d]);
        let x: Tensor<4> = activation::relu(embedded + places);
        let query = self.tensors[2].clone().reshape([models, 1, 1, d]);
        let dots: Tensor<3> = (x.clone() * query).sum_dim(3).reshape([models, n, length]);
        let absent = present.clone().neg().add_scalar(1.0).mul_scalar(-1.0e9);
        let share = activation::softmax(dots.mul_scalar(1.0 / (d as f32).sqrt()) + absent, 2) * present.clone();
        (x * share.reshape([models, n, length, 1])).sum_dim(2).reshape([models, n, d])
    }
}

//! Training of learned reward models with burn: a `Job` of goodhart-core in, weights out. The only crate of the product
//! that imports burn.
//!
//! All models of a job are one batch of matrices [models][in][out], so an ensemble costs hardly more operations than one
//! model. The same job gives the same weights on the same machine; between machines they may differ in their last bits,
//! since burn's matrix products follow the width of the vector unit.

mod forward;

use burn::tensor::{Device, Tensor, TensorData, activation};
use forward::{Rows, Weights};
use goodhart_core::algorithm::settings::Optim;
use goodhart_core::algorithm::{Settings, optimize};
use goodhart_core::reward_models::{Job, Objective};

/// The device that trains: burn's own kernels on the processor, which outrun a GPU at these sizes.
pub fn device() -> Device {
    Device::flex()
}

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub step: u32,
    pub of: u32,
    /// Loss of this step's batch, the mean over models.
    pub loss: f32,
}

/// Trains the models of a job with AdamW and gives their weights, one model after another, as `Job::weights` orders them.
/// Shift and scale stay as they are. `tell` hears of every step.
///
/// Errors: weights that are not finite after a step, so that the last finite ones are lost; numbers that burn does not
/// give back.
pub async fn train(device: &Device, job: &Job, mut tell: impl AsyncFnMut(Progress)) -> Result<Vec<f32>, String> {
    if job.is_empty() {
        return Ok(job.weights());
    }
    let device = device.clone().autodiff();
    let settings = Settings { optim: Optim::AdamW, weight_decay: job.weight_decay, ..Settings::default() };
    let mut weights = Weights::split(job);
    for step in 0..job.steps {
        let rows = Rows::draw(job, step, &device);
        let leaves = weights.leaves(&device);
        let r = leaves.forward(&job.shape, &rows);
        let loss = loss(job, r, &rows).sum();
        let grads = loss.clone().backward();
        for (i, leaf) in leaves.tensors.iter().enumerate() {
            let Some(grad) = leaf.grad(&grads) else { continue };
            let grad = floats(grad).await?;
            weights.step(i, |params, m, v| optimize(&settings, job.learning_rate, step + 1, params, &grad, m, v));
        }
        let loss = floats(loss).await?.first().copied().unwrap_or(f32::NAN) / job.models.len() as f32;
        if !loss.is_finite() {
            return Err("the training of the reward model diverged; a smaller learning_rate helps".into());
        }
        tell(Progress { step: step + 1, of: job.steps, loss }).await;
    }
    let trained = weights.join(job);
    if trained.iter().all(|w| w.is_finite()) {
        Ok(trained)
    } else {
        Err("the training of the reward model diverged; a smaller learning_rate helps".into())
    }
}

/// Mean loss of a batch by model [models], of outputs r [models][rows of the batch].
fn loss(job: &Job, r: Tensor<2>, rows: &Rows) -> Tensor<1> {
    let (models, batch) = (job.models.len(), job.batch as usize);
    let each = if job.objective.is_pairwise() {
        let better = r.clone().slice([0..models, 0..batch]);
        let worse = r.slice([0..models, batch..2 * batch]);
        let lead = better - worse;
        match job.objective {
            Objective::Margin => activation::relu(lead.neg().add_scalar(job.margin)),
            _ => activation::softplus(lead.neg(), 1.0),
        }
    } else {
        let target = rows.targets.clone();
        match job.objective {
            Objective::Classification => activation::softplus(r.clone(), 1.0) - r * target,
            _ => (r - target).powi_scalar(2),
        }
    };
    each.mean_dim(1).reshape([models])
}

async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    let data = tensor.into_data_async().await.map_err(|e| format!("burn gave no numbers back: {e:?}"))?;
    data.try_into_vec().map_err(|e| format!("burn gave no numbers back: {e:?}"))
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

//! Training of learned reward models with burn: a `Job` of goodhart-core in, weights out. The only crate of the product
//! that imports burn.
//!
//! All models of a job are one batch of matrices [models][in][out], so an ensemble costs hardly more operations than one
//! model. The same job gives the same weights on the same machine; between machines they may differ in their last bits,
//! since burn's matrix products follow the width of the vector unit.

mod adamw;
mod devices;
mod forward;
mod numbers;

pub use devices::{Devices, milliseconds};
pub use numbers::Fault;

use adamw::AdamW;
use burn::tensor::{Device, Tensor, activation};
use forward::{Rows, Weights};
use goodhart_core::algorithm::Settings;
use goodhart_core::reward_models::{Job, Objective};
use numbers::floats;

/// Steps between two readings of the loss: whoever waits for a GPU's answer keeps it waiting too.
const READ: u32 = 20;

/// How far a training is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub step: u32,
    pub of: u32,
    /// Loss of a batch, the mean over models, as it was last read: at step 1 and every 20 steps.
    pub loss: f32,
}

/// Trains the models of a job with AdamW and gives their weights, one model after another, as `Job::weights` orders them.
/// Shift and scale stay as they are. `tell` hears of every step.
///
/// Errors: weights that are not finite after a step; a device that fails.
pub async fn train(device: &Device, job: &Job, mut tell: impl AsyncFnMut(Progress)) -> Result<Vec<f32>, Fault> {
    if job.is_empty() {
        return Ok(job.weights());
    }
    let settings = Settings { weight_decay: job.weight_decay, ..Settings::default() };
    let mut weights = Weights::split(job, device);
    let mut last = f32::NAN;
    for step in 0..job.steps {
        let rows = Rows::draw(job, step, device);
        let leaves = weights.leaves();
        let r = leaves.forward(&job.shape, &rows);
        let loss = loss(job, r, &rows).sum();
        let mut grads = loss.backward();
        weights.step(&leaves, &mut grads, &AdamW::new(&settings, job.learning_rate, step + 1));
        if step.is_multiple_of(READ) || step + 1 == job.steps {
            last = floats(loss.inner()).await?.first().copied().unwrap_or(f32::NAN) / job.models.len() as f32;
            if !last.is_finite() {
                return Err(Fault::Diverged);
            }
        }
        tell(Progress { step: step + 1, of: job.steps, loss: last }).await;
    }
    let trained = weights.join(job).await?;
    if trained.iter().all(|w| w.is_finite()) { Ok(trained) } else { Err(Fault::Diverged) }
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

//! Numbers to burn and back, and what can go wrong.

use burn::tensor::{Device, Tensor, TensorData};

/// Why a training gave no weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The last finite weights are lost.
    Diverged,
    /// The device does not give its numbers back.
    Device(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Diverged => f.write_str("the training of the reward model diverged; a smaller learning_rate helps"),
            Self::Device(why) => write!(f, "burn gave no numbers back: {why}"),
        }
    }
}

pub async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Fault> {
    let data = tensor.into_data_async().await.map_err(|e| Fault::Device(format!("{e:?}")))?;
    data.try_into_vec().map_err(|e| Fault::Device(format!("{e:?}")))
}

pub fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

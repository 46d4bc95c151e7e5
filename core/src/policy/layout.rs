//! Parameter layouts and initial values.

use super::Tensor;
use crate::math::{log, rng};

/// Tensors one after the other.
#[derive(Default)]
pub(crate) struct Layout {
    pub tensors: Vec<Tensor>,
    pub n_params: usize,
}

impl Layout {
    /// Appends a tensor and returns its offset.
    pub fn push(&mut self, name: impl Into<String>, rows: usize, cols: usize) -> usize {
        let offset = self.n_params;
        self.tensors.push(Tensor { name: name.into(), offset, rows, cols });
        self.n_params += rows * cols;
        offset
    }

    /// Fills `params`, tensor by tensor, with normal numbers of the deviation that `std` gives for it.
    pub fn init(&self, seed: u32, params: &mut [f32], std: impl Fn(&Tensor) -> f32) {
        for tensor in &self.tensors {
            let std = std(tensor);
            for i in tensor.offset..tensor.offset + tensor.rows * tensor.cols {
                params[i] = if std > 0.0 { std * normal(seed, i as u32) } else { 0.0 };
            }
        }
    }
}

/// A standard normal number for a parameter (Box and Muller 1958).
fn normal(seed: u32, index: u32) -> f32 {
    let [a, b, ..] = rng::draw(seed, 0, 0, 0, index, rng::purpose::INIT);
    let radius = (-2.0 * log(1.0 - rng::uniform(a))).sqrt();
    radius * libm::cosf(std::f32::consts::TAU * rng::uniform(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initial_numbers_have_the_moments_of_a_normal() {
        let n = 20_000;
        let xs: Vec<f64> = (0..n).map(|i| f64::from(normal(5, i))).collect();
        let moment = |k: i32| xs.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        assert!(moment(1).abs() < 0.03 && (moment(2) - 1.0).abs() < 0.05 && (moment(4) - 3.0).abs() < 0.3);
    }
}

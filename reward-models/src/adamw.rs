//! AdamW (Loshchilov and Hutter 2019) on tensors, so that weights stay on the device that trains them. The same
//! arithmetic in the same order as `goodhart_core::algorithm::optimize`.

use burn::tensor::Tensor;
use goodhart_core::algorithm::Settings;
use goodhart_core::algorithm::optimizer::bias_correction;

/// The factors of one step.
pub struct AdamW {
    keep: f32,
    betas: [f32; 2],
    /// Learning rate over the first moment's bias, and one over the root of the second's.
    step: f32,
    root: f32,
    epsilon: f32,
}

impl AdamW {
    /// Step `step`, counted from 1.
    pub fn new(settings: &Settings, learning_rate: f32, step: u32) -> Self {
        let betas = [settings.adam_beta1, settings.adam_beta2];
        Self {
            keep: 1.0 - learning_rate * settings.weight_decay,
            betas,
            step: learning_rate / bias_correction(betas[0], step),
            root: 1.0 / bias_correction(betas[1], step).sqrt(),
            epsilon: settings.adam_epsilon,
        }
    }

    /// Weights and both moments after the step; all tensors have one shape.
    pub fn apply(&self, p: Tensor<3>, g: Tensor<3>, m: Tensor<3>, v: Tensor<3>) -> [Tensor<3>; 3] {
        let [b1, b2] = self.betas;
        let m = m.mul_scalar(b1) + g.clone().mul_scalar(1.0 - b1);
        let v = v.mul_scalar(b2) + (g.clone() * g).mul_scalar(1.0 - b2);
        let slope = v.clone().sqrt().mul_scalar(self.root).add_scalar(self.epsilon);
        let p = p.mul_scalar(self.keep) - m.clone().mul_scalar(self.step) / slope;
        [p, m, v]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use goodhart_core::algorithm::optimize;
    use goodhart_core::algorithm::settings::Optim;
    use goodhart_core::math::rng::{draw, uniform};

    #[test]
    fn the_bits_are_the_engines() {
        let settings = Settings { optim: Optim::AdamW, weight_decay: 0.01, ..Settings::default() };
        let numbers = |k: u32| -> Vec<f32> { (0..301).map(|i| uniform(draw(k, i, 0, 0, 0, 5)[0]) - 0.4).collect() };
        let device = Device::flex();
        let tensor = |values: Vec<f32>| Tensor::<3>::from_data(TensorData::new(values, [1, 7, 43]), &device);
        let (mut p, mut m, mut v) = (numbers(0), vec![0.0; 301], vec![0.0; 301]);
        let mut own = [tensor(p.clone()), tensor(m.clone()), tensor(v.clone())];
        for step in 1..=20 {
            let g = numbers(step);
            optimize(&settings, 0.01, step, &mut p, &g, &mut m, &mut v);
            own = AdamW::new(&settings, 0.01, step).apply(own[0].clone(), tensor(g), own[1].clone(), own[2].clone());
        }
        for (of, expected) in own.into_iter().zip([p, m, v]) {
            let values: Vec<f32> = of.into_data().try_into_vec().unwrap();
            assert!(values.iter().zip(&expected).all(|(a, b)| a.to_bits() == b.to_bits()));
        }
    }
}

//! Logits, values and gradients of the three policies against a plain implementation with burn's autodiff. The
//! transformer there runs every sample alone, prompt included, so the sharing of prompts is tested too.

mod common;

use burn::tensor::{Tensor, activation::softmax};
use common::{GROUP_OF, LENGTHS, Leaves, PROMPTS, compare, constant, indices, input, rows, run};
use goodhart_core::params::Value;

#[test]
fn the_table_agrees() {
    for critic in [false, true] {
        let pass = run("table", &[], critic);
        let leaves = Leaves::new(&pass);
        let states = || indices(rows().into_iter().map(|(s, t)| input(s, t, 0)));
        let values = critic.then(|| leaves.get("value").select(0, states()));
        compare("table", &pass, &leaves, leaves.get("logits").select(0, states()), values);
    }
}

#[test]
fn the_mlp_agrees() {
    for (activation, hidden, critic) in [
        ("tanh", vec![64.0, 64.0], true),
        ("tanh", vec![13.0, 24.0, 5.0], false),
        ("relu", vec![20.0, 7.0, 9.0, 33.0], true),
    ] {
        let layers = hidden.len();
        let overrides = [("hidden", Value::List(hidden)), ("activation", Value::Text(activation.into()))];
        let pass = run("mlp", &overrides, critic);
        let leaves = Leaves::new(&pass);
        let mut on = vec![0.0; rows().len() * 12];
        for (row, (s, t)) in rows().into_iter().enumerate() {
            (0..2).for_each(|k| on[row * 12 + input(s, t, k) as usize] = 1.0);
        }
        let mut x = constant(on, rows().len(), 12);
        let dense = |x: Tensor<2>, name: &str| {
            x.matmul(leaves.get(&format!("{name}.weight"))) + leaves.get(&format!("{name}.bias"))
        };
        for i in 0..layers {
            let z = dense(x, &format!("hidden.{i}"));
            x = if activation == "tanh" { z.tanh() } else { burn::tensor::activation::relu(z) };
        }
        let values = critic.then(|| dense(x.clone(), "value"));
        compare(&format!("{activation} mlp"), &pass, &leaves, dense(x, "policy"), values);
    }
}

#[test]
fn the_transformer_agrees() {
    for (d, layers, heads, critic) in [(32, 1, 2, false), (24, 2, 3, true), (64, 3, 1, true)] {
        let overrides = [
            ("d_model", Value::Number(f64::from(d))),
            ("layers", Value::Number(f64::from(layers))),
            ("heads", Value::Number(f64::from(heads))),
        ];
        let pass = run("transformer", &overrides, critic);
        let leaves = Leaves::new(&pass);
        // The final norm of every sample's positions from the last of its prompt on.
        let finals: Vec<Tensor<2>> = (0..GROUP_OF.len())
            .map(|s| {
                let own = (1..LENGTHS[s]).map(|t| input(s, t, 0));
                let tokens: Vec<u32> = PROMPTS[GROUP_OF[s] as usize].into_iter().chain(own).collect();
                let n = tokens.len();
                decoder(&leaves, &tokens, layers as usize, heads as usize).slice([2..n, 0..d as usize])
            })
            .collect();
        // From samples' rows one after the other to the order of the calls.
        let first: Vec<u32> = (0..LENGTHS.len()).map(|s| LENGTHS[..s].iter().sum()).collect();
        let order = indices(rows().into_iter().map(|(s, t)| first[s] + t));
        let x = Tensor::cat(finals, 0).select(0, order);
        let values = critic.then(|| x.clone().matmul(leaves.get("value")) + leaves.get("value_bias"));
        compare(&format!("transformer of {layers} x {d}"), &pass, &leaves, x.matmul(leaves.get("out")), values);
    }
}

fn norm(x: Tensor<2>) -> Tensor<2> {
    let square = (x.clone() * x.clone()).mean_dim(1) + 1e-6;
    x / square.sqrt()
}

/// The final norm [tokens][d] of a sequence.
fn decoder(leaves: &Leaves, tokens: &[u32], layers: usize, heads: usize) -> Tensor<2> {
    let n = tokens.len();
    let positions = leaves.get("position_embedding");
    let d = positions.dims()[1];
    let size = d / heads;
    let mut x =
        leaves.get("token_embedding").select(0, indices(tokens.iter().copied())) + positions.slice([0..n, 0..d]);
    let future: Vec<f32> = (0..n * n).map(|i| if i % n > i / n { -1e9 } else { 0.0 }).collect();
    for layer in 0..layers {
        let weight = |name: &str| leaves.get(&format!("layers.{layer}.{name}"));
        let qkv = norm(x.clone()).matmul(weight("qkv"));
        let mixed = (0..heads)
            .map(|h| {
                let part = |k: usize| qkv.clone().slice([0..n, k * d + h * size..k * d + (h + 1) * size]);
                let scores = part(0).matmul(part(1).transpose()) / (size as f32).sqrt();
                softmax(scores + constant(future.clone(), n, n), 1).matmul(part(2))
            })
            .collect();
        x = x + Tensor::cat(mixed, 1).matmul(weight("o"));
        let u = norm(x.clone()).matmul(weight("up"));
        let cube = u.clone() * u.clone() * u.clone();
        let gate = ((u.clone() + cube * 0.044_715) * (2.0 / std::f32::consts::PI).sqrt()).tanh() + 1.0;
        x = x + (u * gate * 0.5).matmul(weight("down"));
    }
    norm(x)
}

//! Properties that every policy has.

use super::{Inputs, Interface, Policy, build};
use crate::math::rng;
use crate::params::{Overrides, Value};

/// A policy with the data of one pass: prompts, the groups of the samples, their lengths and inputs.
struct Case {
    policy: Box<dyn Policy>,
    interface: Interface,
    params: Vec<f32>,
    prompts: Vec<u32>,
    group_of: Vec<u32>,
    lengths: Vec<u32>,
    /// Inputs of a row; a pure function of sample and step.
    input: fn(&Interface, u32, u32) -> Vec<u32>,
}

fn random(a: u32, b: u32, n: u32) -> u32 {
    rng::below(rng::draw(11, a, b, 0, 0, 0)[0], n)
}

fn case(kind: &str, overrides: &[(&str, Value)], critic: bool) -> Case {
    let tokens = kind == "transformer";
    let pick = |yes: usize, no: usize| if tokens { yes } else { no };
    let interface = Interface {
        n_actions: 7,
        features: pick(0, 12),
        active: pick(0, 2),
        dense: false,
        states: pick(0, 9),
        prompt_len: pick(3, 0),
        horizon: 6,
        critic,
        n_samples: 5,
        n_groups: 2,
    };
    let overrides: Overrides = overrides.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
    let policy = build(kind, &overrides, &interface).expect("these parameters are fine");
    let mut params = vec![0.0; policy.n_params()];
    policy.init(3, &mut params);
    // Away from the symmetric start of tables and biases.
    for (i, p) in params.iter_mut().enumerate() {
        *p += 0.3 * (rng::uniform(rng::draw(5, i as u32, 0, 0, 0, 0)[0]) - 0.5);
    }
    Case {
        policy,
        interface,
        params,
        prompts: if tokens { (0..6).map(|i| random(100, i, 7)).collect() } else { Vec::new() },
        group_of: if tokens { vec![0, 1, 0, 1, 1] } else { Vec::new() },
        lengths: vec![6, 1, 4, 6, 3],
        input: match kind {
            "table" => |_, s, t| vec![random(s, t, 9)],
            "mlp" => |i, s, t| (0..i.active as u32).map(|k| random(s, 10 * t + k, 6) + 6 * k).collect(),
            _ => |_, s, t| vec![random(s, t, 7)],
        },
    }
}

fn cases() -> Vec<(&'static str, Case)> {
    let list = |xs: &[f64]| Value::List(xs.to_vec());
    vec![
        ("table", case("table", &[], false)),
        ("table with a critic", case("table", &[], true)),
        ("mlp", case("mlp", &[], false)),
        ("mlp with a critic", case("mlp", &[("hidden", list(&[13.0, 24.0, 5.0]))], true)),
        ("relu mlp", case("mlp", &[("hidden", list(&[20.0])), ("activation", Value::Text("relu".into()))], true)),
        ("transformer", case("transformer", &[("d_model", Value::Number(16.0))], false)),
        (
            "transformer of two layers with a critic",
            case(
                "transformer",
                &[
                    ("d_model", Value::Number(24.0)),
                    ("layers", Value::Number(2.0)),
                    ("heads", Value::Number(3.0)),
                    ("init_std", Value::Number(0.2)),
                ],
                true,
            ),
        ),
    ]
}

fn wrap(interface: &Interface, data: &[u32], f: impl FnOnce(Inputs<'_>)) {
    f(if interface.prompt_len > 0 { Inputs::Tokens(data) } else { Inputs::Features(data) });
}

impl Case {
    fn alive(&self, t: u32) -> Vec<u32> {
        (0..self.lengths.len() as u32).filter(|&s| self.lengths[s as usize] > t).collect()
    }

    fn inputs(&self, samples: &[u32], t: u32) -> Vec<u32> {
        let uses_states = self.policy.tensors()[0].name == "logits";
        samples
            .iter()
            .flat_map(|&s| if uses_states { vec![random(s, t, 9)] } else { (self.input)(&self.interface, s, t) })
            .collect()
    }

    /// Logits and values of the pass, step by step.
    fn steps(&mut self) -> (Vec<f32>, Vec<f32>) {
        let (mut logits, mut values) = (Vec::new(), Vec::new());
        self.policy.reset(&self.params, &self.prompts, &self.group_of);
        for t in 0..self.interface.horizon as u32 {
            let samples = self.alive(t);
            let data = self.inputs(&samples, t);
            let mut l = vec![0.0; samples.len() * self.interface.n_actions];
            let mut v = vec![0.0; if self.interface.critic { samples.len() } else { 0 }];
            wrap(&self.interface, &data, |inputs| self.policy.step(&self.params, &samples, inputs, &mut l, &mut v));
            logits.extend(l);
            values.extend(v);
        }
        (logits, values)
    }

    /// The same by one replay.
    fn replay(&mut self) -> (Vec<f32>, Vec<f32>) {
        let data: Vec<u32> = (0..self.interface.horizon as u32).flat_map(|t| self.inputs(&self.alive(t), t)).collect();
        let rows: u32 = self.lengths.iter().sum();
        let mut logits = vec![0.0; rows as usize * self.interface.n_actions];
        let mut values = vec![0.0; if self.interface.critic { rows as usize } else { 0 }];
        self.policy.reset(&self.params, &self.prompts, &self.group_of);
        wrap(&self.interface, &data, |inputs| {
            self.policy.replay(&self.params, &self.lengths, inputs, &mut logits, &mut values);
        });
        (logits, values)
    }

    /// A fixed weighting of logits and values, to be differentiated.
    fn weights(&self) -> (Vec<f32>, Vec<f32>) {
        let rows: u32 = self.lengths.iter().sum();
        let weight = |i: u32, k: u32| rng::uniform(rng::draw(7, i, k, 0, 0, 0)[0]) - 0.5;
        let n = rows * self.interface.n_actions as u32;
        ((0..n).map(|i| weight(i, 0)).collect(), (0..rows).map(|i| weight(i, 1)).collect())
    }

    fn loss(&mut self) -> f64 {
        let (logits, values) = self.replay();
        let (wl, wv) = self.weights();
        let sum = |x: &[f32], w: &[f32]| x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>();
        sum(&logits, &wl) + sum(&values, &wv)
    }

    fn gradient(&mut self) -> Vec<f32> {
        let (dlogits, dvalues) = self.weights();
        let mut grads = vec![0.0; self.params.len()];
        self.policy.backward(&self.params, &dlogits, &dvalues, &mut grads);
        grads
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (name, mut case) in cases() {
        case.steps();
        let grads = case.gradient();
        let norm = grads.iter().map(|g| g * g).sum::<f32>().sqrt() / (grads.len() as f32).sqrt();
        assert!(norm > 0.01, "{name}: a gradient that is nothing tests nothing");
        for i in 0..case.params.len() {
            let x = case.params[i];
            let error = |case: &mut Case, h: f32| {
                case.params[i] = x + h;
                let above = case.loss();
                case.params[i] = x - h;
                let below = case.loss();
                case.params[i] = x;
                let slope = (above - below) / (2.0 * f64::from(h));
                (slope - f64::from(grads[i])).abs() / (f64::from(norm) + slope.abs())
            };
            // The shorter step is for relu, which may have its kink within the longer one.
            let error = error(&mut case, 4e-3).min(error(&mut case, 5e-4));
            assert!(error < 0.01, "{name}, parameter {i}: relative error {error}, gradient {}", grads[i]);
        }
    }
}

#[test]
fn a_replay_gives_the_bits_of_single_steps_and_the_same_gradient() {
    for (name, mut case) in cases() {
        let steps = case.steps();
        let gradient = case.gradient();
        assert_eq!(steps, case.replay(), "{name}");
        assert_eq!(gradient, case.gradient(), "{name}");
    }
}

#[test]
fn a_sample_alone_has_the_same_logits_as_in_a_batch() {
    for (name, mut case) in cases() {
        let (logits, _) = case.replay();
        let n = case.interface.n_actions;
        let lengths = case.lengths.clone();
        for sample in 0..lengths.len() {
            // The others do not even take their first step.
            case.lengths = (0..lengths.len()).map(|s| if s == sample { lengths[s] } else { 0 }).collect();
            let (alone, _) = case.replay();
            let mut row = 0;
            let mut own = alone.chunks_exact(n);
            for t in 0..case.interface.horizon as u32 {
                for s in 0..lengths.len() {
                    if lengths[s] > t {
                        if s == sample {
                            assert_eq!(own.next(), Some(&logits[row * n..][..n]), "{name}, sample {s}, step {t}");
                        }
                        row += 1;
                    }
                }
            }
        }
    }
}

#[test]
fn a_pass_without_activations_has_the_same_logits() {
    for (name, mut case) in cases() {
        let kept = case.steps();
        case.policy.keep_activations(false);
        assert_eq!(kept, case.steps(), "{name}");
        case.policy.keep_activations(true);
        assert_eq!(kept, case.steps(), "{name}");
    }
}

#[test]
fn tensors_cover_the_parameters_without_gaps() {
    for (name, case) in cases() {
        let mut at = 0;
        for tensor in case.policy.tensors() {
            assert_eq!(tensor.offset, at, "{name}: {}", tensor.name);
            at += tensor.rows * tensor.cols;
        }
        assert_eq!(at, case.policy.n_params(), "{name}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let interface = cases().remove(5).1.interface;
    let message = |kind: &str, overrides: &[(&str, Value)], interface: &Interface| {
        let overrides = overrides.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
        build(kind, &overrides, interface).err().map(|e| e[0].message.clone()).unwrap_or_default()
    };
    assert!(message("lstm", &[], &interface).contains("there are table, mlp, transformer"));
    assert!(message("mlp", &[], &interface).contains("needs a task with features"));
    assert!(message("transformer", &[("d_model", Value::Number(20.0))], &interface).contains("multiple of 8"));
    assert!(message("transformer", &[("heads", Value::Number(3.0))], &interface).contains("heads"));
    let long = Interface { horizon: 110, ..interface };
    assert!(message("transformer", &[], &long).contains("112 positions"));
    let many = Interface { n_samples: 65_536, ..interface };
    let large = [("d_model", Value::Number(128.0)), ("layers", Value::Number(4.0))];
    assert!(message("transformer", &large, &many).contains(" GB with this policy"));
    let steps = Interface { features: 4, active: 1, ..interface };
    assert!(message("mlp", &[("hidden", Value::List(vec![]))], &steps).contains("one to four"));
}

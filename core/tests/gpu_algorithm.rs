//! The stages advantage, loss and optimize on a WebGPU device, against the functions of `algorithm` from identical
//! buffers and against TRL's golden vectors. Tolerance, unless a test says otherwise: 1e-4 relative plus 2e-5 of the
//! largest number of the buffer (at least 1).
#![cfg(feature = "gpu")]

mod common;

use common::stage::{Buffers, floats, open, words};
use goodhart_core::algorithm::settings::{Estimator, LossType};
use goodhart_core::algorithm::shader::{ArmSettings, LaneStats, stage};
use goodhart_core::algorithm::{
    Batch, EntropyControl, LossInput, Scratch, Settings, ValueInput, adapt_entropy, clip_gradients, coefficients,
    estimate, kl_into_rewards, learning_rate, minibatch_samples, optimize, value_coefficients,
};
use goodhart_core::layout::NO_REWARD;
use goodhart_core::math::rng::{draw, uniform};
use goodhart_core::params::{Params, Value};

/// Sizes of a batch.
#[derive(Clone, Copy, Default)]
struct Sizes {
    lanes: usize,
    groups: usize,
    group: usize,
    steps: usize,
    components: usize,
    params: usize,
}

impl Sizes {
    fn n(&self) -> usize {
        self.groups * self.group
    }

    fn text(&self, name: &str) -> String {
        let sizes = [
            ("N_ARMS", self.lanes),
            ("N_LANES", self.lanes),
            ("GROUPS", self.groups),
            ("GROUP", self.group),
            ("SAMPLES", self.n()),
            ("STEPS", self.steps),
            ("COMPONENTS", self.components.max(1)),
            ("PARAMS", self.params),
        ];
        let mut text: String = sizes.iter().map(|(k, v)| format!("const {k}: u32 = {v}u;\n")).collect();
        text += include_str!("../../shaders/common/at.wgsl");
        text += include_str!("../../shaders/common/rng.wgsl");
        text + &stage(name).unwrap()
    }

    /// One arm a lane, with the seed 7 + lane.
    fn tables(&self, arms: &[(Settings, Vec<f32>)]) -> Buffers {
        let mut settings = Vec::new();
        arms.iter().for_each(|(s, weights)| ArmSettings::of(s, weights).write(&mut settings));
        let lanes = (0..self.lanes as u32).flat_map(|i| [i, 7 + i, 0, 0]).collect();
        let stats = vec![0; self.lanes * LaneStats::WORDS];
        Buffers::from([("settings", settings), ("lanes", lanes), ("loss_sums", stats)])
    }
}

/// (update, epoch, minibatch, first, updates) as the uniform `at`.
fn at(update: u32, epoch: u32, minibatch: u32, first: u32, updates: u32) -> Vec<u32> {
    vec![update, epoch, minibatch, 0, first, 0, updates, 0]
}

/// A stream of random numbers.
struct Dice(u32);

impl Dice {
    fn next(&mut self) -> f32 {
        self.0 += 1;
        uniform(draw(11, self.0, 0, 0, 0, 99)[0])
    }
    fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
    fn chance(&mut self, p: f32) -> bool {
        self.next() < p
    }
    fn fill(&mut self, n: usize, low: f32, high: f32) -> Vec<f32> {
        (0..n).map(|_| self.within(low, high)).collect()
    }
}

/// One lane's batch in the layout of the CPU functions.
#[derive(Clone)]
struct LaneData {
    lengths: Vec<u32>,
    truncated: Vec<u8>,
    active: Vec<u8>,
    components: Vec<f32>,
    rewards: Vec<f32>,
    step_rewards: Vec<f32>,
    values: Vec<f32>,
    values_new: Vec<f32>,
    logp: Vec<f32>,
    logp_old: Vec<f32>,
    logp_ref: Vec<f32>,
    entropy: Vec<f32>,
}

fn lane_data(dice: &mut Dice, sizes: Sizes, weights: &[f32]) -> LaneData {
    let (n, t) = (sizes.n(), sizes.steps);
    let lengths: Vec<u32> = (0..n).map(|_| (dice.next() * (t as f32 + 0.99)) as u32).collect();
    let active: Vec<u8> = (0..n).map(|_| u8::from(!dice.chance(0.1))).collect();
    let mut components: Vec<f32> = (0..sizes.components * n)
        .map(|_| if dice.chance(0.2) { f32::NAN } else { (dice.within(-1.0, 1.0) * 4.0).round() / 4.0 })
        .collect();
    // A dead group: all alike.
    components.chunks_mut(n).for_each(|c| c[..sizes.group].fill(0.3));
    let rewards: Vec<f32> = (0..n)
        .map(|i| {
            let applying = (0..sizes.components).filter(|k| !components[k * n + i].is_nan());
            let sum = applying.clone().map(|k| weights[k] * components[k * n + i]).sum();
            if applying.count() == 0 || active[i] == 0 { f32::NAN } else { sum }
        })
        .collect();
    let mut step_rewards = vec![0.0; n * t];
    for i in 0..n {
        let length = lengths[i] as usize;
        if length > 0 && rewards[i].is_finite() {
            let mut rest = rewards[i];
            for k in 0..length - 1 {
                step_rewards[i * t + k] = dice.within(-0.5, 0.5);
                rest -= step_rewards[i * t + k];
            }
            step_rewards[i * t + length - 1] = rest;
        }
    }
    let logp_old = dice.fill(n * t, -3.0, -0.1);
    let near = |dice: &mut Dice, by: f32| -> Vec<f32> { logp_old.iter().map(|x| x + dice.within(-by, by)).collect() };
    let values = dice.fill(n * t, -1.0, 1.0);
    LaneData {
        logp: near(dice, 0.5),
        logp_ref: near(dice, 0.7),
        entropy: dice.fill(n * t, 0.0, 2.0),
        values_new: values.iter().map(|v| v + dice.within(-0.4, 0.4)).collect(),
        truncated: (0..n).map(|_| u8::from(dice.chance(0.3))).collect(),
        lengths,
        active,
        components,
        rewards,
        step_rewards,
        values,
        logp_old,
    }
}

/// The buffers that the stages share, from the lanes' data.
fn shared(sizes: Sizes, lanes: &[LaneData], buffers: &mut Buffers) {
    let (n, t, c) = (sizes.n(), sizes.steps, sizes.components);
    let rows = |f: &dyn Fn(&LaneData, usize) -> [f32; 4]| -> Vec<u32> {
        words(&lanes.iter().flat_map(|l| (0..n * t).flat_map(move |row| f(l, row))).collect::<Vec<_>>())
    };
    let per_sample = |f: &dyn Fn(&LaneData, usize) -> [f32; 4]| -> Vec<u32> {
        words(&lanes.iter().flat_map(|l| (0..n).flat_map(move |i| f(l, i))).collect::<Vec<_>>())
    };
    buffers.insert("policy_old", rows(&|l, r| [l.logp_old[r], 0.0, l.values[r], l.logp_ref[r]]));
    buffers.insert("policy_new", rows(&|l, r| [l.logp[r], l.entropy[r], l.values_new[r], 0.0]));
    buffers.insert("samples", per_sample(&|l, i| [l.lengths[i] as f32, f32::from(l.truncated[i]), 0.0, 0.0]));
    buffers.insert("rewards", per_sample(&|l, i| [l.rewards[i], 0.0, 1.0 - f32::from(l.active[i]), 0.0]));
    let components = lanes.iter().flat_map(|l| {
        (0..n).flat_map(move |i| (0..c.max(1)).map(move |k| if k < c { l.components[k * n + i] } else { 0.0 }))
    });
    buffers.insert("components", words(&components.collect::<Vec<_>>()));
    buffers.insert("step_rewards", words(&lanes.iter().flat_map(|l| l.step_rewards.clone()).collect::<Vec<_>>()));
    buffers.insert("advantages", vec![0; sizes.lanes * n * t * 2]);
    buffers.insert("coefs", words(&vec![9.0; sizes.lanes * n * t * 4]));
    buffers.insert("opt_state", vec![0; sizes.lanes * 4]);
}

/// Column k of a buffer of vectors of `width`, for one lane.
fn column(buffer: &[u32], width: usize, k: usize, lane: usize, rows: usize) -> Vec<f32> {
    floats(&buffer[lane * rows * width..(lane + 1) * rows * width]).chunks(width).map(|v| v[k]).collect()
}

fn assert_close(name: &str, got: &[f32], expected: &[f32], relative: f32) {
    assert_eq!(got.len(), expected.len(), "{name}");
    let most = expected.iter().fold(1.0f32, |m, x| m.max(x.abs()));
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        let error = (g - e).abs();
        assert!(error <= relative * e.abs() + 0.2 * relative * most, "{name}[{i}]: {g} instead of {e}");
    }
}

fn stats(buffers: &Buffers, lane: usize) -> LaneStats {
    LaneStats::read(&buffers["loss_sums"][lane * LaneStats::WORDS..])
}

/// Settings that differ from the defaults as JSON-like pairs say.
fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in pairs {
        let value = match value.parse::<f64>() {
            Ok(x) => Value::Number(x),
            Err(_) if matches!(*value, "true" | "false") => Value::Bool(*value == "true"),
            Err(_) => Value::Text((*value).into()),
        };
        settings.set(name, &value).unwrap();
    }
    settings
}

#[test]
fn advantages_agree_with_the_cpu() {
    let Some(gpu) = open() else { return };
    let mut cases: Vec<Vec<(&str, &str)>> = Estimator::NAMES.iter().map(|e| vec![("estimator", *e)]).collect();
    for framework in ["verl", "openrlhf"] {
        for estimator in ["grpo", "rloo", "gdpo", "dr_grpo", "grpo_passk"] {
            cases.push(vec![("estimator", estimator), ("framework", framework)]);
        }
    }
    cases.push(vec![("scale_rewards", "batch")]);
    cases.push(vec![("scale_rewards", "none")]);
    cases.push(vec![("multi_objective_aggregation", "normalize_then_sum")]);
    cases.push(vec![("estimator", "bnpo"), ("multi_objective_aggregation", "normalize_then_sum")]);
    cases.push(vec![("estimator", "bnpo"), ("bnpo_alpha", "1.5"), ("bnpo_beta", "3")]);
    cases.push(vec![("estimator", "gae"), ("gamma", "0.9"), ("whiten_advantages", "false"), ("kl_in_reward", "0.3")]);
    cases.push(vec![("estimator", "reinforce_plus_plus"), ("gamma", "0.8"), ("kl_in_reward", "0.1")]);
    cases.push(vec![("estimator", "rloo"), ("kl_in_reward", "0.2"), ("kl_reward_estimator", "k3")]);
    for (groups, group, steps) in [(4, 5, 6), (7, 1, 1), (1, 64, 3), (40, 8, 2)] {
        let sizes = Sizes { lanes: cases.len(), groups, group, steps, components: 3, params: 1 };
        let weights = vec![1.0, 0.5, -2.0];
        let arms: Vec<_> = cases
            .iter()
            .map(|c| {
                (settings(&[&[("bnpo_reward_min", "-4"), ("bnpo_reward_max", "4")], &c[..]].concat()), weights.clone())
            })
            .collect();
        let mut dice = Dice(groups as u32 * 1000);
        let lanes: Vec<_> = arms.iter().map(|_| lane_data(&mut dice, sizes, &weights)).collect();
        let mut buffers = sizes.tables(&arms);
        shared(sizes, &lanes, &mut buffers);
        gpu.run(&sizes.text("advantage"), &mut buffers, [sizes.lanes as u32, 1, 1]);
        for (lane, (arm, data)) in arms.iter().zip(&lanes).enumerate() {
            check_advantages(sizes, lane, arm, data, &buffers, &format!("{:?} {groups}x{group}x{steps}", cases[lane]));
        }
    }
}

fn check_advantages(
    sizes: Sizes,
    lane: usize,
    (settings, weights): &(Settings, Vec<f32>),
    data: &LaneData,
    buffers: &Buffers,
    name: &str,
) {
    let (n, t) = (sizes.n(), sizes.steps);
    let (mut rewards, mut step_rewards) = (data.rewards.clone(), data.step_rewards.clone());
    if settings.kl_in_reward > 0.0 {
        kl_into_rewards(
            settings,
            t,
            &data.lengths,
            &data.active,
            &data.logp_old,
            &data.logp_ref,
            &mut rewards,
            &mut step_rewards,
        );
    }
    let batch = Batch {
        n,
        group: sizes.group,
        steps: t,
        lengths: &data.lengths,
        active: &data.active,
        rewards: &rewards,
        components: &data.components,
        weights,
        step_rewards: &step_rewards,
        values: &data.values,
    };
    let (mut advantages, mut returns) = (vec![0.0; n * t], vec![0.0; n * t]);
    let expected = estimate(settings, &batch, &mut Scratch::default(), &mut advantages, &mut returns);
    let got = column(&buffers["advantages"], 2, 0, lane, n * t);
    for i in 0..n {
        let row = i * t..(i + 1) * t;
        if data.active[i] == 0 {
            assert!(got[row].iter().all(|a| *a == NO_REWARD), "{name}: sample {i} is left out");
        } else {
            let tolerance = if settings.estimator == Estimator::Bnpo { 1e-3 } else { 1e-4 };
            assert_close(&format!("{name} sample {i}"), &got[row.clone()], &advantages[row], tolerance);
        }
    }
    if settings.estimator == Estimator::Gae {
        assert_close(&format!("{name} returns"), &column(&buffers["advantages"], 2, 1, lane, n * t), &returns, 1e-4);
    }
    let s = stats(buffers, lane);
    let got = [s.reward, s.reward_std, s.frac_reward_zero_std, s.dead_groups, s.scored, s.bnpo_alpha, s.bnpo_beta];
    let expected = [
        expected.reward,
        expected.reward_std,
        expected.frac_reward_zero_std,
        expected.dead_groups,
        expected.scored as f32,
        expected.beta.alpha,
        expected.beta.beta,
    ];
    assert_close(&format!("{name} statistics"), &got, &expected, 1e-3);
}

#[test]
fn losses_agree_with_the_cpu() {
    let Some(gpu) = open() else { return };
    let mut cases: Vec<Vec<(&str, &str)>> = Vec::new();
    for kind in LossType::NAMES {
        cases.push(vec![("loss_type", kind), ("beta", "0.1")]);
        cases.push(vec![("loss_type", kind), ("importance_sampling_level", "sequence"), ("beta", "0.05")]);
    }
    for extra in [
        [("delta", "1.3"), ("epsilon_high", "0.28")],
        [("dual_clip", "1.2"), ("epsilon", "0.1")],
        [("top_entropy_quantile", "0.3"), ("entropy_coef", "0.01")],
        [("top_entropy_quantile", "0.05"), ("loss_type", "bnpo")],
        [("mask_truncated_completions", "true"), ("beta", "0.1")],
        [("off_policy_mask_threshold", "0.05"), ("loss_type", "grpo")],
        [("beta", "0.2"), ("use_bias_correction_kl", "false")],
        [("beta", "0.2"), ("kl_estimator", "k1")],
        [("beta", "0.2"), ("kl_estimator", "k2")],
        [("estimator", "gae"), ("vf_coef", "0.3")],
        [("estimator", "gae"), ("cliprange_value", "none")],
        [("num_minibatches", "4"), ("loss_type", "dapo")],
        [("num_minibatches", "3"), ("top_entropy_quantile", "0.5")],
        [("num_minibatches", "2"), ("estimator", "gae")],
    ] {
        cases.push(extra.to_vec());
    }
    for (groups, group, steps) in [(4, 6, 9), (40, 8, 3)] {
        let sizes = Sizes { lanes: cases.len(), groups, group, steps, components: 1, params: 1 };
        let arms: Vec<_> =
            cases.iter().map(|c| (settings(&[&[("num_iterations", "3")], &c[..]].concat()), vec![1.0])).collect();
        let mut dice = Dice(groups as u32 * 7777);
        let lanes: Vec<_> = arms.iter().map(|_| lane_data(&mut dice, sizes, &[1.0])).collect();
        let targets: Vec<Vec<f32>> = lanes.iter().map(|_| dice.fill(sizes.n() * steps * 2, -2.0, 2.0)).collect();
        let mut buffers = sizes.tables(&arms);
        shared(sizes, &lanes, &mut buffers);
        let mut advantages = targets.concat();
        for (lane, data) in lanes.iter().enumerate() {
            for i in (0..sizes.n()).filter(|i| data.active[*i] == 0) {
                for row in 0..steps {
                    advantages[((lane * sizes.n() + i) * steps + row) * 2] = NO_REWARD;
                }
            }
        }
        buffers.insert("advantages", words(&advantages));
        buffers.insert("at", at(5, 2, 0, 1, 10));
        gpu.run(&sizes.text("loss"), &mut buffers, [sizes.lanes as u32, 1, 1]);
        for (lane, ((s, _), data)) in arms.iter().zip(&lanes).enumerate() {
            let name = format!("{:?} {groups}x{group}x{steps}", cases[lane]);
            check_loss(sizes, lane, s, data, &targets[lane], &buffers, &name);
        }
    }
}

fn check_loss(
    sizes: Sizes,
    lane: usize,
    settings: &Settings,
    data: &LaneData,
    targets: &[f32],
    buffers: &Buffers,
    name: &str,
) {
    let (n, t) = (sizes.n(), sizes.steps);
    let mut samples = Vec::new();
    minibatch_samples(7 + lane as u32, 5, 2, n as u32, settings.num_minibatches, 0, &mut samples);
    let advantages: Vec<f32> = targets.chunks(2).map(|v| v[0]).collect();
    let returns: Vec<f32> = targets.chunks(2).map(|v| v[1]).collect();
    let input = LossInput {
        n,
        steps: t,
        samples: &samples,
        lengths: &data.lengths,
        truncated: &data.truncated,
        active: &data.active,
        logp: &data.logp,
        logp_old: &data.logp_old,
        logp_ref: &data.logp_ref,
        entropy: &data.entropy,
        advantages: &advantages,
        max_completion_length: t as u32,
        entropy_coef: EntropyControl::new(settings).applied(settings),
    };
    let (mut dlogp, mut dentropy, mut dvalue) = (vec![0.0; n * t], vec![0.0; n * t], vec![0.0; n * t]);
    let expected = coefficients(settings, &input, &mut Scratch::default(), &mut dlogp, &mut dentropy);
    let mut value = 0.0;
    if settings.estimator == Estimator::Gae {
        let input = ValueInput {
            steps: t,
            samples: &samples,
            lengths: &data.lengths,
            truncated: &data.truncated,
            active: &data.active,
            values: &data.values_new,
            values_old: &data.values,
            returns: &returns,
        };
        value = value_coefficients(settings, &input, &mut dvalue);
    }
    for (k, expected) in [dlogp, dentropy, dvalue].iter().enumerate() {
        let got = column(&buffers["coefs"], 4, k, lane, n * t);
        let mut expected = expected.clone();
        for i in (0..n).filter(|i| !samples.contains(&(*i as u32))) {
            expected[i * t..(i + 1) * t].fill(0.0);
        }
        // Coefficients are small: compare them in units of their own largest.
        let most = expected.iter().fold(1e-9f32, |m, x| m.max(x.abs()));
        let unit = |xs: &[f32]| xs.iter().map(|x| x / most).collect::<Vec<_>>();
        assert_close(&format!("{name} coefficient {k}"), &unit(&got), &unit(&expected), 1e-4);
    }
    let s = stats(buffers, lane);
    let got = [
        s.loss,
        s.policy_loss,
        s.value_loss,
        s.kl,
        s.entropy,
        s.clip_low_mean,
        s.clip_low_min,
        s.clip_high_mean,
        s.clip_high_max,
        s.clip_region_mean,
        s.cispo_clip_ratio,
        s.dual_clip_ratio,
        s.vespo_phi_mean,
        s.ratio_mean,
        s.ratio_max,
        s.ppo_kl,
        s.steps,
        s.nonfinite,
        s.bonus_entropy,
        s.passes,
    ];
    let e = expected;
    let expected = [
        e.loss + value,
        e.policy_loss,
        value,
        e.kl,
        e.entropy,
        e.clip_low_mean,
        e.clip_low_min,
        e.clip_high_mean,
        e.clip_high_max,
        e.clip_region_mean,
        e.cispo_clip_ratio,
        e.dual_clip_ratio,
        e.vespo_phi_mean,
        e.ratio_mean,
        e.ratio_max,
        e.ppo_kl,
        e.steps,
        e.nonfinite,
        e.bonus_entropy,
        1.0,
    ];
    for (i, (g, e)) in got.iter().zip(&expected).enumerate() {
        assert!((g - e).abs() <= 2e-4 * e.abs() + 2e-5, "{name} statistic {i}: {g} instead of {e}");
    }
}

#[test]
fn optimiser_steps_agree_with_the_cpu() {
    let Some(gpu) = open() else { return };
    let cases = [
        settings(&[]),
        settings(&[("optim", "adam"), ("weight_decay", "0.1"), ("lr_scheduler_type", "cosine")]),
        settings(&[
            ("optim", "adamw"),
            ("weight_decay", "0.1"),
            ("lr_scheduler_type", "linear"),
            ("warmup_steps", "4"),
        ]),
        settings(&[("optim", "sgd"), ("weight_decay", "0.1"), ("max_grad_norm", "0")]),
        settings(&[("use_adaptive_entropy", "true"), ("entropy_coef", "0.1"), ("entropy_target", "1")]),
    ];
    let sizes = Sizes { lanes: cases.len(), groups: 1, group: 1, steps: 1, components: 1, params: 777 };
    let arms: Vec<_> = cases.iter().map(|s| (s.clone(), vec![])).collect();
    let mut dice = Dice(5);
    let total = sizes.lanes * sizes.params;
    let mut params = dice.fill(total, -1.0, 1.0);
    let (mut m, mut v) = (vec![0.0; total], vec![0.0; total]);
    let mut controls: Vec<EntropyControl> = cases.iter().map(EntropyControl::new).collect();
    let mut buffers = sizes.tables(&arms);
    buffers.insert("params", words(&params));
    buffers.insert("opt_m", words(&m));
    buffers.insert("opt_v", words(&v));
    let state: Vec<f32> = cases.iter().flat_map(|s| [0.0, s.entropy_coef, 0.0, 0.0]).collect();
    buffers.insert("opt_state", words(&state));
    for update in 0..12u32 {
        let grads = dice.fill(total, -0.2, 0.2);
        let entropy = dice.within(0.5, 1.5);
        buffers.insert("grads", words(&grads));
        buffers.insert("at", at(update, 0, 0, 1, 12));
        for lane in 0..sizes.lanes {
            let mut s = stats(&buffers, lane);
            s.bonus_entropy = entropy;
            let mut words = Vec::new();
            s.write(&mut words);
            buffers.get_mut("loss_sums").unwrap()[lane * LaneStats::WORDS..][..LaneStats::WORDS]
                .copy_from_slice(&words);
        }
        gpu.run(&sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]);
        for (lane, s) in cases.iter().enumerate() {
            let range = lane * sizes.params..(lane + 1) * sizes.params;
            let mut g = grads[range.clone()].to_vec();
            let norm = clip_gradients(&mut g, s.max_grad_norm);
            let lr = learning_rate(s, update, 12);
            optimize(s, lr, update + 1, &mut params[range.clone()], &g, &mut m[range.clone()], &mut v[range]);
            controls[lane].observe(s, entropy);
            let got = column(&buffers["opt_state"], 4, 0, lane, 1)[0];
            assert_eq!(got, (update + 1) as f32);
            let got: Vec<f32> = (1..4).map(|k| column(&buffers["opt_state"], 4, k, lane, 1)[0]).collect();
            assert_close("state", &got, &[controls[lane].coef, norm, lr], 1e-5);
            let applied = stats(&buffers, lane).bonus_on * got[0];
            if s.use_adaptive_entropy {
                assert_close("bonus", &[applied], &[controls[lane].applied(s)], 1e-5);
                assert_close(
                    "rule",
                    &[adapt_entropy(s, entropy, 0.5)],
                    &[if entropy <= 1.0 { 0.505 } else { 0.495 }],
                    1e-5,
                );
            }
        }
        assert_close("params", &floats(&buffers["params"]), &params, 1e-4);
    }
    // Another pass for an arm that has more of them: these have done theirs.
    for turn in [at(12, 1, 0, 0, 12), at(12, 0, 1, 0, 12)] {
        let before = buffers.clone();
        buffers.insert("at", turn.clone());
        gpu.run(&sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]);
        buffers.insert("at", before["at"].clone());
        assert!(buffers == before, "{turn:?}");
    }
    let mut broken = floats(&buffers["grads"]);
    broken[3] = f32::NAN;
    buffers.insert("grads", words(&broken));
    let before = floats(&buffers["params"]);
    gpu.run(&sizes.text("optimize"), &mut buffers, [sizes.lanes as u32, 1, 1]);
    let after = floats(&buffers["params"]);
    assert_eq!(before[..777], after[..777], "a gradient that is not finite moves nothing");
    assert_ne!(before[777..1554], after[777..1554], "other lanes go on");
    assert_eq!(stats(&buffers, 0).nonfinite, 1.0);
}

/// Golden cases beside the repository; none, with a printed line, where they are missing.
fn golden(name: &str) -> Vec<serde_json::Value> {
    let root = std::env::var("GOODHART_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_string());
    let path = format!("{root}/golden/{name}");
    match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(_) => {
            println!("skipped: {path} is missing");
            Vec::new()
        }
    }
}

/// The numbers of nested lists, null as NaN.
fn numbers(value: &serde_json::Value) -> Vec<f32> {
    match value {
        serde_json::Value::Array(xs) => xs.iter().flat_map(numbers).collect(),
        x => vec![x.as_f64().map_or(f32::NAN, |x| x as f32)],
    }
}

fn golden_settings(options: &serde_json::Value, names: &[&str]) -> Settings {
    let given = options.as_object().unwrap().iter().filter(|(k, _)| names.is_empty() || names.contains(&k.as_str()));
    let pairs: Vec<(String, String)> = given
        .filter(|(k, _)| *k != "max_completion_length")
        .map(|(k, v)| (k.clone(), v.as_str().map_or_else(|| v.to_string(), str::to_string)))
        .collect();
    settings(&pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>())
}

/// The tolerance of the golden vectors: 1e-4 relative, 1e-5 absolute.
fn assert_golden(name: &str, got: &[f32], expected: &[f32]) {
    assert_eq!(got.len(), expected.len(), "{name}");
    for (i, (g, e)) in got.iter().zip(expected).enumerate() {
        assert!((g - e).abs() <= 1e-4 * e.abs() + 1e-5, "{name}[{i}]: {g} instead of {e}");
    }
}

#[test]
fn advantages_are_those_of_trl() {
    let Some(gpu) = open() else { return };
    for components in 1..=3 {
        let cases: Vec<_> = golden("trl_advantages.json")
            .into_iter()
            .filter(|c| c["weights"].as_array().unwrap().len() == components)
            .collect();
        if cases.is_empty() {
            continue;
        }
        let sizes = Sizes { lanes: cases.len(), groups: 4, group: 8, steps: 1, components, params: 1 };
        let n = sizes.n();
        let names = ["scale_rewards", "multi_objective_aggregation"];
        let arms: Vec<_> = cases.iter().map(|c| (golden_settings(c, &names), numbers(&c["weights"]))).collect();
        let lanes: Vec<_> = cases
            .iter()
            .zip(&arms)
            .map(|(case, (_, weights))| {
                let components = numbers(&case["rewards"]);
                let sum = |i: usize| {
                    let xs: Vec<f32> = weights
                        .iter()
                        .enumerate()
                        .map(|(k, w)| w * components[k * n + i])
                        .filter(|x| !x.is_nan())
                        .collect();
                    if xs.is_empty() { f32::NAN } else { xs.iter().sum() }
                };
                let zeros = vec![0.0; n];
                LaneData {
                    lengths: vec![1; n],
                    truncated: vec![0; n],
                    active: vec![1; n],
                    rewards: (0..n).map(sum).collect(),
                    components,
                    step_rewards: zeros.clone(),
                    values: zeros.clone(),
                    values_new: zeros.clone(),
                    logp: zeros.clone(),
                    logp_old: zeros.clone(),
                    logp_ref: zeros.clone(),
                    entropy: zeros,
                }
            })
            .collect();
        let mut buffers = sizes.tables(&arms);
        shared(sizes, &lanes, &mut buffers);
        gpu.run(&sizes.text("advantage"), &mut buffers, [sizes.lanes as u32, 1, 1]);
        for (lane, case) in cases.iter().enumerate() {
            let got = column(&buffers["advantages"], 2, 0, lane, n);
            assert_golden(&case["name"].to_string(), &got, &numbers(&case["advantages"]));
        }
    }
}

#[test]
fn losses_are_those_of_trl() {
    let Some(gpu) = open() else { return };
    let cases = golden("trl_losses.json");
    if cases.is_empty() {
        return;
    }
    let sizes = Sizes { lanes: cases.len(), groups: 1, group: 8, steps: 12, components: 1, params: 1 };
    let arms: Vec<_> = cases.iter().map(|c| (golden_settings(&c["options"], &[]), vec![1.0])).collect();
    let lanes: Vec<_> = cases
        .iter()
        .map(|case| LaneData {
            lengths: numbers(&case["mask"]).chunks(12).map(|row| row.iter().sum::<f32>() as u32).collect(),
            truncated: vec![0; 8],
            active: vec![1; 8],
            rewards: vec![0.0; 8],
            components: vec![0.0; 8],
            step_rewards: vec![0.0; 96],
            values: vec![0.0; 96],
            values_new: vec![0.0; 96],
            logp: numbers(&case["logp"]),
            logp_old: numbers(&case["logp_old"]),
            logp_ref: numbers(&case["logp_ref"]),
            entropy: numbers(&case["entropy"]),
        })
        .collect();
    let mut buffers = sizes.tables(&arms);
    shared(sizes, &lanes, &mut buffers);
    let advantages: Vec<f32> = cases
        .iter()
        .flat_map(|c| numbers(&c["advantages"]))
        .flat_map(|a| std::iter::repeat_n([a, 0.0], sizes.steps))
        .flatten()
        .collect();
    buffers.insert("advantages", words(&advantages));
    buffers.insert("at", at(0, 0, 0, 1, 1));
    gpu.run(&sizes.text("loss"), &mut buffers, [sizes.lanes as u32, 1, 1]);
    for (lane, case) in cases.iter().enumerate() {
        let name = format!("{} {}", case["name"], case["options"]);
        assert_golden(&name, &[stats(&buffers, lane).loss], &numbers(&case["loss"]));
        let got = column(&buffers["coefs"], 4, 0, lane, 96);
        assert_golden(&name, &got, &numbers(&case["dloss_dlogp"]));
    }
}

//! Stage `loss`.

use super::batch::*;
use crate::device::context;
use crate::pass::{Buffers, run, words};
use goodhart_core::algorithm::settings::{Estimator, KlEstimator, LossType};
use goodhart_core::algorithm::{
    BatchScratch, EntropyControl, LossInput, Settings, ValueInput, coefficients, minibatch_samples, value_coefficients,
};
use goodhart_core::layout::NO_REWARD;
use wasm_bindgen_test::wasm_bindgen_test;

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn losses_agree_with_the_cpu() {
    let Some(gpu) = context().await else { return };
    let mut cases: Vec<Vec<(&str, &str)>> = Vec::new();
    for kind in LossType::NAMES {
        cases.push(vec![("loss_type", kind), ("beta", "0.1")]);
        cases.push(vec![("loss_type", kind), ("importance_sampling_level", "sequence"), ("beta", "0.05")]);
    }
    cases.extend(KlEstimator::NAMES.iter().map(|kl| vec![("beta", "0.2"), ("kl_estimator", *kl)]));
    for extra in [
        [("delta", "1.3"), ("epsilon_high", "0.28")],
        [("dual_clip", "1.2"), ("epsilon", "0.1")],
        [("top_entropy_quantile", "0.3"), ("entropy_coef", "0.01")],
        [("top_entropy_quantile", "0.05"), ("loss_type", "bnpo")],
        [("mask_truncated_completions", "true"), ("beta", "0.1")],
        [("off_policy_mask_threshold", "0.05"), ("loss_type", "grpo")],
        [("beta", "0.2"), ("use_bias_correction_kl", "false")],
        [("estimator", "gae"), ("vf_coef", "0.3")],
        [("estimator", "gae"), ("cliprange_value", "none")],
        [("num_minibatches", "4"), ("loss_type", "dapo")],
        [("log_ratio_clip", "0.2"), ("epsilon", "0.3")],
        [("log_ratio_clip", "0.05"), ("importance_sampling_level", "sequence")],
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
        run(&gpu, &sizes.text("loss"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
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
    let expected = coefficients(settings, &input, &mut BatchScratch::default(), &mut dlogp, &mut dentropy);
    let mut value = 0.0;
    if settings.estimator == Estimator::Gae {
        let (values, values_old) = (&data.values_new[..], &data.values[..]);
        let input = ValueInput { batch: &input, values, values_old, returns: &returns };
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

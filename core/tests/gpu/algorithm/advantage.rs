//! Stage `advantage`.

use super::batch::*;
use crate::device::context;
use crate::pass::{Buffers, run};
use goodhart_core::algorithm::settings::{
    DynamicSampling, Estimator, Framework, KlEstimator, RewardNoise, SampleFilter, ScaleRewards,
};
use goodhart_core::algorithm::{
    Batch, BatchKey, BatchScratch, NO_ADVANTAGE, Settings, estimate, filter_samples, kl_into_rewards,
    noise_into_rewards,
};
use goodhart_core::layout::NO_REWARD;
use wasm_bindgen_test::wasm_bindgen_test;

const UPDATE: u32 = 5;

#[wasm_bindgen_test(unsupported = pollster::test)]
async fn advantages_agree_with_the_cpu() {
    let Some(gpu) = context().await else { return };
    let mut cases: Vec<Vec<(&str, &str)>> = Vec::new();
    for framework in Framework::NAMES {
        cases.extend(Estimator::NAMES.iter().map(|e| vec![("estimator", *e), ("framework", *framework)]));
        cases.push(vec![("framework", framework), ("multi_objective_aggregation", "normalize_then_sum")]);
    }
    cases.extend(ScaleRewards::NAMES.iter().map(|scale| vec![("scale_rewards", *scale)]));
    cases.extend(ScaleRewards::NAMES.iter().map(|scale| vec![("scale_rewards", *scale), ("estimator", "grpo_passk")]));
    cases.push(vec![("estimator", "bnpo"), ("multi_objective_aggregation", "normalize_then_sum")]);
    cases.push(vec![("estimator", "bnpo"), ("bnpo_alpha", "1.5"), ("bnpo_beta", "3")]);
    cases.push(vec![("estimator", "gae"), ("gamma", "0.9"), ("whiten_advantages", "false"), ("kl_in_reward", "0.3")]);
    cases.push(vec![("estimator", "gae"), ("bootstrap_truncated", "false")]);
    cases.push(vec![("estimator", "reinforce_plus_plus"), ("gamma", "0.8"), ("kl_in_reward", "0.1")]);
    for kl in KlEstimator::NAMES {
        cases.push(vec![("estimator", "rloo"), ("kl_in_reward", "0.2"), ("kl_reward_estimator", kl)]);
    }
    for kind in RewardNoise::NAMES {
        let noise = [("reward_noise", *kind), ("reward_noise_rate", "0.4"), ("reward_noise_size", "3")];
        cases.push(noise.to_vec());
        cases.push([&noise[..], &[("estimator", "gae"), ("kl_in_reward", "0.2")]].concat());
    }
    for kind in SampleFilter::NAMES.iter().copied() {
        cases.push(vec![("sample_filter", kind), ("advantage_filter", "1.5")]);
        cases.push(vec![("sample_filter", kind), ("estimator", "gae")]);
    }
    cases.push(vec![("dynamic_sampling", "drop")]);
    cases.push(vec![("dynamic_sampling", "drop"), ("sample_filter", "best")]);
    cases.push(vec![("advantage_filter", "1"), ("estimator", "reinforce_plus_plus_baseline")]);
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
        buffers.insert("at", at(UPDATE, 0, 0, 1, 100));
        run(&gpu, &sizes.text("advantage"), &mut buffers, [sizes.lanes as u32, 1, 1]).await;
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
    let key = BatchKey { seed: 7 + lane as u32, update: UPDATE, group: sizes.group };
    noise_into_rewards(settings, key, t, &data.lengths, &mut rewards, &mut step_rewards);
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
        end_values: &data.end_values,
    };
    let (mut advantages, mut returns) = (vec![0.0; n * t], vec![0.0; n * t]);
    let expected = estimate(settings, &batch, &mut BatchScratch::default(), &mut advantages, &mut returns);
    filter_samples(settings, key, &batch, &mut BatchScratch::default(), &mut advantages);
    let got = column(&buffers["advantages"], 2, 0, lane, n * t);
    let mut effective = 0.0;
    for i in 0..n {
        let row = i * t..(i + 1) * t;
        let moves = data.active[i] != 0 && advantages[row.clone()].iter().any(|a| a.abs() > NO_ADVANTAGE);
        effective += f32::from(u8::from(moves));
        if data.active[i] == 0 || (settings.dynamic_sampling != DynamicSampling::Off && !moves) {
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
    assert!((s.effective - effective / n as f32).abs() < 0.5 / n as f32, "{name}: {} effective", s.effective);
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
